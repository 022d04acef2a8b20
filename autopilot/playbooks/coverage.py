"""Whether somebody is on call at every moment of the coming days."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from autopilot.playbooks.problem import Problem
from autopilot.playbooks.rules import Rules
from autopilot.playbooks.schedules import OnCallSpec
from autopilot.playbooks.written import Written

ANY_SERVICE = "any other service"


def services_on_call(rules: Rules) -> list[str]:
    """The services that schedules name, and any other one when an entry speaks of all."""
    named = sorted({name for schedule in rules.schedules for _, duty in schedule.duties for name in duty.services})
    general = any(not duty.services for schedule in rules.schedules for duty in schedule.entries)
    return [*named, *([ANY_SERVICE] if general else [])]


def uncovered(rules: Rules, since: datetime, days: int) -> Iterator[Problem]:
    """The first gap of each service within some days; one problem at the entry that should have covered it."""
    until = since + timedelta(days=days)
    edges = sorted({since, *(at for schedule in rules.schedules for at in schedule.edges(since, until))})
    for service in services_on_call(rules) if days > 0 else ():
        open_ = [not any(schedule.on_duty(service, at) for schedule in rules.schedules) for at in edges]
        if True not in open_:
            continue
        first = open_.index(True)
        last = next((n for n in range(first, len(edges)) if not open_[n]), None)
        yield _gap(rules, service, edges[first], edges[last] if last is not None else until)


def _gap(rules: Rules, service: str, start: datetime, end: datetime) -> Problem:
    written, spec, number = _nearest(rules, service)
    times = " to ".join(f"{at.astimezone(spec.zone):%Y-%m-%d %H:%M}" for at in (start, end))
    what = f"nobody is on call for {service} from {times} ({spec.timezone})"
    return written.problem(
        ("entries", number), what, "add an entry for that time, `repeatWeeks`, or one without dates"
    )


def _nearest(rules: Rules, service: str) -> tuple[Written, OnCallSpec, int]:
    """The last entry that names a service, else the last of all."""
    entries = [
        (service in duty.services, order, written, spec, number)
        for order, (written, spec) in enumerate(rules.specs(OnCallSpec))
        for number, duty in enumerate(spec.entries)
    ]
    _, _, written, spec, number = max(entries, key=lambda found: (found[0], found[1], found[4]))
    return written, spec, number
