"""What the playbook may decide by itself now, and why what it grants has to be asked nevertheless. Pure.

A grant says what may ever run unasked. Whether it does so now also depends on the world (a freeze, quiet hours,
rate limits) and on the track record of the tool on the service. Whatever speaks against it means that people are
asked, no more.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from autopilot.incident.alert import Alert
from autopilot.incident.approval import policy_decision
from autopilot.incident.base import Line, Model, Time
from autopilot.incident.decision import Judgement
from autopilot.incident.limits import Changed, quiet, too_often
from autopilot.incident.plan import Option, Plan
from autopilot.incident.playbook import Grant, Playbook, granted, granting
from autopilot.incident.state import IncidentState
from autopilot.incident.track_record import Move, TrackRecord, moves
from autopilot.incident.wording import shortened

PENDING = timedelta(hours=24)
"""How long a change whose end nobody knows keeps its tool from running unasked on that service again."""


class Acted(Changed):
    """A change by some incident."""

    incident_id: str


class PolicyOrder(Model):
    """What the playbook is asked to decide."""

    alert: Alert
    playbook: Playbook
    plan: Plan
    environment: str
    error_share: float | None = None
    """The measured share of failing requests; None: not measured."""
    failed: Line = ""
    """What went wrong in this incident already; empty: nothing."""


class Circumstances(Model):
    """What bears on running something unasked, as it is now."""

    now: Time
    frozen: str = ""
    changes: tuple[Acted, ...] = ()
    """What was changed, or may be changing just now, as long ago as limits look."""
    records: tuple[TrackRecord, ...] = ()

    def record(self, move: Move) -> TrackRecord:
        """The track record of a tool on a service; an empty one when nothing is known."""
        return next((record for record in self.records if record.move == move), TrackRecord(move=move))


class Asks(Model):
    """An option that the playbook grants and that people are asked about nevertheless."""

    option: int
    why: Line

    @property
    def words(self) -> str:
        """As people read it."""
        return f"Option {self.option} is granted, but asks: {self.why}."


class PolicyAnswer(Model):
    """What the playbook decides."""

    decision: Judgement | None = None
    asks: tuple[Asks, ...] = ()


def policy_order(state: IncidentState, plan: Plan, playbook: Playbook) -> PolicyOrder:
    """The question as it stands in an incident."""
    tried = shortened(state.failed_actions[-1]) if state.failed_actions else ""
    return PolicyOrder(
        alert=state.alert,
        playbook=playbook,
        plan=plan,
        environment=state.environment,
        error_share=state.dossier.impact.error_share if state.dossier else None,
        failed=f"{tried} was tried in this incident and did not help" if tried else "",
    )


def policy_answer(order: PolicyOrder, now: Circumstances) -> PolicyAnswer:
    """The first option that the playbook grants and nothing speaks against, and why others that it grants ask."""
    asks: list[Asks] = []
    for option in order.plan.options:
        if not granted(order.playbook, option, order.error_share):
            continue
        said = "orders were planted in what was collected, and a model chose otherwise than the rules would have"
        why = [said] if order.plan.ask_people else [order.failed] if order.failed else []
        if why := "; ".join([*why, *objections(order, option, now)]):
            asks.append(Asks(option=option.id, why=why))
    kept = {one.option for one in asks}
    decision = policy_decision(order.playbook, order.plan, now.now, error_share=order.error_share, asks=kept)
    return PolicyAnswer(decision=decision, asks=tuple(asks))


def objections(order: PolicyOrder, option: Option, now: Circumstances) -> tuple[str, ...]:
    """What speaks against running a granted option unasked now."""
    found = [now.frozen, quiet(order.playbook, now.now), *_rates(order, option, now)]
    for move in moves(option, order.alert.service):
        found += [_distrust(order, option, now.record(move)), _pending(order.plan.incident_id, move, now)]
    return tuple(dict.fromkeys(why for why in found if why))


def look_back(playbook: Playbook) -> timedelta:
    """How far back changes bear on what may run unasked."""
    longest = max((limit.seconds for limit in playbook.rate_limits), default=0.0)
    return max(PENDING, timedelta(seconds=longest))


def _rates(order: PolicyOrder, option: Option, now: Circumstances) -> Iterator[str]:
    """Each step counts like a change of its own: an option may not begin what a limit lets it not end."""
    counted: list[Changed] = [*now.changes]
    for prepared in option.steps:
        service = prepared.step.service or order.alert.service
        yield too_often(order.playbook, prepared.step.tool, service, counted, now.now)
        counted.append(Changed(tool=prepared.step.tool, service=service, at=now.now))


def _distrust(order: PolicyOrder, option: Option, record: TrackRecord) -> str:
    if record.demoted is not None:
        return f"{record.move.tool} on {record.move.service} is {record.demoted.words}"
    tool, service = record.move.tool, record.move.service
    grants = granting(order.playbook, tool, service, option.risk, order.error_share)
    return "" if any(has_earned(grant, record) for grant in grants) else unearned(grants, record)


def has_earned(grant: Grant, record: TrackRecord) -> bool:
    """Whether a track record is good enough for what a grant demands of it."""
    return record.worked.of >= grant.min_outcomes and record.bound >= (grant.earned or 0.0)


def unearned(grants: Sequence[Grant], record: TrackRecord) -> str:
    """What is missing until one of some grants is earned."""
    easiest = min(grants, key=lambda grant: (grant.earned or 0.0, grant.min_outcomes), default=Grant(tool="*"))
    wanted = [f"at least {easiest.earned:.0%} of both"] if easiest.earned else []
    wanted += [f"{easiest.min_outcomes} verified outcomes"] if easiest.min_outcomes else []
    return (
        f"{record.move.tool} on {record.move.service} has not earned it yet: people agreed {record.agreed.words}, "
        f"it worked {record.worked.words}, wanted is {' and '.join(wanted)}"
    )


def _pending(incident_id: str, move: Move, now: Circumstances) -> str:
    """Another incident did the same and has not told how it ended: the same mistake is not made twice at once."""
    known = now.record(move).incidents
    for change in now.changes:
        same = (change.service, change.tool) == (move.service, move.tool) and now.now - change.at <= PENDING
        if same and change.incident_id not in ("", incident_id) and change.incident_id not in known:
            return (
                f"incident {change.incident_id} used {move.tool} on {move.service}, and how that ends is not known"
            )
    return ""
