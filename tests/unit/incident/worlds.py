"""Small domain objects, and how hypothesis makes them."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from autopilot.incident.alert import Alert
from autopilot.incident.decision import DecisionRequest, DecisionSignal
from autopilot.incident.metric import MetricRef, Signal
from autopilot.incident.plan import DryRun, Option, Plan, PreparedStep, Step, TargetState
from autopilot.incident.verification import Reading, VerificationPlan

T0 = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)
INCIDENT = "incident-shop-0123456789.aabbccddeeff"


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def alert(**changes: object) -> Alert:
    values: dict[str, object] = {
        "source": "test", "external_id": "a1", "title": "shop slow", "service": "shop", "started_at": T0,
        "received_at": T0,
    }  # fmt: skip
    return Alert.model_validate(values | changes)


def prepared(
    tool: str = "t.act", service: str = "shop", *, undo: bool = True, feasible: bool = True
) -> PreparedStep:
    step = Step(tool=tool, target="target", service=service, arguments={"n": 2})
    state = TargetState(target="target", settings={"n": 1}, observed_at=T0)
    return PreparedStep(
        step=step,
        before=state,
        expects=state.target_state_digest,
        undo=step if undo else None,
        dry_run=DryRun(feasible=feasible),
    )


def option(number: int = 1, **changes: object) -> Option:
    values: dict[str, object] = {
        "id": number, "title": "act", "why": "because", "steps": (prepared(),), "risk": "low",
        "reversibility": "reversible",
    }  # fmt: skip
    return Option.model_validate(values | changes)


def plan(*options: Option) -> Plan:
    return Plan(incident_id=INCIDENT, revision=2, options=options or (option(1), option(2)))


def request(of: Plan, **changes: object) -> DecisionRequest:
    values: dict[str, object] = {
        "plan_revision": of.revision, "plan_digest": of.plan_digest, "asked_at": T0, "expires_at": after(600),
        "approvers": ("slack:U1",),
    }  # fmt: skip
    return DecisionRequest.model_validate(values | changes)


def decision(**changes: object) -> DecisionSignal:
    values: dict[str, object] = {
        "decision_id": "d1", "incident_id": INCIDENT, "choice": "option", "option": 1, "actor": "slack:U1",
        "actor_name": "kim", "channel": "slack", "plan_digest": plan().plan_digest,
    }  # fmt: skip
    return DecisionSignal.model_validate(values | changes)


def signal(threshold: float = 100.0, name: str = "Latency", **changes: object) -> Signal:
    values: dict[str, object] = {"metric": MetricRef(source="fake", name=name), "threshold": threshold}
    return Signal.model_validate(values | changes)


def watching(*signals: Signal) -> VerificationPlan:
    return VerificationPlan(
        signals=signals or (signal(),), interval=10, window=10, stabilisation=30, deadline=120, settle=10
    )


LEVELS = st.one_of(st.none(), st.floats(0, 10_000))


@st.composite
def readings(draw: st.DrawFn, signals: int = 1, most: int = 20) -> list[Reading]:
    """Readings ten seconds apart, from just after acting."""
    values = draw(st.lists(st.tuples(*[LEVELS] * signals), max_size=most))
    return [Reading(at=after(10 * n), values=v) for n, v in enumerate(values, start=1)]
