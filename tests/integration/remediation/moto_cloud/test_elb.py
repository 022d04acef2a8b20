"""Load balancers on moto: weights that shift, targets that leave and come back."""

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.plan import Step
from autopilot.remediation.toolbox import CatalogueToolbox
from tests.integration.remediation.conftest import REGION, do, plan, step_of
from tests.integration.remediation.fault_proxy import FaultProxy
from tests.integration.remediation.laws import Case, ReversibleLaws
from tests.integration.remediation.moto_cloud.balanced import ACCOUNT, Balanced

GONE = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:"


def shift_listener(made: Balanced) -> Step:
    return step_of("elb.shift_traffic", made.listener, from_group=made.green, to_group=made.blue)


def shift_rule(made: Balanced) -> Step:
    return step_of(
        "elb.shift_traffic", made.rule, from_group=made.green, to_group=made.blue, from_weight=5, to_weight=95
    )


def drain(made: Balanced) -> Step:
    return step_of("elb.drain_target", made.blue, target_id=made.instances[0], port=80)


CASES = [
    pytest.param(
        Case(
            "elb.shift_traffic", shift_listener, ("ModifyListener",), "elasticloadbalancing:ModifyListener",
            {"weight of blue": 100, "weight of green": 0}, f"{GONE}listener/app/shop/0a0a0a0a/0b0b0b0b",
        ),
        id="listener",
    ),
    pytest.param(
        Case(
            "elb.shift_traffic", shift_rule, ("ModifyRule",), "elasticloadbalancing:ModifyRule",
            {"weight of blue": 95, "weight of green": 5},
            f"{GONE}listener-rule/app/shop/0a0a0a0a/0b0b0b0b/0c0c0c0c",
        ),
        id="rule",
    ),
    pytest.param(
        Case(
            "elb.drain_target", drain, ("DeregisterTargets",), "elasticloadbalancing:DeregisterTargets",
            {}, f"{GONE}targetgroup/red/0a0a0a0a",
        ),
        id="target",
    ),
]  # fmt: skip


class TestBalancing(ReversibleLaws):
    """All three."""

    @pytest.fixture
    def step(self, case: Case[Balanced], made: Balanced) -> Step:
        return case.step(made)

    @pytest.fixture(params=CASES)
    def case(self, request: pytest.FixtureRequest) -> Case[Balanced]:
        return request.param


def weights(aws: AwsClients, listener: str) -> list[int | None]:
    """As the cloud tells them."""
    actions = aws.elbv2().describe_listeners(ListenerArns=[listener])["Listeners"][0].get("DefaultActions", [])
    return [g.get("Weight") for g in actions[0].get("ForwardConfig", {}).get("TargetGroups", [])]


def test_the_cloud_has_the_new_weights_and_keeps_its_stickiness(
    toolbox: CatalogueToolbox, made: Balanced, clients: AwsClients
) -> None:
    step = shift_listener(made)
    toolbox.execute(do(plan(toolbox, step).steps[0]), 1)
    assert weights(clients, step.target) == [100, 0]
    action = (
        clients.elbv2().describe_listeners(ListenerArns=[step.target])["Listeners"][0].get("DefaultActions", [])
    )
    assert action[0].get("ForwardConfig", {}).get("TargetGroupStickinessConfig") == {"Enabled": False}


def test_weights_that_somebody_moved_are_left_alone(
    toolbox: CatalogueToolbox, made: Balanced, clients: AwsClients, proxy: FaultProxy
) -> None:
    step = shift_listener(made)
    prepared = plan(toolbox, step).steps[0]
    half = step.model_copy(update={"arguments": step.arguments | {"from_weight": 50, "to_weight": 50}})
    toolbox.execute(do(plan(toolbox, half).steps[0], "i/9/1/1/do"), 1)
    result = toolbox.execute(do(prepared), 1)
    assert result.status == "changed_world"
    assert "weight of green=50" in result.detail
    assert weights(clients, step.target) == [50, 50]


def test_a_group_without_healthy_targets_gets_no_traffic(
    toolbox: CatalogueToolbox, made: Balanced, clients: AwsClients
) -> None:
    clients.elbv2().deregister_targets(TargetGroupArn=made.green, Targets=[{"Id": made.instances[-1]}])
    option = plan(toolbox, step_of("elb.shift_traffic", made.listener, from_group=made.blue, to_group=made.green))
    assert not option.feasible
    assert "green has no healthy target" in option.infeasible_reason


def test_a_forward_between_other_groups_is_no_target(
    toolbox: CatalogueToolbox, made: Balanced, clients: AwsClients
) -> None:
    other = made.green.replace("/green/", "/grey/")
    option = plan(toolbox, step_of("elb.shift_traffic", made.listener, from_group=other, to_group=made.blue))
    assert "does not divide its traffic between these two" in option.infeasible_reason


def test_the_last_healthy_target_is_not_drained(
    toolbox: CatalogueToolbox, made: Balanced, clients: AwsClients
) -> None:
    option = plan(toolbox, step_of("elb.drain_target", made.green, target_id=made.instances[-1]))
    assert not option.feasible
    assert "no other target" in option.infeasible_reason


@pytest.mark.parametrize(
    "arguments",
    [
        {"from_group": "blue", "to_group": "green"},
        {"from_weight": 0, "to_weight": 0},
        {"to_weight": 1_000},
        {"to_weight": "100"},
    ],
)
def test_what_is_no_shift_is_refused(
    arguments: dict[str, str | int],
    toolbox: CatalogueToolbox,
    made: Balanced,
    clients: AwsClients,
    proxy: FaultProxy,
) -> None:
    step = shift_listener(made)
    proxy.clear()
    option = plan(toolbox, step.model_copy(update={"arguments": step.arguments | arguments}))
    assert not option.feasible
    assert proxy.passed == []
