"""Stages of a REST API on the emulator: limits, deployments, canaries."""

from dataclasses import dataclass, replace

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.base import Scalar
from autopilot.incident.plan import Step
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws
from autopilot.sources.api_gateway import ApiGateway
from autopilot.sources.aws import Account
from autopilot.sources.base import Budget, Collected
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.remediation.conftest import REGION, do, plan, step_of
from tests.integration.remediation.fault_proxy import FaultProxy
from tests.integration.remediation.laws import Case, ReversibleLaws

PERMISSION = "apigateway:PATCH"


@dataclass(frozen=True)
class Stage:
    """What the emulator made."""

    api: str
    first: str
    second: str

    @property
    def arn(self) -> str:
        return f"arn:aws:apigateway:{REGION}::/restapis/{self.api}/stages/prod"


@pytest.fixture(autouse=True)
def proxy(shared_proxy: FaultProxy) -> FaultProxy:
    """The proxy before an empty cloud: these tests fill it themselves."""
    shared_proxy.empty_the_cloud()
    return shared_proxy


@pytest.fixture(autouse=True)
def stage(proxy: FaultProxy, clients: AwsClients) -> Stage:
    """A stage on its second deployment, without limits, with a canary of 20 %."""
    client = clients.apigateway()
    api = client.create_rest_api(name="checkout-api")["id"]
    root = client.get_resources(restApiId=api)["items"][0].get("id", "")
    client.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    client.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    first = client.create_deployment(restApiId=api, stageName="prod", description="first")["id"]
    second = client.create_deployment(restApiId=api, stageName="prod", description="second")["id"]
    client.update_stage(
        restApiId=api, stageName="prod",
        patchOperations=[{"op": "replace", "path": "/canarySettings/percentTraffic", "value": "20"}],
    )  # fmt: skip
    proxy.clear()
    return Stage(api, first, second)


def case(tool: str, arguments: dict[str, Scalar], wanted: dict[str, Scalar]) -> Case[Stage]:
    """A case whose one write is a patch of the stage; the API's id is known at run time only."""

    def step(stage: Stage) -> Step:
        given = {name: stage.first if value == "first" else value for name, value in arguments.items()}
        return step_of(tool, stage.arn).model_copy(update={"arguments": given})

    gone = f"arn:aws:apigateway:{REGION}::/restapis/gone1234/stages/prod"
    return Case(
        tool, step, ("PATCH",), PERMISSION, wanted, gone, "AccessDeniedException", "TooManyRequestsException"
    )


CASES = [
    case("api_gateway.set_throttling", {"rate": 50, "burst": 20}, {"throttle_rate": 50.0, "throttle_burst": 20}),
    case("api_gateway.rollback_stage", {"deployment_id": "first"}, {}),
    case("api_gateway.set_canary", {"percent": 0.0}, {"canary_percent": 0.0}),
]


class TestStages(ReversibleLaws):
    """All three."""

    @pytest.fixture(params=CASES, ids=lambda case: case.tool)
    def case(self, request: pytest.FixtureRequest, stage: Stage) -> Case[Stage]:
        given: Case[Stage] = request.param
        return replace(given, calls=(f"PATCH /restapis/{stage.api}/stages/prod",))

    @pytest.fixture
    def step(self, case: Case[Stage], stage: Stage) -> Step:
        return case.step(stage)


def test_the_stage_serves_the_earlier_deployment_and_a_canary_raises_the_risk(
    stage: Stage, toolbox: CatalogueToolbox, clients: AwsClients
) -> None:
    option = plan(toolbox, step_of("api_gateway.rollback_stage", stage.arn, deployment_id=stage.first))
    assert option.risk == "high"
    assert "its canary keeps 20 % of the traffic" in option.steps[0].dry_run.warnings
    toolbox.execute(do(option.steps[0]), 1)
    assert clients.apigateway().get_stage(restApiId=stage.api, stageName="prod").get("deploymentId") == stage.first


def test_a_deployment_that_is_no_longer_kept_is_found_by_the_dry_run(
    stage: Stage, toolbox: CatalogueToolbox
) -> None:
    option = plan(toolbox, step_of("api_gateway.rollback_stage", stage.arn, deployment_id="zzzzzz"))
    assert not option.feasible
    assert "does not exist" in option.infeasible_reason


def test_a_stage_without_a_canary_has_none_to_set(
    stage: Stage, toolbox: CatalogueToolbox, clients: AwsClients
) -> None:
    clients.apigateway().create_stage(restApiId=stage.api, stageName="beta", deploymentId=stage.first)
    option = plan(toolbox, step_of("api_gateway.set_canary", stage.arn.replace("prod", "beta"), percent=0.0))
    assert option.infeasible_reason == "the stage has no canary"


def test_limits_that_somebody_set_meanwhile_are_left_alone(
    stage: Stage, toolbox: CatalogueToolbox, clients: AwsClients, proxy: FaultProxy
) -> None:
    step = step_of("api_gateway.set_throttling", stage.arn, rate=50, burst=20)
    prepared = plan(toolbox, step).steps[0]
    other = step_of("api_gateway.set_throttling", stage.arn, rate=80, burst=80)
    toolbox.execute(do(plan(toolbox, other).steps[0], "i/9/1/1/do"), 1)
    result = toolbox.execute(do(prepared), 1)
    assert result.status == "changed_world"
    assert "throttle_rate=80" in result.detail


@pytest.mark.parametrize(
    ("rate", "burst"), [(50, -1), (-1, 20), (-0.5, -1), (-2, -2), (2_000_000, 5), ("50", 20), (True, 20)]
)
def test_what_is_no_limit_is_refused(
    rate: Scalar, burst: Scalar, stage: Stage, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    step = step_of("api_gateway.set_throttling", stage.arn)
    option = plan(toolbox, step.model_copy(update={"arguments": {"rate": rate, "burst": burst}}))
    assert not option.feasible
    assert proxy.passed == []


def test_the_inventory_tells_limits_and_canary(stage: Stage, clients: AwsClients) -> None:
    into = Collected("api_gateway")
    source = ApiGateway(Account(Aws(), clients))
    source.collect_region(scope_now("checkout-api"), REGION, Budget(50, 30), into)
    row = next(data for table, data in into.frames if table == "inventory").row(0, named=True)
    assert row["resource"] == stage.arn
    assert '"canary_percent": 20.0' in row["settings"]
    assert '"throttle_rate": null' in row["settings"]
