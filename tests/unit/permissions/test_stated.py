"""What sources and tools state is what they call: no operation without its action, no action without a call."""

from collections.abc import Iterator
from types import FunctionType

import pytest

from autopilot.case.backend import S3
from autopilot.clients.aws import AwsClients
from autopilot.clients.iam import ALSO, FREE, action_of
from autopilot.permissions.actions import ARNS, PASSED_TO, READS, STORE, WRITES
from autopilot.permissions.aws_policy import reading_actions
from autopilot.remediation.base import Tool
from autopilot.remediation.overview import listed_tools
from autopilot.settings import Aws, Settings
from autopilot.settings_systems import Automation, Runbooks
from autopilot.sources.aws import Account
from autopilot.sources.aws_sources import build_aws_sources
from cli import aws_checks
from tests.unit.permissions.calls import accessors, calls_of, iam_actions, model, operations

AWS = Aws(flag_prefixes=("/flags",))
SETTINGS = Settings(aws=AWS, runbooks=Runbooks(automation={"clear": Automation(document="Shop-Clear")}))
TOOLS = {tool.name: tool for tool in listed_tools(SETTINGS) if tool.system not in ("tickets", "pager", "patch")}
SOURCES = {source.name: source for source in build_aws_sources(AWS, AwsClients(AWS))}


def implied(actions: set[str]) -> set[str]:
    """What AWS may check besides."""
    return {also for action in actions for also in ALSO.get(action, ())}


def test_the_catalogue_has_all_aws_tools() -> None:
    assert len(TOOLS) >= 35
    assert len(SOURCES) >= 20


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_a_tool_states_exactly_what_it_calls(tool: Tool) -> None:
    scan = calls_of(type(tool))
    called, stated = iam_actions(scan.calls) - FREE, set(tool.permissions)

    assert called
    assert not scan.unresolved
    assert called - stated == set()
    assert stated - called - implied(called) == set()


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_states_exactly_what_it_calls(name: str) -> None:
    scan = calls_of(type(SOURCES[name]))
    called, stated = iam_actions(scan.calls) - FREE, set(SOURCES[name].reads)

    assert called
    assert not scan.unresolved
    assert called - stated == set()
    assert stated - called - implied(called) == set()


def test_the_list_of_resources_states_exactly_what_it_calls() -> None:
    assert iam_actions(calls_of(Account).calls) == set(Account.reads)


def test_the_case_store_states_what_it_calls_and_what_tells_missing_from_forbidden() -> None:
    assert iam_actions(calls_of(S3).calls) | {"s3:ListBucket"} == set(STORE)


def test_doctor_asks_nothing_beyond_what_the_sources_read() -> None:
    functions = [thing for thing in vars(aws_checks).values() if isinstance(thing, FunctionType)]
    called = iam_actions(calls_of(*(f for f in functions if f.__module__ == aws_checks.__name__)).calls) - FREE

    assert len(called) >= 10
    assert called <= reading_actions(Settings(aws=AWS), ())


def stated_actions() -> Iterator[str]:
    """All that anything states."""
    yield from Account.reads
    for source in SOURCES.values():
        yield from source.reads
    for tool in TOOLS.values():
        yield from tool.permissions


def test_the_table_of_actions_has_what_is_stated_and_nothing_else() -> None:
    assert {*READS, *WRITES} == set(stated_actions())
    assert not READS.keys() & WRITES.keys()


def test_every_kind_of_resource_is_used_and_known() -> None:
    used = {kind for table in (READS, WRITES, STORE) for kinds in table.values() for kind in kinds}

    assert used == set(ARNS)


def test_sources_only_read() -> None:
    assert not {a for source in SOURCES.values() for a in source.reads} & WRITES.keys()


def test_every_exception_is_about_an_action_that_is_stated() -> None:
    stated = set(stated_actions())

    assert {action for also in ALSO.values() for action in also} <= stated
    assert ALSO.keys() <= stated
    assert PASSED_TO.keys() == {action for action, also in ALSO.items() if "iam:PassRole" in also}


def test_every_accessor_leads_to_a_service_of_the_sdk() -> None:
    assert len(accessors()) >= 20
    assert all(operations(service) for service in accessors().values())


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("cloudwatch", "GetMetricData", "cloudwatch:GetMetricData"),
        ("resourcegroupstaggingapi", "GetResources", "tag:GetResources"),
        ("elbv2", "ModifyListener", "elasticloadbalancing:ModifyListener"),
        ("apigateway", "UpdateStage", "apigateway:PATCH"),
        ("s3", "HeadObject", "s3:GetObject"),
        ("application-autoscaling", "PutScalingPolicy", "application-autoscaling:PutScalingPolicy"),
    ],
)
def test_an_operation_is_told_by_its_iam_action(service: str, operation: str, action: str) -> None:
    told = model(service)

    assert action_of(told.signing_name, operation, told.operation_model(operation).http["method"]) == action


class _Writes:
    """A class that does what none may do unseen: through a variable, a helper and a paginator."""

    def __init__(self, clients: AwsClients) -> None:
        self._aws = clients

    def act(self) -> None:
        client, name = self._aws.dynamodb("us-east-1"), "orders"
        client.delete_table(TableName=name)
        self._aws.rds().get_paginator("describe_events")


def _is_here(thing: object) -> bool:
    return thing.__module__ == __name__


def test_the_scan_sees_calls_through_variables_and_paginators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.permissions.calls._ours", _is_here)

    assert calls_of(_Writes).calls == {("dynamodb", "DeleteTable"), ("rds", "DescribeEvents")}
