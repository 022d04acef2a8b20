"""What an incident teaches about its tools: what people chose, what verification found, what was done by hand."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from autopilot.incident.audit import NoAudit, action_key, decision_key
from autopilot.incident.base import TimeWindow
from autopilot.incident.decision import Judgement
from autopilot.incident.evidence import CaseManifest, Scope
from autopilot.incident.finding import TimelineEntry
from autopilot.incident.plan import Option, Plan, Step, StepResult, StepStatus, TargetState
from autopilot.incident.playbook import Mode, Playbook, Snapshot
from autopilot.incident.ports import Failure
from autopilot.incident.state import IncidentState
from autopilot.incident.track_record import Experience, Move, proposal
from autopilot.incident.verification import Reading, Verdict, Verification
from autopilot.knowledge.by_hand import ByHandReader, Found, SeenByHand
from autopilot.knowledge.experience import experiences
from autopilot.knowledge.vouching import Vouching
from tests.unit.incident.worlds import INCIDENT, T0, after, alert, option, prepared

ACT, OTHER = Move(service="shop", tool="t.act"), Move(service="shop", tool="t.other")
FIRST, SECOND = option(1), option(2, steps=(prepared("t.other"),))


def closed(revision: int = 1, *options: Option, mode: Mode = "advise", **changes: object) -> IncidentState:
    """A closed incident whose last plan had two options."""
    values: dict[str, object] = {
        "incident_id": INCIDENT, "group": "g", "opened_at": T0, "alerts": [alert()], "service": "shop",
        "plan": Plan(incident_id=INCIDENT, revision=revision, options=options or (FIRST, SECOND)),
        "snapshot": Snapshot(playbook=Playbook(mode=mode)), "milestones": {"options": after(60)},
        "outcome": "resolved",
    }  # fmt: skip
    return IncidentState.model_validate(values | changes)


def judged(number: int | None = 1, revision: int = 1, **changes: object) -> Judgement:
    values: dict[str, object] = {
        "decision_id": f"d{revision}", "accepted": True, "reason": "accepted", "message": "", "choice": "option",
        "option": number, "actor": "slack:U1", "proven": True, "channel": "slack", "plan_revision": revision,
        "at": after(90),
    }  # fmt: skip
    return Judgement.model_validate(values | changes)


def did(tool: str, seconds: float, key: str = "1/1/1", status: StepStatus = "done") -> StepResult:
    return StepResult(key=f"{INCIDENT}/{key}/do", tool=tool, target="target", status=status, at=after(seconds))


def found(verdict: Verdict, seconds: float) -> Verification:
    reading = Reading(at=after(seconds), values=(1.0,))
    return Verification(verdict=verdict, explanation="", readings=(reading,))


def of(taught: Sequence[Experience], move: Move = ACT, plan: int = 1) -> Experience:
    """The one experience of a tool in a plan."""
    (one,) = [e for e in taught if (e.service, e.tool, e.plan) == (move.service, move.tool, plan)]
    return one


def test_what_people_chose_and_what_it_did_are_kept_together() -> None:
    state = closed(judgements=[judged()], executed=[did("t.act", 100)], verifications=[found("fixed", 200)])
    (one,) = experiences(state)
    assert (one.proposed, one.agreed, one.approved, one.decided_by) == (True, True, True, "people")
    assert (one.verdict, one.at, one.options_after) == ("fixed", after(100), 60)


def test_who_chooses_another_option_does_not_agree_with_the_first() -> None:
    state = closed(judgements=[judged(2)], executed=[did("t.other", 100, "1/2/1")])
    taught = experiences(state)
    assert (of(taught).agreed, of(taught).approved) == (False, False)
    assert (of(taught, OTHER).proposed, of(taught, OTHER).agreed, of(taught, OTHER).approved) == (False, None, True)


@pytest.mark.parametrize(
    ("given", "agreed"),
    [
        (judged(None, choice="reanalyse"), False),
        (judged(None, choice="manual"), False),
        (judged(proven=False, channel="cli"), None),
        (judged(accepted=False, reason="not_allowed"), None),
        (judged(channel="policy", actor="policy:default"), None),
    ],
)
def test_agreement_is_only_what_people_who_are_known_said(given: Judgement, agreed: bool | None) -> None:
    one = of(experiences(closed(judgements=[given])))
    assert (one.agreed, one.approved) == (agreed, False)


def test_each_attempt_has_the_verdict_of_the_verification_that_followed_it() -> None:
    state = closed(
        2, option(1, steps=(prepared("t.other"),)),
        judgements=[judged(), judged(revision=2)],
        executed=[did("t.act", 100), did("t.other", 400, "2/1/1")],
        verifications=[found("worse", 200), found("fixed", 500)],
        proposals=[proposal(Plan(incident_id=INCIDENT, revision=1, options=(FIRST, SECOND)), "shop")],
    )  # fmt: skip
    taught = experiences(state)
    assert of(taught).verdict == "worse"
    assert (of(taught, OTHER, 2).verdict, of(taught, OTHER, 2).proposed) == ("fixed", True)


def test_an_option_of_an_earlier_plan_is_still_known_by_its_tools() -> None:
    state = closed(
        2, FIRST, judgements=[judged(2)],
        proposals=[proposal(Plan(incident_id=INCIDENT, revision=1, options=(FIRST, SECOND)), "shop")],
    )  # fmt: skip
    taught = experiences(state)
    assert (of(taught, OTHER).approved, of(taught).agreed) == (True, False)
    assert (of(taught, plan=2).proposed, of(taught, plan=2).agreed) == (True, None)


NOTHING: dict[str, IncidentState] = {
    "stopped": closed(judgements=[judged()], executed=[did("t.act", 100)], outcome="aborted"),
    "healed before acting": closed(judgements=[judged()], verdict="self_healed", outcome="self_healed"),
    "not carried out": closed(
        judgements=[judged()], executed=[did("t.act", 100, status="frozen")], verifications=[found("fixed", 300)]
    ),
    "fixed by hand meanwhile": closed(
        judgements=[judged()], executed=[did("t.act", 100)], verifications=[found("fixed", 300)], handled_by="kim"
    ),
    "half carried out": closed(
        1, option(1, steps=(prepared("t.act"), prepared("t.other"))), judgements=[judged()],
        executed=[did("t.act", 100), did("t.other", 110, "1/1/2", "failed")], verifications=[found("fixed", 300)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("state", NOTHING.values(), ids=NOTHING)
def test_what_nobody_can_credit_to_a_tool_is_not(state: IncidentState) -> None:
    assert of(experiences(state)).verdict is None
    assert of(experiences(state)).approved


def test_a_failure_counts_even_when_people_meddled() -> None:
    state = closed(
        judgements=[judged()], executed=[did("t.act", 100)], verifications=[found("still_broken", 300)],
        handled_by="kim",
    )  # fmt: skip
    assert of(experiences(state)).verdict == "still_broken"


def test_what_helps_against_nothing_neither_fixes_nor_fails() -> None:
    state = closed(judgements=[judged()], executed=[did("t.act", 100)], verifications=[found("still_broken", 300)])
    assert of(experiences(state, {"t.act": frozenset()})).verdict is None
    assert of(experiences(state, {"t.act": frozenset({"capacity"})})).verdict == "still_broken"


def test_what_was_carried_out_without_a_plan_that_is_known_is_kept_all_the_same() -> None:
    state = closed(plan=None, executed=[did("t.act", 100)], verifications=[found("worse", 300)])
    one = of(experiences(state))
    assert (one.verdict, one.proposed, one.agreed, one.decided_by) == ("worse", False, None, "")


# --- By hand -----------------------------------------------------------------------------------------


def watched(**changes: object) -> IncidentState:
    return closed(mode="observe", outcome="observed").model_copy(update=changes)


HANDS: list[tuple[dict[str, object], list[tuple[Move, Found]], bool | None]] = [
    ({}, [(ACT, "same"), (OTHER, "untouched")], True),
    ({}, [(ACT, "otherwise"), (OTHER, "untouched")], False),
    ({}, [(ACT, "untouched"), (OTHER, "same")], False),
    ({"handled_by": "kim"}, [(ACT, "untouched")], False),
    ({}, [(ACT, "same"), (ACT, "untouched")], False),
    ({}, [(ACT, "untouched")], None),
    ({"handled_by": "kim"}, [], None),
]


@pytest.mark.parametrize(("changes", "targets", "agreed"), HANDS)
def test_where_we_only_watch_the_targets_tell_whether_people_did_the_same(
    changes: dict[str, object], targets: list[tuple[Move, Found]], agreed: bool | None
) -> None:
    one = of(experiences(watched(**changes), seen=SeenByHand(targets=tuple(targets))))
    acted = bool(changes) or any(seen != "untouched" for _, seen in targets)
    assert (one.agreed, one.decided_by, one.mode) == (agreed, "by_hand" if acted else "", "observe")
    assert (one.approved, one.verdict) == (False, None)


def test_to_handle_it_by_hand_is_no_agreement_even_if_the_same_is_done() -> None:
    state = closed(judgements=[judged(None, choice="manual")], outcome="handed_over", claimed_by="kim")
    same, otherwise = (SeenByHand(targets=((ACT, found),)) for found in ("same", "otherwise"))
    assert of(experiences(state, seen=same)).agreed is None
    assert of(experiences(state, seen=otherwise)).agreed is False
    assert of(experiences(state)).decided_by == "people"


def test_time_is_measured_until_people_acted_as_they_said_or_as_it_shows() -> None:
    said = TimelineEntry(at=after(500), kind="note", text="kim says it is handled: restarted")
    state = watched(handled_by="kim", timeline=[said])
    assert of(experiences(state)).acted_after == 500
    seen = SeenByHand(targets=((ACT, "same"),), changed_at=after(400))
    assert of(experiences(state, seen=seen)).acted_after == 400
    assert of(experiences(watched())).acted_after is None


class Shop:
    """The watched systems after people were there."""

    def __init__(self, **settings: int) -> None:
        self.settings = settings
        self.changes: list[datetime] = []
        self.scopes: list[Scope] = []

    def inspect(self, step: Step) -> TargetState:
        if step.tool != "t.act":
            raise Failure("throttled")
        return TargetState(target=step.target, settings=dict(self.settings), observed_at=T0)

    def recent_changes(self, scope: Scope, limit: int) -> tuple[TimelineEntry, ...]:
        self.scopes.append(scope)
        return tuple(TimelineEntry(at=at, kind="change", text="changed") for at in self.changes)


def leaving() -> Option:
    """The first option with the state that it would leave."""
    after_it = TargetState(target="target", settings={"n": 2}, observed_at=T0)
    step = prepared().model_copy(update={"leaves": after_it.target_state_digest, "after": after_it})
    return option(1, steps=(step,))


def manifest() -> CaseManifest:
    window = TimeWindow(start=after(-1_800), end=after(30))
    scope = Scope(incident_id=INCIDENT, services=("shop",), baseline=window, incident=window, alerted_at=T0)
    return CaseManifest(revision=1, scope=scope)


@pytest.mark.parametrize(("n", "expected"), [(2, "same"), (1, "untouched"), (7, "otherwise")])
def test_a_target_is_held_against_what_the_step_would_have_left(n: int, expected: Found) -> None:
    shop = Shop(n=n)
    state = closed(1, leaving(), SECOND, mode="observe", outcome="observed")
    seen = ByHandReader(shop.inspect, shop.recent_changes).seen(state)
    assert seen.targets == ((ACT, expected),)
    assert seen.changed_at is None


def test_the_first_change_after_the_alert_and_before_the_recovery_is_theirs() -> None:
    shop = Shop(n=2)
    shop.changes = [after(-60), after(300), after(240), after(900)]
    state = closed(1, leaving(), mode="observe", outcome="handed_over", manifest=manifest())
    state.milestones["recovery"] = after(600)
    seen = ByHandReader(shop.inspect, shop.recent_changes).seen(state)
    assert seen.changed_at == after(240)
    assert shop.scopes[0].incident.end == after(600)


@pytest.mark.parametrize(
    "state",
    [
        closed(1, leaving(), outcome="resolved"),
        closed(1, leaving(), outcome="handed_over", executed=[did("t.act", 100)]),
        closed(1, leaving(), outcome="observed", plan=None),
        closed(1, FIRST, outcome="observed"),
    ],
    ids=["we did it", "we changed something", "no plan", "leaves no trace"],
)
def test_what_cannot_tell_of_people_is_not_asked(state: IncidentState) -> None:
    shop = Shop(n=2)
    assert ByHandReader(shop.inspect, shop.recent_changes).seen(state) == SeenByHand()
    assert shop.scopes == []


def test_changes_that_cannot_be_read_leave_the_time_unknown() -> None:
    def unreachable(scope: Scope, limit: int) -> tuple[TimelineEntry, ...]:
        raise Failure("unreachable")

    state = closed(1, leaving(), outcome="observed", manifest=manifest())
    seen = ByHandReader(Shop(n=2).inspect, unreachable).seen(state)
    assert (seen.touched, seen.changed_at) == (True, None)


# --- What the record bears out -----------------------------------------------------------------------


def recorded(*, decision: str = "", step: str = "") -> Vouching:
    """An audit record in which a decision was answered so, and a step ended so."""
    kept = {
        decision_key(INCIDENT, "d1", proven=True): (decision,) if decision else (),
        action_key(f"{INCIDENT}/1/1/1/do"): ("begins", step) if step else (),
    }

    class Record(NoAudit):
        def outcomes(self, prefix: str, /) -> tuple[str, ...]:
            return kept.get(prefix, ())

    return Vouching(Record())


@pytest.mark.parametrize(
    ("vouching", "agreed", "verdict"),
    [
        (recorded(decision="accepted", step="done"), True, "fixed"),
        (recorded(decision="accepted", step="already"), True, "fixed"),
        (recorded(decision="not_allowed", step="done"), None, "fixed"),
        (recorded(step="done"), None, "fixed"),
        (recorded(decision="accepted", step="refused"), True, None),
        (recorded(), None, None),
    ],
)
def test_trust_cannot_be_made_up(vouching: Vouching, agreed: bool | None, verdict: Verdict | None) -> None:
    state = closed(judgements=[judged()], executed=[did("t.act", 100)], verifications=[found("fixed", 200)])
    one = of(experiences(vouching.borne_out(state), vouched=vouching.step))
    assert (one.agreed, one.approved, one.verdict) == (agreed, bool(agreed), verdict)


def test_a_failure_counts_whoever_tells_of_it() -> None:
    state = closed(judgements=[judged()], executed=[did("t.act", 100)], verifications=[found("worse", 200)])
    assert of(experiences(recorded().borne_out(state), vouched=recorded().step)).verdict == "worse"
