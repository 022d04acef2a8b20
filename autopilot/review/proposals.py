"""What should be better next time: derived by rules from what the incident shows, so that nothing is forgotten."""

from collections.abc import Iterator
from dataclasses import dataclass

from autopilot.incident.cause import CauseKind
from autopilot.incident.decision import Reason
from autopilot.incident.finding import Dossier, Finding
from autopilot.incident.state import IncidentState
from autopilot.incident.wording import plain, short
from autopilot.review.record import accepted_option, acts, gaps, judgements, who

EARLY_SECONDS = 60.0
"""A series that moved this long before the alert deserves an alarm of its own."""
MAX_ALARMS = 2

PREVENTION: dict[CauseKind, str] = {
    "bad_deploy": "Release to a small share of the traffic first and stop by itself when latency or errors rise.",
    "config_change": "Review and roll out configuration like code: staged, with an automatic way back.",
    "capacity": "Scale by demand instead of a fixed size, and alarm at 80 % of the capacity.",
    "throttled": "Alarm on use above 80 % of the provider's limit, before requests are rejected.",
    "traffic_surge": "Load-test at twice the usual peak and let the service scale or shed load by itself.",
    "slow_query": "Compare the work per query between releases in a load test before they ship.",
    "lock_contention": "Keep transactions short and alarm on lock waits.",
    "connection_pool": "Bound and time-limit connections, and alarm on the pool's use.",
    "memory": "Alarm on memory use well below the limit and look for the leak.",
    "cpu": "Alarm on processor use below saturation and scale on it.",
    "disk": "Alarm on storage at 80 % and clean up or grow by itself.",
    "dependency": "Set timeouts and a fallback for the dependency that failed.",
    "network": "Alarm on lost connections and test the way between the services regularly.",
    "certificate": "Renew certificates by themselves and alarm 30 days before they expire.",
    "permission": "Test permissions in the release pipeline before a change reaches production.",
    "quota": "Alarm on quota use at 80 % and request increases ahead of need.",
    "crash": "Turn the crash into a test and restart with a limit on the rate.",
    "startup": "Check readiness in the release pipeline with production-like settings.",
    "scheduling": "Keep spare room for one more instance than is needed.",
    "image": "Verify that artefacts can be fetched before a rollout starts.",
    "batch_job": "Run scheduled work outside peak hours or with a limit on its rate.",
    "data": "Validate data before it is loaded or migrated, and rehearse the way back.",
}

REFUSED: dict[Reason, str] = {
    "unproven": "Somebody decided on a channel that does not prove who he is: show the team where to decide.",
    "not_allowed": "Somebody who may not approve tried to: check the approvers in the playbook.",
    "stale_plan": "A decision met a plan that had changed: check whether the message was up to date for everybody.",
    "expired": "A decision came after the time to decide: page earlier or allow more time in the playbook.",
    "late": "A decision came after another was accepted: agree on who decides.",
    "changed_world": "The world changed between plan and decision: find out who else was changing things.",
    "infeasible_option": "An option that could not work was chosen: make its warning clearer or leave it out.",
}


@dataclass(frozen=True)
class Proposal:
    """One thing to do, and what in the incident speaks for it."""

    text: str
    why: str


def _unwatched(state: IncidentState, dossier: Dossier) -> list[Finding]:
    """Series that moved well before the first alert and have no alarm."""
    if not state.alerts:
        return []
    first = min(a.started_at for a in state.alerts)
    alarmed = {(a.signal.metric.name, a.signal.metric.service) for a in state.alerts if a.signal}
    found = [
        f
        for f in dossier.findings
        if f.kind == "metric"
        and f.metric is not None
        and f.onset is not None
        and (first - f.onset).total_seconds() - f.onset_uncertainty >= EARLY_SECONDS
        and (f.metric.name, f.metric.service) not in alarmed
    ]
    return sorted(found, key=lambda f: -f.score)[:MAX_ALARMS]


def improvements(state: IncidentState, dossier: Dossier | None) -> list[Proposal]:
    """Proposals for the watched services."""
    found = (
        [Proposal(text, "long-term recommendation of the plan") for text in state.plan.recommendations]
        if state.plan
        else []
    )
    best = state.diagnosis.best if state.diagnosis else None
    if best is not None and best.standing != "inconclusive" and best.cause_kind in PREVENTION:
        found.append(Proposal(PREVENTION[best.cause_kind], f"the cause: {best.statement}"))
    for finding in _unwatched(state, dossier) if dossier else ():
        label = finding.metric.label if finding.metric else finding.resource
        early = round((state.alerts[0].started_at - finding.onset).total_seconds() / 60) if finding.onset else 0
        found.append(
            Proposal(f"Add an alarm on {label}.", f"it moved {early} min before the first alert ({finding.id})")
        )
    repeated = [f for f in dossier.findings if f.kind == "recurrence"] if dossier else []
    found += [Proposal("Finish the lasting fix: this was not the first time.", f.summary) for f in repeated[:1]]
    return found


def _about_actions(state: IncidentState) -> Iterator[Proposal]:
    option = accepted_option(state)
    for act in acts(state):
        kept = act.result.took_effect and not act.undo.startswith("Undone")
        if kept and act.changes:
            change = "; ".join(f"{name} {was} → {now}" for name, was, now in act.changes)
            yield Proposal(
                f"Decide whether the change to {short(act.result.target)} stays: {plain(change)}.",
                "it was made to end the incident, with cost and side effects still open",
            )
        elif act.result.status == "unknown":
            yield Proposal(
                f"Check the state of {short(act.result.target)} by hand.", "the answer to the action was lost"
            )
    if state.undone:
        title = option.title if option else "the option that was undone"
        yield Proposal(f"Find out why {title!r} did not help before it is offered again.", "it was undone")


def _about_people(state: IncidentState) -> Iterator[Proposal]:
    said: set[Reason] = set()
    for judgement in judgements(state):
        if not judgement.accepted and judgement.reason in REFUSED and judgement.reason not in said:
            said.add(judgement.reason)
            yield Proposal(REFUSED[judgement.reason], f"refused decision of {who(judgement)}: {judgement.message}")
    if state.outcome == "handed_over" and state.decision is None and state.plan is not None:
        yield Proposal("Check that the pages of the decision ladder reach somebody.", "nobody decided in time")


def follow_ups(state: IncidentState, dossier: Dossier | None) -> list[Proposal]:
    """What is left to do about this incident and about how it was handled."""
    found = [*_about_actions(state), *_about_people(state)]
    for gap in gaps(state, dossier):
        if gap.remedy or gap.kind != "no_data":
            text = gap.remedy or f"Make {gap.source} answer: {gap.what}."
            found.append(Proposal(text, f"gap: {gap.source}, {gap.what} ({gap.kind.replace('_', ' ')})"))
    if state.verdict == "no_data":
        found.append(Proposal("Restore the data of the symptom.", "recovery could not be read"))
    best = state.diagnosis.best if state.diagnosis else None
    if state.diagnosis is not None and (best is None or best.standing == "inconclusive"):
        found += [Proposal(text, "the cause is not settled") for text in state.diagnosis.next_steps]
    return found
