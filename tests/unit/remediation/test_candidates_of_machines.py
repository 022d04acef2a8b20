"""What is offered about machines: the size of a group, its policy, fresh instances, a reboot."""

import pytest

from autopilot.incident.base import Scalar
from tests.unit.remediation.aws_story import grounded, group, machine
from tests.unit.remediation.story import context, measured, suspect

BUSY = (suspect("checkout", "traffic_surge"),)


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ({}, {"desired_capacity": 6}),
        ({"desired_capacity": 1}, {"desired_capacity": 2}),
        ({"max_size": 5}, {"desired_capacity": 5}),
        ({"policies": 1}, {"min_size": 6}),
    ],
    ids=["half as many again", "at least one more", "within the maximum", "a policy owns the number"],
)
def test_a_group_gets_more_instances(settings: dict[str, Scalar], arguments: dict[str, Scalar]) -> None:
    candidate = grounded(context(group(**settings), suspects=BUSY))["asg.set_capacity"]
    assert candidate.step.arguments == arguments
    assert candidate.reversibility == "reversible"


@pytest.mark.parametrize(
    "settings", [{"desired_capacity": 12}, {"desired_capacity": 0}, {"policies": None}, {"max_size": None}]
)
def test_a_group_without_room_or_of_unknown_ownership_is_left_alone(settings: dict[str, Scalar]) -> None:
    offered = grounded(context(group(**settings), suspects=BUSY))
    assert "asg.set_capacity" not in offered
    assert "asg.track_target" not in offered


def test_a_group_of_a_service_that_nobody_suspects_is_left_alone() -> None:
    assert grounded(context(group(), machine("impaired"), suspects=(suspect("search", "cpu"),))) == {}


def test_a_policy_is_made_where_there_is_none_and_acts_earlier_where_there_is_one() -> None:
    made = grounded(context(group(), suspects=BUSY))["asg.track_target"]
    assert made.step.arguments == {"policy": "auto-pilot-cpu", "target_value": 50.0}
    tracked = group(policies=1, cpu_policy="cpu", cpu_target=60.0)
    earlier = grounded(context(tracked, suspects=BUSY))["asg.track_target"]
    assert earlier.step.arguments == {"policy": "cpu", "target_value": 45.0}
    for policies in ({"cpu_policy": None}, {"cpu_policy": "cpu", "cpu_target": 35.0}):
        assert "asg.track_target" not in grounded(context(group(policies=1, **policies), suspects=BUSY))


def test_fresh_instances_are_offered_for_what_wears_out() -> None:
    leaking = (suspect("checkout", "memory"),)
    candidate = grounded(context(group(), suspects=leaking))["asg.refresh"]
    assert (candidate.reversibility, candidate.step.arguments) == ("irreversible", {})
    assert "asg.refresh" not in grounded(context(group(), suspects=BUSY))
    assert "asg.refresh" not in grounded(context(group(in_service=0), suspects=leaking))


def test_only_the_machine_that_is_sick_or_stands_out_is_rebooted() -> None:
    blamed = (suspect("checkout", "crash"),)
    assert "ec2.reboot" not in grounded(context(machine(), suspects=blamed))
    sick = grounded(context(machine("impaired"), suspects=blamed))["ec2.reboot"]
    assert "fails its status checks" in sick.why
    number = "i-0aaaaaaaaaaaaaaa2"
    hot = measured(4, number, "CPUUtilization", 99.0, "Average", InstanceId=number)
    both = context(machine(), machine(number=number), findings=(hot,), suspects=blamed)
    candidate = grounded(both)["ec2.reboot"]
    assert candidate.step.target.endswith(number)
    assert "F4" in candidate.why
