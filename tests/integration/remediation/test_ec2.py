"""Instances on the emulator: a reboot, with an audit trail that tells it."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.plan import Step
from autopilot.remediation.catalogue import build_catalogue
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws, Settings
from autopilot.sources.aws import Account
from autopilot.sources.base import Budget, Collected
from autopilot.sources.ec2 import Ec2
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.remediation.conftest import ACCOUNT, KEY, REGION, do, plan, step_of
from tests.integration.remediation.fault_proxy import FaultProxy
from tests.integration.remediation.laws import Case, SentOnceLaws
from tests.integration.saas_sources.vendor import Asked, Reply, Vendor

GONE = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0123456789abcdef0"


class Trail:
    """Neither emulator names EC2's calls in its trail: this tells those that passed the proxy.

    Form of the answers: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html; of
    the records: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html.
    """

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy, self.instance, self.refused = proxy, "", False

    def __call__(self, asked: Asked) -> Reply:
        assert asked.headers["x-amz-target"].endswith("LookupEvents")
        wanted = json.loads(asked.body)["LookupAttributes"]
        assert wanted == [{"AttributeKey": "EventName", "AttributeValue": "RebootInstances"}]
        calls = [p for p in self.proxy.passed if p.call == "RebootInstances"]
        record = {
            "eventName": "RebootInstances",
            "requestParameters": {"instancesSet": {"items": [{"instanceId": self.instance}]}},
        } | ({"errorCode": "Client.UnauthorizedOperation"} if self.refused else {})
        event = {
            "EventName": "RebootInstances", "EventTime": int(datetime.now(UTC).timestamp()), "Username": "kim",
            "CloudTrailEvent": json.dumps(record),
        }  # fmt: skip
        return Reply({"Events": [event] if calls else []})


@pytest.fixture(scope="module")
def trail(shared_proxy: FaultProxy) -> Trail:
    """The audit trail of what passed."""
    return Trail(shared_proxy)


@pytest.fixture(scope="module")
def clients(shared_proxy: FaultProxy, trail: Trail) -> Iterator[AwsClients]:
    """Clients that ask the trail of this module."""
    with pytest.MonkeyPatch.context() as environment, Vendor(trail) as vendor:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        environment.setenv("AWS_ENDPOINT_URL", shared_proxy.url)
        environment.setenv("AWS_ENDPOINT_URL_CLOUDTRAIL", vendor.url)
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield AwsClients(Aws(retries=1))


@pytest.fixture(scope="module")
def toolbox(clients: AwsClients) -> CatalogueToolbox:
    """The toolbox over all AWS tools."""
    return CatalogueToolbox(build_catalogue(Settings(aws=Aws(retries=1)), clients))


@pytest.fixture(autouse=True)
def proxy(shared_proxy: FaultProxy) -> FaultProxy:
    """The proxy before an empty cloud: these tests fill it themselves."""
    shared_proxy.empty_the_cloud()
    return shared_proxy


@pytest.fixture(autouse=True)
def instance(proxy: FaultProxy, clients: AwsClients, trail: Trail) -> str:
    """The ARN of a running instance."""
    started = clients.ec2().run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "service", "Value": "checkout"}]}],
    )["Instances"][0]  # fmt: skip
    trail.instance, trail.refused = started.get("InstanceId", ""), False
    proxy.clear()
    return f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{trail.instance}"


class TestReboot(SentOnceLaws):
    """What takes no token."""

    @pytest.fixture
    def case(self) -> Case[str]:
        return Case(
            "ec2.reboot", lambda arn: step_of("ec2.reboot", arn), ("RebootInstances",), "ec2:RebootInstances",
            gone=GONE, denied="UnauthorizedOperation", throttled="RequestLimitExceeded",
        )  # fmt: skip

    @pytest.fixture
    def step(self, case: Case[str], instance: str) -> Step:
        return case.step(instance)


def test_a_reboot_that_was_refused_or_of_another_instance_is_no_trace(
    instance: str, toolbox: CatalogueToolbox, proxy: FaultProxy, trail: Trail
) -> None:
    prepared = plan(toolbox, step_of("ec2.reboot", instance)).steps[0]
    proxy.lose("RebootInstances", "lose_answer")
    assert toolbox.execute(do(prepared), 1).status == "unknown"
    own, trail.instance = trail.instance, "i-0fffffffffffffff0"
    assert toolbox.execute(do(prepared), 2).status == "unknown"
    trail.instance, trail.refused = own, True
    assert toolbox.execute(do(prepared), 3).status == "unknown"
    trail.refused = False
    found = toolbox.execute(do(prepared), 4)
    assert (found.status, "kim rebooted it" in found.detail) == ("already", True)
    assert proxy.writes(KEY) == ["RebootInstances"]


def test_a_stopped_instance_is_not_rebooted(instance: str, toolbox: CatalogueToolbox, clients: AwsClients) -> None:
    clients.ec2().stop_instances(InstanceIds=[instance.rpartition("/")[2]])
    option = plan(toolbox, step_of("ec2.reboot", instance))
    assert not option.feasible
    assert "the instance is stop" in option.infeasible_reason


def test_the_inventory_tells_instances_and_their_checks(
    instance: str, clients: AwsClients, proxy: FaultProxy
) -> None:
    def gathered() -> Collected:
        into = Collected("ec2")
        Ec2(Account(Aws(), clients)).collect_region(scope_now("checkout"), REGION, Budget(50, 30), into)
        return into

    row = next(data for table, data in gathered().frames if table == "inventory").row(0, named=True)
    assert (row["resource"], row["service"], row["health"]) == (instance, "checkout", "ok")
    assert json.loads(row["settings"])["checks"] == "ok"
    proxy.fail("DescribeInstanceStatus", "UnauthorizedOperation", status=403)
    into = gathered()
    row = next(data for table, data in into.frames if table == "inventory").row(0, named=True)
    assert json.loads(row["settings"])["checks"] is None
    assert "ec2:DescribeInstanceStatus" in into.gaps[0].remedy
