"""What is offered about traffic: weights of a forward, sick targets, limits and deployments of a stage."""

import pytest

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Finding
from tests.unit.remediation.aws_story import BLUE, GREEN, forward, grounded, stage, target_group
from tests.unit.remediation.story import context, measured, served, suspect

GREEN_FAILS = measured(3, "shop", "HTTPCode_Target_5XX_Count", 90.0, TargetGroup="targetgroup/green/0a1")
RELEASE = (suspect("checkout", "bad_deploy"),)
BLUE_FAILS = measured(4, "shop", "HTTPCode_Target_5XX_Count", 90.0, TargetGroup="targetgroup/blue/0a0")


def test_traffic_leaves_the_group_that_findings_speak_against() -> None:
    candidate = grounded(context(forward(), findings=(GREEN_FAILS,), suspects=RELEASE))["elb.shift_traffic"]
    assert candidate.step.arguments == {"from_group": GREEN, "to_group": BLUE, "from_weight": 0, "to_weight": 100}
    assert candidate.finding_ids[0] == "F3"
    assert "F3" in candidate.why
    assert candidate.step.command.startswith("aws elbv2 modify-listener --region us-east-1")
    back = grounded(context(forward(), findings=(BLUE_FAILS,), suspects=RELEASE))["elb.shift_traffic"]
    assert back.step.arguments["to_group"] == GREEN


def test_a_group_whose_version_was_measured_sick_is_left() -> None:
    sick = served("green", False, "F8")
    health = measured(8, "green", "Errors", 9.0).model_copy(update={"direction": "down", "resource": "elsewhere"})
    candidate = grounded(context(forward(), findings=(health,), versions=(sick,), suspects=RELEASE))[
        "elb.shift_traffic"
    ]
    assert candidate.step.arguments["from_group"] == GREEN


@pytest.mark.parametrize(
    "findings",
    [
        (),
        (GREEN_FAILS, BLUE_FAILS),
        (measured(5, "shop", "HTTPCode_ELB_5XX_Count", 9.0, LoadBalancer="app/shop/0a"),),
        (measured(5, "shop", "RequestCount", 9.0, TargetGroup="targetgroup/green/0a1"),),
    ],
    ids=["none", "both", "neither", "more requests are no fault"],
)
def test_without_a_difference_between_the_groups_no_traffic_is_shifted(findings: tuple[Finding, ...]) -> None:
    seen = context(forward(), findings=findings, suspects=RELEASE)
    assert "elb.shift_traffic" not in grounded(seen)


def test_a_group_that_gets_no_traffic_is_not_left() -> None:
    assert "elb.shift_traffic" not in grounded(context(forward(100, 0), findings=(GREEN_FAILS,), suspects=RELEASE))


def test_without_a_fitting_suspect_no_traffic_is_shifted() -> None:
    surge = (suspect("checkout", "traffic_surge"),)
    assert "elb.shift_traffic" not in grounded(context(forward(), findings=(GREEN_FAILS,), suspects=surge))


def test_a_sick_target_is_drained_where_others_serve_and_something_points_at_the_service() -> None:
    blamed = (suspect("checkout", "crash"),)
    candidate = grounded(context(target_group(), suspects=blamed))["elb.drain_target"]
    assert candidate.step.arguments == {"target_id": "i-0a", "port": 80}
    assert "2 others pass" in candidate.why


@pytest.mark.parametrize(
    ("settings", "service", "kind"),
    [
        ({"healthy": 0}, "checkout", "crash"),
        ({"unhealthy_target": None}, "checkout", "crash"),
        ({}, "search", "crash"),
        ({}, "checkout", "bad_deploy"),
    ],
)
def test_a_target_is_not_drained_without_need(settings: dict[str, Scalar], service: str, kind: CauseKind) -> None:
    seen = context(target_group(**settings), suspects=(suspect(service, kind),))
    assert "elb.drain_target" not in grounded(seen)


SURGE = measured(6, "checkout-api", "Count", 54_000.0, ApiName="checkout-api")


def test_a_surge_is_limited_to_twice_the_usual_rate() -> None:
    seen = context(stage(), findings=(SURGE,), suspects=(suspect("checkout", "traffic_surge"),))
    candidate = grounded(seen)["api_gateway.set_throttling"]
    assert candidate.step.arguments == {"rate": 600, "burst": 600}
    assert "900 requests per second arrive where 300 are usual (F6)" in candidate.why
    assert "path=/*/*/throttling/rateLimit,value=600" in candidate.step.command.replace("'", "")


@pytest.mark.parametrize(
    ("settings", "observed", "kind"),
    [
        ({}, 30_000.0, "traffic_surge"),
        ({"throttle_rate": 500.0, "throttle_burst": 100}, 54_000.0, "traffic_surge"),
        ({}, 54_000.0, "bad_deploy"),
        ({}, 54_000.0, "throttled"),
    ],
    ids=["less than twice the usual is no surge", "limited already", "another cause", "no limit that could refuse"],
)
def test_a_stage_is_not_limited_without_need(settings: dict[str, Scalar], observed: float, kind: CauseKind) -> None:
    more = measured(6, "checkout-api", "Count", observed, ApiName="checkout-api")
    if kind == "traffic_surge" and not settings:
        more = more.model_copy(update={"baseline": observed / 1.5})
    seen = context(stage(**settings), findings=(more,), suspects=(suspect("checkout", kind),))
    assert "api_gateway.set_throttling" not in grounded(seen)


def test_a_stage_that_refuses_gets_twice_its_limits() -> None:
    limited, throttled = stage(throttle_rate=50.0, throttle_burst=20), (suspect("checkout", "throttled"),)
    refused = measured(7, "checkout-api", "4XXError", 300.0, ApiName="checkout-api")
    candidate = grounded(context(limited, findings=(refused,), suspects=throttled))["api_gateway.set_throttling"]
    assert candidate.step.arguments == {"rate": 100.0, "burst": 40}
    assert "(F7)" in candidate.why
    for other in (
        context(limited, suspects=throttled),
        context(limited, findings=(refused,)),
        context(stage(), findings=(refused,), suspects=throttled),
    ):
        assert "api_gateway.set_throttling" not in grounded(other)


def test_a_stage_goes_back_to_a_deployment_only_where_a_release_is_suspected() -> None:
    blamed = (suspect("checkout", "bad_deploy"),)
    assert "api_gateway.rollback_stage" not in grounded(context(stage()))
    guess = grounded(context(stage(), suspects=blamed))["api_gateway.rollback_stage"]
    assert (guess.step.arguments, guess.unproven) == ({"deployment_id": "d2"}, True)
    finding = measured(9, "checkout", "Errors", 1.0)
    well = served("d1", True, "F9")
    proven = grounded(context(stage(), findings=(finding,), versions=(well,), suspects=blamed))
    assert proven["api_gateway.rollback_stage"].step.arguments == {"deployment_id": "d1"}
    assert not proven["api_gateway.rollback_stage"].unproven


def test_a_canary_leaves_the_traffic_where_a_release_is_suspected() -> None:
    blamed = (suspect("checkout", "bad_deploy"),)
    canary = stage(canary_percent=20.0, canary_deployment_id="d4")
    candidate = grounded(context(canary, suspects=blamed))["api_gateway.set_canary"]
    assert candidate.step.arguments == {"percent": 0.0}
    for other in (
        context(canary),
        context(stage(), suspects=blamed),
        context(stage(canary_percent=0.0), suspects=blamed),
    ):
        assert "api_gateway.set_canary" not in grounded(other)
