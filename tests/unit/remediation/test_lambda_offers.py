"""When traffic is shifted and memory raised: for what helps, and not otherwise."""

import pytest

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Suspect
from autopilot.reasoning.planning.provenance import provenance_problem
from tests.unit.remediation.story import alias, context, measured, offered, served, suspect

BLAMED = (suspect("checkout", "bad_deploy"),)
RECORDS = (served("v2.4.1", False, "F3"), served("v2.4.0", True, "F4"))


def test_most_requests_go_to_the_healthy_version_and_the_rest_is_the_comparison() -> None:
    seen = context(alias(), versions=RECORDS, suspects=BLAMED)
    candidate = offered(seen)["lambda.shift_traffic"]
    assert candidate.step.arguments == {"version": "40", "share": 0.9}
    assert "F4" in candidate.step.sources["version"]
    assert candidate.fit < offered(seen)["lambda.rollback_alias"].fit, "a whole rollback ends the harm wholly"
    assert not candidate.unproven


def test_a_rollout_under_way_is_ended() -> None:
    canary = alias(version="40", weights='{"41": 0.1}')
    candidate = offered(context(canary, versions=RECORDS, suspects=BLAMED))["lambda.shift_traffic"]
    assert candidate.step.arguments == {"version": "41", "share": 0.0}
    assert "v2.4.0" in candidate.step.summary
    assert not candidate.unproven
    unknown = offered(context(canary, suspects=BLAMED))["lambda.shift_traffic"]
    assert unknown.unproven
    sick = (served("v2.4.0", False, "F5"),)
    assert "lambda.shift_traffic" not in offered(context(canary, versions=sick, suspects=BLAMED))


@pytest.mark.parametrize("kind", ["capacity", "network", "permission"])
def test_shares_do_not_help_against_everything(kind: CauseKind) -> None:
    seen = context(alias(), versions=RECORDS, suspects=(suspect("checkout", kind),))
    assert "lambda.shift_traffic" not in offered(seen)


def test_memory_is_doubled_for_who_lacks_it_only() -> None:
    short = (suspect("checkout", "memory"),)
    candidate = offered(context(alias(memory_mb=512), suspects=short))["lambda.set_memory"]
    assert candidate.step.arguments == {"memory_mb": 1_024}
    assert candidate.step.sources["memory_mb"] == "inventory checkout:live memory_mb 512; doubled"
    assert "update-function-configuration" in candidate.step.command
    assert "publish-version" in candidate.step.command


@pytest.mark.parametrize(
    ("settings", "suspected"),
    [
        ({"memory_mb": 512}, suspect("checkout", "bad_deploy")),
        ({"memory_mb": 512}, suspect("orders", "memory")),
        ({"memory_mb": 10_240}, suspect("checkout", "memory")),
        ({"memory_mb": 512, "weights": '{"40": 0.5}'}, suspect("checkout", "memory")),
        ({}, suspect("checkout", "memory")),
    ],
    ids=["another cause", "another service", "as much as there is", "two versions", "not known"],
)
def test_memory_is_not_offered_where_it_cannot_help(settings: dict[str, Scalar], suspected: Suspect) -> None:
    seen = context(alias(**settings), suspects=(suspected,))
    assert "lambda.set_memory" not in offered(seen)


@pytest.mark.parametrize("tool", ["lambda.shift_traffic", "lambda.set_memory"])
@pytest.mark.parametrize("rollout", ["", '{"41": 0.1}'], ids=["settled", "rolling out"])
def test_every_argument_has_its_origin(tool: str, rollout: str) -> None:
    settled = tool == "lambda.set_memory" or not rollout
    item = alias(memory_mb=512, version="41" if settled else "40", weights="" if settled else rollout)
    cited = tuple(measured(n, "checkout", "Errors", 3.0, FunctionName="checkout") for n in (3, 4))
    suspects = (*BLAMED, suspect("checkout", "memory"))
    seen = context(item, findings=cited, versions=RECORDS, suspects=suspects)
    assert provenance_problem(offered(seen)[tool], seen.inventory, seen.dossier) == ""
