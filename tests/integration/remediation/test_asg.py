"""Auto Scaling groups on the emulator: sizes, policies, fresh instances."""

import json

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.base import Scalar
from autopilot.incident.plan import Step
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws
from autopilot.sources.autoscaling_groups import CPU, AutoScalingGroups
from autopilot.sources.aws import Account
from autopilot.sources.base import Budget, Collected
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.remediation.conftest import ACCOUNT, REGION, do, plan, step_of, undo
from tests.integration.remediation.fault_proxy import FaultProxy
from tests.integration.remediation.laws import Case, ReversibleLaws, SentOnceLaws

GONE = (
    f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:00000000-0000-0000-0000-000000000000"
    ":autoScalingGroupName/web"
)
"""A namesake of the group, made at another time."""


@pytest.fixture(autouse=True)
def proxy(shared_proxy: FaultProxy) -> FaultProxy:
    """The proxy before an empty cloud: these tests fill it themselves."""
    shared_proxy.empty_the_cloud()
    return shared_proxy


@pytest.fixture(autouse=True)
def group(proxy: FaultProxy, clients: AwsClients) -> str:
    """The ARN of a group of two instances, between one and eight."""
    clients.ec2().create_launch_template(
        LaunchTemplateName="web", LaunchTemplateData={"ImageId": "ami-12345678", "InstanceType": "t3.micro"}
    )
    client = clients.autoscaling()
    client.create_auto_scaling_group(
        AutoScalingGroupName="web", MinSize=1, MaxSize=8, DesiredCapacity=2, AvailabilityZones=["us-east-1a"],
        LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Latest"},
        Tags=[{"Key": "service", "Value": "checkout", "PropagateAtLaunch": True}],
    )  # fmt: skip
    proxy.clear()
    return client.describe_auto_scaling_groups()["AutoScalingGroups"][0].get("AutoScalingGroupARN", "")


def case(tool: str, call: str, arguments: dict[str, Scalar], wanted: dict[str, Scalar]) -> Case[str]:
    """A case on the group, whose ARN is known at run time only."""

    def step(group: str) -> Step:
        return step_of(tool, group).model_copy(update={"arguments": arguments})

    return Case(tool, step, (call,), f"autoscaling:{call}", wanted, GONE)


SIZES = [
    pytest.param(
        case("asg.set_capacity", "SetDesiredCapacity", {"desired_capacity": 3}, {"desired_capacity": 3}),
        id="desired",
    ),
    pytest.param(case("asg.set_capacity", "UpdateAutoScalingGroup", {"min_size": 2}, {"min_size": 2}), id="least"),
    pytest.param(
        case(
            "asg.track_target", "PutScalingPolicy", {"policy": "auto-pilot-cpu", "target_value": 50.0},
            {"metric": CPU, "target_value": 50.0},
        ),
        id="policy",
    ),
]  # fmt: skip


class TestSizes(ReversibleLaws):
    """What is compared and can be taken back."""

    @pytest.fixture(params=SIZES)
    def case(self, request: pytest.FixtureRequest) -> Case[str]:
        return request.param

    @pytest.fixture
    def step(self, case: Case[str], group: str) -> Step:
        return case.step(group)


class TestRefresh(SentOnceLaws):
    """What takes no token."""

    @pytest.fixture
    def case(self) -> Case[str]:
        return case("asg.refresh", "StartInstanceRefresh", {}, {})

    @pytest.fixture
    def step(self, case: Case[str], group: str) -> Step:
        return case.step(group)


def track(clients: AwsClients, value: float = 60.0, name: str = "cpu") -> None:
    """Somebody lets the group scale by its processors."""
    clients.autoscaling().put_scaling_policy(
        AutoScalingGroupName="web", PolicyName=name, PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "TargetValue": value, "DisableScaleIn": True,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
        },
    )  # fmt: skip


def test_the_number_that_a_policy_owns_is_not_set_but_its_minimum_is(
    group: str, toolbox: CatalogueToolbox, clients: AwsClients
) -> None:
    track(clients)
    option = plan(toolbox, step_of("asg.set_capacity", group, desired_capacity=4))
    assert "a scaling policy owns the number" in option.infeasible_reason
    assert option.steps[0].before.observed["desired_capacity"] == 2
    least = plan(toolbox, step_of("asg.set_capacity", group, min_size=4)).steps[0]
    assert toolbox.execute(do(least), 1).status == "done"
    clients.autoscaling().set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=6)
    assert toolbox.execute(undo(least), 1).status == "done", "what the policy did meanwhile is not ours"


