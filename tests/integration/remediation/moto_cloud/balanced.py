"""A shop behind a load balancer: two groups of instances, divided 90 to 10."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from autopilot.clients.aws import AwsClients

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import ActionUnionTypeDef

ACCOUNT = "123456789012"


@dataclass(frozen=True)
class Balanced:
    """What the emulator made of it."""

    listener: str
    rule: str
    blue: str
    green: str
    instances: tuple[str, ...]
    """All are registered in blue; the last one is in green too."""


class Shop:
    """Builds the cloud once and puts it back as it was: that is many times faster than building it anew."""

    def __init__(self, aws: AwsClients) -> None:
        self._aws, self._made = aws, Balanced("", "", "", "", ())

    def restored(self) -> Balanced:
        """The cloud as it was at the beginning, also when somebody emptied the emulator."""
        try:
            self._restore()
        except ClientError:
            self._made = _built(self._aws)
            self._restore()
        return self._made

    def _restore(self) -> None:
        elb, made = self._aws.elbv2(), self._made
        actions = _divided(made.blue, made.green)
        elb.modify_listener(ListenerArn=made.listener, DefaultActions=actions)
        elb.modify_rule(RuleArn=made.rule, Actions=actions)
        elb.register_targets(TargetGroupArn=made.blue, Targets=[{"Id": one} for one in made.instances])
        elb.register_targets(TargetGroupArn=made.green, Targets=[{"Id": made.instances[-1]}])


def _divided(blue: str, green: str) -> "list[ActionUnionTypeDef]":
    return [
        {
            "Type": "forward",
            "ForwardConfig": {
                "TargetGroups": [
                    {"TargetGroupArn": blue, "Weight": 90},
                    {"TargetGroupArn": green, "Weight": 10},
                ]
            },
        }
    ]


def _built(aws: AwsClients) -> Balanced:
    elb, ec2 = aws.elbv2(), aws.ec2()
    vpc = ec2.describe_vpcs()["Vpcs"][0].get("VpcId", "")
    subnets = [subnet.get("SubnetId", "") for subnet in ec2.describe_subnets()["Subnets"]][:2]
    balancer = elb.create_load_balancer(
        Name="shop", Subnets=subnets, Tags=[{"Key": "service", "Value": "checkout"}]
    )["LoadBalancers"][0].get("LoadBalancerArn", "")
    blue, green = (
        elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0].get(
            "TargetGroupArn", ""
        )
        for name in ("blue", "green")
    )
    listener = elb.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=_divided(blue, green)
    )["Listeners"][0].get("ListenerArn", "")
    rule = elb.create_rule(
        ListenerArn=listener, Priority=5, Actions=_divided(blue, green),
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/cart*"]}}],
    )["Rules"][0].get("RuleArn", "")  # fmt: skip
    started = ec2.run_instances(ImageId="ami-12c6146b", MinCount=2, MaxCount=2)["Instances"]
    return Balanced(listener, rule, blue, green, tuple(instance.get("InstanceId", "") for instance in started))
