"""What people read: names instead of ARNs, numbers with units, deeds in the order in which they happened."""

from datetime import UTC, datetime, timedelta

import pytest

from autopilot.incident.alert import Alert
from autopilot.incident.course import course, result_of
from autopilot.incident.decision import Judgement
from autopilot.incident.evidence import Gap
from autopilot.incident.metric import MetricRef, Signal
from autopilot.incident.plan import StepResult, StepStatus, TargetState
from autopilot.incident.state import IncidentState
from autopilot.incident.verification import Reading, Verdict, Verification
from autopilot.incident.wording import figure, gap_words, headline, short, shortened, step_words

T = datetime(2026, 11, 21, 3, 15, tzinfo=UTC)
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/orders"
ALIAS = "arn:aws:lambda:us-east-1:000000000000:function:checkout:live"
LATENCY = Signal(
    metric=MetricRef(source="cloudwatch", namespace="AWS/ApiGateway", name="Latency", service="checkout-api"),
    threshold=1_000,
)


def at(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def step(plan: int, mode: str, was: str, now: str, seconds: float, status: StepStatus = "done") -> StepResult:
    return StepResult(
        key=f"i.1/{plan}/1/1/{mode}", tool="lambda.rollback_alias", target=ALIAS, status=status, at=at(seconds),
        before=TargetState(target=ALIAS, settings={"version": was}, observed_at=T),
        after=TargetState(target=ALIAS, settings={"version": now}, observed_at=T),
    )  # fmt: skip


def verified(verdict: Verdict, value: float, seconds: float) -> Verification:
    before, after = Reading(at=at(seconds - 5), values=(1_231.4,)), Reading(at=at(seconds), values=(value,))
    return Verification(verdict=verdict, explanation="as measured", before=before, readings=(after,))


def decided(plan: int, seconds: float) -> Judgement:
    return Judgement(
        decision_id=f"d-{plan}", accepted=True, reason="accepted", message="Accepted.", choice="option", option=1,
        actor="slack:U1", actor_name="kim", proven=True, channel="slack", plan_revision=plan, at=at(seconds),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (TABLE, "orders"), (ALIAS, "checkout:live"), ("arn:aws:rds:us-east-1:0:db:catalog-db", "catalog-db"),
        ("arn:aws:ecs:us-east-1:0:service/shop/inventory", "inventory"), ("orders", "orders"),
        ("arn:aws:apigateway:us-east-1::/restapis/f2b3/stages/prod", "API stage prod"),
    ],
)  # fmt: skip
def test_a_resource_is_called_by_its_own_name(target: str, name: str) -> None:
    assert short(target) == name


def test_a_text_keeps_everything_but_the_arns() -> None:
    assert shortened(f"set on {TABLE}: done; {ALIAS} (too)") == "set on orders: done; checkout:live (too)"


def test_the_headline_names_series_and_limit_with_its_unit() -> None:
    alert = Alert(source="cloudwatch", external_id="1", title="x-alarm", service="s", started_at=T, received_at=T)
    assert headline(alert) == "x-alarm"
    assert headline(alert.model_copy(update={"signal": LATENCY})) == "checkout-api: latency above 1,000 ms"


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [(None, "ms", "no data"), (884.53, "ms", "885 ms"), (0, "", "0"), (9.871, "%", "9.87%")],
)
def test_figures_have_useful_digits_and_a_unit(value: float | None, unit: str, told: str) -> None:
    assert figure(value, unit) == told


def test_a_step_that_failed_says_so_and_claims_no_change() -> None:
    told = step_words(step(1, "do", "3", "2", 0, "refused"))
    assert "refused" in told
    assert "→" not in told


def test_a_gap_has_no_address_in_it() -> None:
    told = gap_words(
        Gap(source="servicenow", kind="unsupported", what="plans unreadable: ServiceNow: http://h/x?y=1")
    )
    assert told == "servicenow: plans unreadable (not available)"


def test_an_undo_stands_where_it_happened_and_the_result_tells_it() -> None:
    state = IncidentState(
        incident_id="i.1", group="i", opened_at=T, signals=[LATENCY], outcome="resolved", verdict="fixed",
        judgements=[decided(1, 10), decided(2, 40)], decision=decided(2, 40),
        executed=[step(1, "do", "3", "2", 11), step(2, "do", "3", "4", 41)], undone=[step(1, "undo", "2", "3", 25)],
        verifications=[verified("worse", 2_500.9, 20), verified("fixed", 884.5, 60)],
    )  # fmt: skip
    kinds = [moment.kind for moment in course(state)]
    assert kinds == ["decision", "action", "verification", "undo", "decision", "action", "verification"]

    result = result_of(state)
    assert result.ended == "resolved: fixed"
    assert result.what_happened[0].endswith(
        "option 1 of plan 1: Moved checkout:live to another version: version 3 → 2"
    )
    assert "Undone: moved checkout:live to another version: version 2 → 3" in result.what_happened[3]
    assert result.what_happened[-1].endswith("Fixed: checkout-api: latency 1,231 ms → 884 ms (limit 1,000 ms)")
