"""CloudFormation on the wire: stacks that go back in the way that their state allows.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html and, beside it,
API_CancelUpdateStack.html, API_RollbackStack.html, API_ContinueUpdateRollback.html. Neither emulator has the last.
"""

from typing import Any

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.plan import Step
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws
from autopilot.sources.aws import Account
from autopilot.sources.base import Budget, Collected
from autopilot.sources.cloudformation import CloudFormation
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.remediation.conftest import ACCOUNT, KEY, REGION, do, plan, step_of
from tests.integration.remediation.fault_proxy import FaultProxy
from tests.integration.remediation.laws import Case, ComparedLaws
from tests.integration.remediation.wire_format.aws_wire import AwsWire, Element, Refused

STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/web/11111111-2222-3333-4444-555555555555"
GONE = STACK.replace("stack/web", "stack/gone")
CALLS = {"cancel": "CancelUpdateStack", "rollback": "RollbackStack", "continue": "ContinueUpdateRollback"}
FROM = {"cancel": "UPDATE_IN_PROGRESS", "rollback": "UPDATE_FAILED", "continue": "UPDATE_ROLLBACK_FAILED"}


class Stacks:
    """One stack and its nested one."""

    def __init__(self) -> None:
        self.status, self.updated, self.tokens = "UPDATE_FAILED", "2026-11-22T03:00:00Z", list[str]()

    def describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("StackName") not in (None, STACK):
            raise Refused("ValidationError", f"Stack with id {asked['StackName']} does not exist")
        tags = Element("Tags", [Element("member", {"Key": "service", "Value": "checkout"})])
        stack: dict[str, Any] = {
            "StackId": STACK, "StackName": "web", "StackStatus": self.status, "DisableRollback": True,
            "CreationTime": "2026-01-01T00:00:00Z", "LastUpdatedTime": self.updated,
        }  # fmt: skip
        nested = stack | {"StackName": "web-network", "ParentId": STACK}
        return {"Stacks": [Element("member", [*map_of(stack), tags]), Element("member", nested)]}

    def going_back(self, way: str) -> Any:
        def answer(asked: dict[str, Any]) -> dict[str, Any]:
            assert asked["StackName"] == STACK
            if self.status != FROM[way]:
                raise Refused("ValidationError", f"Stack:{STACK} is in {self.status} state")
            self.tokens.append(asked["ClientRequestToken"])
            self.status = "UPDATE_ROLLBACK_IN_PROGRESS"
            return {"StackId": STACK}

        return answer


def map_of(values: dict[str, Any]) -> list[Element]:
    return [Element(name, value) for name, value in values.items()]


@pytest.fixture(autouse=True)
def stacks(proxy: FaultProxy, wire: AwsWire) -> Stacks:
    """A stack whose update failed."""
    made = Stacks()
    wire.operations |= {"DescribeStacks": made.describe}
    wire.operations |= {call: made.going_back(way) for way, call in CALLS.items()}
    return made


class TestWays(ComparedLaws):
    """All three."""

    @pytest.fixture(params=list(CALLS))
    def case(self, request: pytest.FixtureRequest, stacks: Stacks) -> Case[str]:
        way: str = request.param
        stacks.status = FROM[way]
        call = CALLS[way]
        return Case(
            "cloudformation.roll_back", lambda way: step_of("cloudformation.roll_back", STACK, way=way), (call,),
            f"cloudformation:{call}", {"state": "rolled back"}, GONE,
        )  # fmt: skip

    @pytest.fixture
    def step(self, case: Case[str], request: pytest.FixtureRequest) -> Step:
        return case.step(request.node.callspec.params["case"])


def test_going_and_gone_back_are_both_what_was_wanted(
    stacks: Stacks, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, step_of("cloudformation.roll_back", STACK, way="rollback")).steps[0]
    assert toolbox.execute(do(prepared), 1).status == "done"
    stacks.status = "UPDATE_ROLLBACK_COMPLETE"
    assert toolbox.execute(do(prepared), 2).status == "already"
    assert len(stacks.tokens) == 1
    assert len(stacks.tokens[0]) == 36
    assert KEY not in stacks.tokens[0], "the token has the form that AWS takes"


def test_another_update_meanwhile_is_not_taken_back(
    stacks: Stacks, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    stacks.status = "UPDATE_IN_PROGRESS"
    prepared = plan(toolbox, step_of("cloudformation.roll_back", STACK, way="cancel")).steps[0]
    stacks.updated = "2026-11-22T03:10:00Z"
    assert toolbox.execute(do(prepared), 1).status == "changed_world"
    assert stacks.tokens == []


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "CREATE_FAILED", "UPDATE_IN_PROGRESS", "DELETE_COMPLETE"])
def test_a_state_from_which_the_way_does_not_lead_back_is_infeasible(
    status: str, stacks: Stacks, toolbox: CatalogueToolbox
) -> None:
    stacks.status = status
    option = plan(toolbox, step_of("cloudformation.roll_back", STACK, way="rollback"))
    assert not option.feasible
    assert ("does not exist" if status == "DELETE_COMPLETE" else status) in option.infeasible_reason


def test_the_inventory_tells_root_stacks_and_recent_updates(stacks: Stacks, clients: AwsClients) -> None:
    scope = scope_now("checkout")
    stacks.updated = scope.incident.start.isoformat()
    into = Collected("cloudformation")
    CloudFormation(Account(Aws(), clients)).collect_region(scope, REGION, Budget(50, 30), into)
    row = next(data for table, data in into.frames if table == "inventory").row(0, named=True)
    assert (row["resource"], row["service"], row["health"]) == (STACK, "checkout", "UPDATE_FAILED")
    change = next(data for table, data in into.frames if table == "changes").row(0, named=True)
    assert (change["kind"], change["summary"]) == ("deploy", "stack web: update failed")
    assert len([data for table, data in into.frames if table == "inventory"]) == 1
