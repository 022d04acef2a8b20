"""Was it us? Recovery that something else explains is not put down to the action."""

from autopilot.incident.attribution import attribute
from autopilot.incident.metric import Control
from autopilot.incident.verification import Reading, VerificationPlan
from tests.unit.incident.worlds import T0, after, signal, watching

DEMAND = Control(kind="demand", signal=signal(0, "Count"), of="shop")
SIBLING = Control(kind="sibling", signal=signal(100, "Latency", missing="unknown"), of="search")


def plan(*controls: Control) -> VerificationPlan:
    return watching(signal(100)).model_copy(update={"controls": controls})


def rows(start: float, *values: tuple[float | None, ...]) -> list[Reading]:
    """Readings ten seconds apart."""
    return [Reading(at=after(start + 10 * n), values=one) for n, one in enumerate(values)]


def why(of: VerificationPlan, before: list[Reading], then: list[Reading]) -> str:
    return attribute(of, T0, before[:-1], before[-1], then).reason


def test_with_nothing_else_to_explain_it_it_is_ours() -> None:
    (before,) = rows(-10, (900, 50))
    found = attribute(plan(DEMAND), T0, (), before, rows(10, (900, 50), (20, 50), (20, 50)))
    assert found.ours
    assert found.reason == ""
    assert attribute(plan(DEMAND, SIBLING), T0, (), before, rows(10, (20, None, None))).ours


def test_users_who_went_home_first_explain_it() -> None:
    said = why(plan(DEMAND), rows(-20, (900, 50), (900, 51)), rows(10, (900, 20), (20, 18), (20, 19)))
    assert said == "demand on shop fell by 63% by then"


def test_some_retries_that_end_with_the_trouble_explain_nothing() -> None:
    assert why(plan(DEMAND), rows(-20, (900, 66), (900, 66)), rows(10, (900, 66), (20, 50), (20, 50))) == ""
    assert why(plan(DEMAND), rows(-20, (900, 90), (900, 90)), rows(10, (900, 90), (20, 88), (20, 50))) == ""
    assert why(plan(DEMAND), rows(-20, (900, 50), (900, 50)), rows(10, (900, 40), (20, 45), (20, 45))) == ""


def test_demand_that_only_dipped_explains_nothing() -> None:
    assert why(plan(DEMAND), rows(-10, (900, 50)), rows(10, (900, 10), (20, 50), (20, 50), (20, 50))) == ""


def test_something_untouched_that_recovered_too_explains_it() -> None:
    said = why(plan(SIBLING), rows(-20, (900, 700), (900, 700)), rows(10, (900, 700), (20, 30), (20, 30)))
    assert "search, which was not touched" in said
    assert why(plan(SIBLING), rows(-20, (900, 700), (900, 700)), rows(10, (20, 700), (20, 700))) == ""
    assert why(plan(SIBLING), rows(-20, (900, 30), (900, 30)), rows(10, (20, 30), (20, 30))) == ""


def test_what_was_on_its_way_back_already_is_not_ours() -> None:
    course = rows(-40, (900,), (700,), (500,), (400,), (300,))
    assert "on its way back before" in why(plan(), course, rows(10, (200,), (90,), (90,)))
    assert why(plan(), rows(-40, (900,), (300,), (900,), (880,)), rows(10, (90,), (90,))) == ""
    assert why(plan(), rows(-20, (900,), (890,), (880,)), rows(10, (90,), (90,))) == ""


def test_readings_without_values_and_of_the_time_before_are_no_evidence() -> None:
    early = VerificationPlan(signals=(signal(100),), settle=60, controls=(DEMAND,))
    assert why(early, rows(-10, (900, 50)), rows(10, (900, 5), (900, 50))) == ""
    assert why(plan(DEMAND), rows(-10, (900, None)), rows(10, (900, 10), (20, 10))) == ""
    assert why(plan(DEMAND), rows(-10, (900, 0)), rows(10, (900, 0), (20, 0))) == ""
