"""CodeDeploy on the wire: a deployment under way is stopped and goes back.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeployment.html and, beside it,
API_StopDeployment.html, API_ListApplications.html, API_ListDeploymentGroups.html and
API_BatchGetDeploymentGroups.html. One emulator answers the second with an error, the other has none of them.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.plan import Step
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws
from autopilot.sources.aws import Account
from autopilot.sources.base import Budget, Collected
from autopilot.sources.codedeploy import CodeDeploy
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.remediation.conftest import ACCOUNT, KEY, REGION, do, plan, step_of
from tests.integration.remediation.fault_proxy import FaultProxy
from tests.integration.remediation.laws import Case, ComparedLaws
from tests.integration.remediation.wire_format.aws_wire import AwsWire, Refused

GROUP = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:checkout/production"
NUMBER = "d-ABCDEF123"


class Deployments:
    """One deployment of one group."""

    def __init__(self) -> None:
        self.status, self.rolls_back, self.asked = "InProgress", False, list[str]()
        self.begun = datetime.now(UTC).timestamp()

    def get(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["deploymentId"] != NUMBER:
            raise Refused("DeploymentDoesNotExistException", "no such deployment")
        rollback = {"rollbackDeploymentId": "d-ROLLBACK1"} if self.rolls_back else {}
        info = {
            "applicationName": "checkout", "deploymentGroupName": "production", "deploymentId": NUMBER,
            "status": self.status, "rollbackInfo": rollback, "createTime": self.begun,
        }  # fmt: skip
        return {"deploymentInfo": info}

    def stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.status != "InProgress":
            raise Refused("DeploymentAlreadyCompletedException", "it has ended")
        self.status, self.rolls_back = "Stopped", asked["autoRollbackEnabled"]
        return {"status": "Succeeded", "statusMessage": "stopped"}

    def applications(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append("ListApplications")
        return (
            {"applications": ["checkout"]} if asked.get("nextToken") else {"applications": [], "nextToken": "more"}
        )

    def names(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"applicationName": asked["applicationName"], "deploymentGroups": ["production"]}

    def groups(self, asked: dict[str, Any]) -> dict[str, Any]:
        group = {
            "applicationName": asked["applicationName"], "deploymentGroupName": asked["deploymentGroupNames"][0],
            "serviceRoleArn": f"arn:aws:iam::{ACCOUNT}:role/deploys", "computePlatform": "Server",
            "lastAttemptedDeployment": {"deploymentId": NUMBER, "status": self.status, "createTime": self.begun},
            "lastSuccessfulDeployment": {"deploymentId": "d-BEFORE123", "status": "Succeeded"},
        }  # fmt: skip
        return {"deploymentGroupsInfo": [group]}


@pytest.fixture(autouse=True)
def deployments(proxy: FaultProxy, wire: AwsWire) -> Deployments:
    """A deployment under way."""
    made = Deployments()
    wire.operations |= {
        "GetDeployment": made.get, "StopDeployment": made.stop, "ListApplications": made.applications,
        "ListDeploymentGroups": made.names, "BatchGetDeploymentGroups": made.groups,
    }  # fmt: skip
    return made


def stopping(target: str = GROUP, number: str = NUMBER) -> Step:
    return step_of("codedeploy.stop_and_roll_back", target, deployment_id=number)


class TestStopping(ComparedLaws):
    """A stop with rollback."""

    @pytest.fixture
    def case(self) -> Case[str]:
        return Case(
            "codedeploy.stop_and_roll_back", stopping, ("StopDeployment",), "codedeploy:StopDeployment",
            {"status": "Stopped"}, GROUP.replace("production", "staging"), "AccessDeniedException",
            "ThrottlingException",
        )  # fmt: skip

    @pytest.fixture
    def step(self, case: Case[str]) -> Step:
        return case.step(GROUP)


def test_it_asks_for_the_rollback_and_tells_which_deployment_goes_back(
    deployments: Deployments, toolbox: CatalogueToolbox
) -> None:
    option = plan(toolbox, stopping())
    assert (option.risk, option.reversibility) == ("high", "irreversible"), "something is being deployed"
    result = toolbox.execute(do(option.steps[0]), 1)
    assert deployments.rolls_back is True
    assert result.after is not None
    assert result.after.observed["goes_back_by"] == "d-ROLLBACK1"


@pytest.mark.parametrize("status", ["Succeeded", "Failed"])
def test_a_deployment_that_has_ended_is_left_alone(
    status: str, deployments: Deployments, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, stopping()).steps[0]
    deployments.status = status
    assert toolbox.execute(do(prepared), 1).status == "changed_world"
    assert f"has ended ({status})" in plan(toolbox, stopping()).infeasible_reason
    assert proxy.writes(KEY) == []


def test_a_deployment_of_that_number_has_to_exist(toolbox: CatalogueToolbox) -> None:
    assert "does not exist" in plan(toolbox, stopping(number="d-OTHER")).infeasible_reason
    assert not plan(toolbox, stopping(number="d-1; rm")).feasible


def test_the_inventory_reads_all_pages_and_tells_the_last_deployment(
    deployments: Deployments, clients: AwsClients
) -> None:
    into = Collected("codedeploy")
    source = CodeDeploy(Account(Aws(), clients))
    source.collect_region(scope_now("checkout"), REGION, Budget(50, 30), into)
    row = next(data for table, data in into.frames if table == "inventory").row(0, named=True)
    assert (row["resource"], row["service"], row["name"]) == (GROUP, "checkout", "checkout/production")
    settings = json.loads(row["settings"])
    assert (settings["deployment"], settings["deployment_status"]) == (NUMBER, "InProgress")
    assert settings["last_successful"] == "d-BEFORE123"
    change = next(data for table, data in into.frames if table == "changes").row(0, named=True)
    assert (change["kind"], change["version"]) == ("deploy", NUMBER)
    assert deployments.asked == ["ListApplications"] * 2