def test_a_policy_that_is_made_meanwhile_stops_the_step(
    group: str, toolbox: CatalogueToolbox, clients: AwsClients, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, step_of("asg.set_capacity", group, desired_capacity=4)).steps[0]
    track(clients)
    proxy.clear()
    assert toolbox.execute(do(prepared), 1).status == "changed_world"
    assert proxy.writes() == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"desired_capacity": 9}, "at most 8"),
        ({"min_size": 9}, "at most 8"),
        ({"desired_capacity": 0}, "at least 1"),
        ({"desired_capacity": 3, "min_size": 3}, "name either"),
        ({}, "name either"),
    ],
)
def test_a_size_outside_of_the_bounds_is_infeasible(
    arguments: dict[str, int], reason: str, group: str, toolbox: CatalogueToolbox
) -> None:
    option = plan(toolbox, step_of("asg.set_capacity", group, **arguments))
    assert not option.feasible
    assert reason in option.infeasible_reason


def test_a_policy_that_is_there_gets_another_level_and_its_old_one_back(
    group: str, toolbox: CatalogueToolbox, clients: AwsClients
) -> None:
    track(clients)
    prepared = plan(toolbox, step_of("asg.track_target", group, policy="cpu", target_value=45.0)).steps[0]
    assert prepared.dry_run.changes == ("target_value: 60.0 → 45.0",)
    assert toolbox.execute(do(prepared), 1).status == "done"
    kept = clients.autoscaling().describe_policies(AutoScalingGroupName="web")["ScalingPolicies"][0]
    configuration = kept.get("TargetTrackingConfiguration", {})
    assert (configuration.get("TargetValue"), configuration.get("DisableScaleIn")) == (45.0, True)
    assert toolbox.execute(undo(prepared), 1).status == "done"
    assert toolbox.inspect(prepared.step).settings["target_value"] == 60.0


def test_a_policy_that_was_made_is_taken_away_again(
    group: str, toolbox: CatalogueToolbox, clients: AwsClients
) -> None:
    prepared = plan(toolbox, step_of("asg.track_target", group, policy="auto-pilot-cpu", target_value=50.0)).steps[
        0
    ]
    assert prepared.undo is not None
    assert prepared.undo.tool == "asg.stop_tracking"
    toolbox.execute(do(prepared), 1)
    assert toolbox.execute(undo(prepared), 1).status == "done"
    assert clients.autoscaling().describe_policies(AutoScalingGroupName="web")["ScalingPolicies"] == []


def test_another_sort_of_policy_is_not_turned_into_tracking(
    group: str, toolbox: CatalogueToolbox, clients: AwsClients
) -> None:
    clients.autoscaling().put_scaling_policy(
        AutoScalingGroupName="web", PolicyName="by-hand", PolicyType="SimpleScaling",
        AdjustmentType="ChangeInCapacity", ScalingAdjustment=1,
    )  # fmt: skip
    option = plan(toolbox, step_of("asg.track_target", group, policy="by-hand", target_value=50.0))
    assert "no target tracking (SimpleScaling)" in option.infeasible_reason


def test_the_inventory_tells_sizes_and_policies(group: str, clients: AwsClients, proxy: FaultProxy) -> None:
    track(clients)

    def gathered() -> Collected:
        into = Collected("autoscaling_groups")
        source = AutoScalingGroups(Account(Aws(), clients))
        source.collect_region(scope_now("checkout"), REGION, Budget(50, 30), into)
        return into

    def settings(into: Collected) -> dict[str, Scalar]:
        row = next(data for table, data in into.frames if table == "inventory").row(0, named=True)
        assert (row["resource"], row["service"], row["kind"]) == (group, "checkout", "autoscaling_group")
        return json.loads(row["settings"])

    assert settings(gathered()) == {
        "min_size": 1, "max_size": 8, "desired_capacity": 2, "in_service": 2, "unhealthy": 0,
        "policies": 1, "cpu_policy": "cpu", "cpu_target": 60.0,
    }  # fmt: skip
    proxy.fail("DescribePolicies", "AccessDenied", status=403)
    into = gathered()
    assert settings(into)["policies"] is None, "unknown is not none"
    assert "autoscaling:DescribePolicies" in into.gaps[0].remedy
