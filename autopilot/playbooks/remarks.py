"""What is valid and still worth saying about rules: what has no effect, or another one than somebody may expect."""

from collections.abc import Iterator

from autopilot.incident.sources import EVIDENCE
from autopilot.playbooks.config_map import CONFIG_MAP
from autopilot.playbooks.conflicts import SYSTEMS, names_used, stands_for
from autopilot.playbooks.coverage import ANY_SERVICE, services_on_call
from autopilot.playbooks.data_sources import meant
from autopilot.playbooks.people import CatalogueSpec
from autopilot.playbooks.problem import Problem
from autopilot.playbooks.response import IncidentResponseSpec, named_severity
from autopilot.playbooks.rules import DEFAULT, Rules
from autopilot.playbooks.schedules import OnCallSpec
from autopilot.playbooks.windows import WindowShape
from autopilot.playbooks.written import OWN_VERSION, Written
from autopilot.playbooks.yaml_tree import Path

NOT_YET = "has no effect yet"
NO_EFFECT: dict[Path, str] = {
    ("analysis", "model"): "the model of the settings is asked all the same",
    ("notifications", "channels"): "messages, pages and tickets go where the settings say",
    ("actions", "createTicket", "tool"): "every ticket system that is configured gets a ticket",
    ("actions", "escalation"): "the ladder reminds, pages the secondary and hands over to the primary",
    ("severity",): "an incident is as severe as its worst alert",
    ("maintenance",): "alerts of that time open incidents like any other",
}
"""Keys that are understood and not obeyed yet, and what happens instead."""
OF_KIND = {
    "MaintenanceWindow": NO_EFFECT["maintenance",],
    "ServiceCatalogue": "incidents are handed over to who is on call for the service that alarmed",
}


def remarks(rules: Rules) -> Iterator[Problem]:
    """Every remark, document by document."""
    for written, spec in rules.specs(IncidentResponseSpec):
        yield from _about_use(written, spec)
        yield from _about_sources(written, spec)
        yield from _about_unasked(written, spec)
        for path, instead in NO_EFFECT.items():
            if written.tree.at(written.place.of(path)) is not None:
                yield written.problem(path, NOT_YET, instead)
    for written, _ in (*rules.specs(WindowShape), *rules.specs(CatalogueSpec)):
        yield written.problem((), NOT_YET, OF_KIND[written.kind])
    yield from _about_people(rules)
    yield from _about_schedules(rules)


def _about_use(written: Written, spec: IncidentResponseSpec) -> Iterator[Problem]:
    if written.version != OWN_VERSION:
        what = f"{written.version!r} is not ours"
        yield written.tree.problem(("apiVersion",), what, f"it is read as {OWN_VERSION}")
    if not spec.triggers and written.name != DEFAULT:
        remedy = f"add `triggers`, or call it {DEFAULT!r} to use it where no other one fits"
        yield written.tree.problem(("metadata", "name"), "is used for no alert", remedy)
    for number, trigger in enumerate(spec.triggers):
        for name in trigger.cloud_watch_alarm.name if trigger.cloud_watch_alarm else ():
            if severity := named_severity(name):
                path = ("triggers", number, "cloudWatchAlarm", "name")
                yield written.problem(
                    path, f"stands for every alert of severity {severity}", "write `severity:` to say so"
                )
    if not spec.analysis.agent_enabled:
        what = "nothing is analysed or proposed"
        yield written.problem(("analysis", "agentEnabled"), what, "people are told and paged, and a ticket is made")


def _about_sources(written: Written, spec: IncidentResponseSpec) -> Iterator[Problem]:
    for number, name in enumerate(spec.analysis.data_sources):
        sources, path = meant(name), ("analysis", "dataSources", number)
        if sources is None:
            yield written.problem(path, f"{name!r} is no source here", "nothing is read from it")
        elif not set(sources) & set(EVIDENCE):
            yield written.problem(path, f"{name!r} is asked anyway", "it lists what can be acted on")


def _about_unasked(written: Written, spec: IncidentResponseSpec) -> Iterator[Problem]:
    """What the words of autonomous mode mean in this one."""
    actions = spec.actions
    for key, given in (("autoRollback", actions.auto_rollback), ("autoScale", actions.auto_scale)):
        if given and spec.mode != "autonomous":
            what = f"runs nothing unasked in mode {spec.mode}; ranking and pre-selecting {NOT_YET}"
            yield written.problem(("actions", key), what, "with `mode: autonomous` it is a grant")
    bound = (("grants", actions.grants), ("quietHours", actions.quiet_hours), ("rateLimits", actions.rate_limits))
    for key, given in bound:
        if given and spec.mode != "autonomous":
            yield written.problem(("actions", key), f"has no effect in mode {spec.mode}", "every change asks")
    if actions.auto_rollback and actions.auto_rollback.threshold is not None:
        what = f"unasked only while {actions.auto_rollback.threshold:g} % of requests are measured to fail"
        yield written.problem(("actions", "autoRollback", "threshold"), what, "below it, or unmeasured, it asks")
    for number, scaling in enumerate(actions.auto_scale):
        if scaling.target_cpu is not None:
            path = ("actions", "autoScale", number, "targetCPU")
            yield written.problem(
                path, "does not decide how far is scaled", "each tool says its own goal in the option"
            )


def _about_people(rules: Rules) -> Iterator[Problem]:
    for written, path, name in names_used(rules):
        if not stands_for(rules, written, name):
            remedy = "describe him in a document of kind People"
            yield written.problem(path, f"{name!r} can be named, but neither asked nor paged", remedy)
        elif name.startswith(SYSTEMS) and path[-1] in ("primary", "secondary"):
            system = name.partition(":")[0]
            yield written.problem(path, f"is asked of {system} as an incident opens", f"configure `{system}:`")


def _about_schedules(rules: Rules) -> Iterator[Problem]:
    found = list(rules.specs(OnCallSpec))
    if found and ANY_SERVICE not in services_on_call(rules):
        written, _ = found[-1]
        what = "alerts of services that no entry names reach nobody on call"
        yield written.problem(("entries",), what, "add an entry without `services`")
    for written, spec in found:
        if written.kind == CONFIG_MAP and spec.timezone == "UTC" and written.tree.at(("timezone",)) is None:
            yield written.problem(("entries",), "weeks begin at midnight UTC", "add `timezone:` for another zone")
