"""SSM Automation on the wire: documents of the allow-list, started once.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartAutomationExecution.html and, beside it,
API_GetAutomationExecution.html, API_DescribeAutomationExecutions.html, API_DescribeDocument.html. One emulator
answers them with an error, the other has none of them.
"""

import re
from typing import Any

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation.catalogue import Catalogue
from autopilot.remediation.runbook_automation import RunAutomation
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings_systems import Automation
from tests.integration.remediation.conftest import do, plan, step_of
from tests.integration.remediation.fault_proxy import FaultProxy
from tests.integration.remediation.wire_format.aws_wire import AwsWire, Refused

EXECUTION = "00000000-0000-0000-0000-00000000000{}"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RUNBOOK = Automation(document="Shop-ClearDisk", parameters={"Fleet": ("web", "batch")}, services=("checkout",))
CLEAR = step_of("automation.clear-disk", "automation:clear-disk:checkout", Fleet="web")


class Automations:
    """One document; an execution per token."""

    def __init__(self) -> None:
        self.kind, self.status, self.hash, self.running = "Automation", "Active", "abc", 0
        self.started: dict[str, dict[str, Any]] = {}
        self.states = ["Pending", "InProgress"]

    def document(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["Name"] != "Shop-ClearDisk":
            raise Refused("InvalidDocument", "Document with that name does not exist.")
        return {
            "Document": {
                "Name": "Shop-ClearDisk", "DocumentType": self.kind, "Status": self.status, "Hash": self.hash,
                "DocumentVersion": "3",
            }
        }  # fmt: skip

    def list(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert {"Key": "DocumentNamePrefix", "Values": ["Shop-ClearDisk"]} in asked["Filters"]
        row = {"DocumentName": "Shop-ClearDisk", "AutomationExecutionStatus": "InProgress"}
        return {"AutomationExecutionMetadataList": [row] * self.running}

    def start(self, asked: dict[str, Any]) -> dict[str, Any]:
        token = asked.pop("ClientToken")
        if self.started.setdefault(token, asked) != asked:
            raise Refused("IdempotentParameterMismatch", "another request had this token")
        return {"AutomationExecutionId": EXECUTION.format([*self.started].index(token) + 1)}

    def get(self, asked: dict[str, Any]) -> dict[str, Any]:
        status = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {
            "AutomationExecution": {
                "AutomationExecutionId": asked["AutomationExecutionId"], "AutomationExecutionStatus": status,
                "FailureMessage": "Step 1 failed",
            }
        }  # fmt: skip


@pytest.fixture(autouse=True)
def automations(proxy: FaultProxy, wire: AwsWire) -> Automations:
    """A document of the team."""
    made = Automations()
    wire.operations |= {
        "DescribeDocument": made.document, "DescribeAutomationExecutions": made.list,
        "StartAutomationExecution": made.start, "GetAutomationExecution": made.get,
    }  # fmt: skip
    return made


@pytest.fixture
def toolbox(clients: AwsClients) -> CatalogueToolbox:
    """A toolbox of the one runbook."""
    return CatalogueToolbox(Catalogue([RunAutomation("clear-disk", RUNBOOK, clients, pause=0.0)]))


def test_it_is_planned_without_starting_anything(toolbox: CatalogueToolbox, automations: Automations) -> None:
    option = plan(toolbox, CLEAR)
    assert option.feasible
    assert (option.risk, option.reversibility) == ("medium", "irreversible")
    prepared = option.steps[0]
    assert prepared.undo is None
    assert prepared.dry_run.changes == ("runs Shop-ClearDisk version 3 with Fleet=web",)
    assert prepared.step.command.endswith("--document-name Shop-ClearDisk --parameters Fleet=web")
    assert automations.started == {}


def test_it_starts_once_and_is_followed_until_it_began(toolbox: CatalogueToolbox, automations: Automations) -> None:
    prepared = plan(toolbox, CLEAR).steps[0]
    first, again = toolbox.execute(do(prepared), 1), toolbox.execute(do(prepared), 2)
    assert first.detail == again.detail == f"execution {EXECUTION.format(1)} of Shop-ClearDisk: InProgress"
    assert len(automations.started) == 1
    (token, asked), *_ = automations.started.items()
    assert UUID.fullmatch(token)
    assert asked == {"DocumentName": "Shop-ClearDisk", "Parameters": {"Fleet": ["web"]}}
    other = toolbox.execute(do(prepared, "i/2/1/1/do"), 1)
    assert other.detail.startswith(f"execution {EXECUTION.format(2)}")


@pytest.mark.parametrize("lost", ["lose_answer", "lose_request"])
def test_a_lost_answer_is_sent_again_under_the_same_token(
    lost: str, toolbox: CatalogueToolbox, automations: Automations, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, CLEAR).steps[0]
    proxy.lose("StartAutomationExecution", "lose_answer" if lost == "lose_answer" else "lose_request")
    with pytest.raises(Failure) as failure:
        toolbox.execute(do(prepared), 1)
    assert failure.value.who == "retry"
    assert toolbox.execute(do(prepared), 2).status == "done"
    assert len(automations.started) == 1


def test_throttled_is_tried_again_and_denied_names_the_permission(
    toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, CLEAR).steps[0]
    for code, who in (("ThrottlingException", "retry"), ("AccessDeniedException", "operator")):
        proxy.clear()
        proxy.fail("StartAutomationExecution", code)
        with pytest.raises(Failure) as failure:
            toolbox.execute(do(prepared), 1)
        assert failure.value.who == who
    assert "ssm:StartAutomationExecution" in str(failure.value)


def test_one_that_cannot_be_followed_was_started_all_the_same(toolbox: CatalogueToolbox, proxy: FaultProxy) -> None:
    prepared = plan(toolbox, CLEAR).steps[0]
    proxy.fail("GetAutomationExecution", "ThrottlingException")
    result = toolbox.execute(do(prepared), 1)
    assert (result.status, result.detail) == (
        "done",
        f"execution {EXECUTION.format(1)} of Shop-ClearDisk: not readable",
    )


def test_one_that_fails_at_once_is_told(toolbox: CatalogueToolbox, automations: Automations) -> None:
    automations.states = ["Failed"]
    result = toolbox.execute(do(plan(toolbox, CLEAR).steps[0]), 1)
    assert result.status == "failed"
    assert "Step 1 failed" in result.detail


def test_a_document_that_was_changed_meanwhile_is_not_run(
    toolbox: CatalogueToolbox, automations: Automations
) -> None:
    prepared = plan(toolbox, CLEAR).steps[0]
    automations.hash = "def"
    assert toolbox.execute(do(prepared), 1).status == "changed_world"
    assert toolbox.execute(do(prepared), 2).status == "unknown"
    assert automations.started == {}


def test_another_execution_under_way_raises_the_risk(toolbox: CatalogueToolbox, automations: Automations) -> None:
    automations.running = 1
    assert plan(toolbox, CLEAR).risk == "high"


@pytest.mark.parametrize(("kind", "status"), [("Command", "Active"), ("Automation", "Creating")])
def test_what_is_no_active_automation_is_infeasible(
    kind: str, status: str, toolbox: CatalogueToolbox, automations: Automations
) -> None:
    automations.kind, automations.status = kind, status
    assert "no active Automation document" in plan(toolbox, CLEAR).infeasible_reason


def test_a_document_that_is_gone_is_infeasible(clients: AwsClients, automations: Automations) -> None:
    gone = RUNBOOK.model_copy(update={"document": "Shop-Gone"})
    toolbox = CatalogueToolbox(Catalogue([RunAutomation("clear-disk", gone, clients)]))
    option = plan(toolbox, CLEAR)
    assert "does not exist" in option.infeasible_reason
    assert toolbox.execute(do(option.steps[0]), 1).status == "refused"


@pytest.mark.parametrize(
    "step",
    [
        CLEAR.model_copy(update={"arguments": {"Fleet": "everything"}}),
        CLEAR.model_copy(update={"arguments": {}}),
        CLEAR.model_copy(update={"arguments": {"Fleet": "web", "AutomationAssumeRole": "admin"}}),
        CLEAR.model_copy(update={"target": "automation:wipe:checkout"}),
        CLEAR.model_copy(update={"service": "search", "target": "automation:clear-disk:search"}),
        CLEAR.model_copy(update={"service": ""}),
    ],
)
def test_what_is_not_on_the_allow_list_is_refused_and_nothing_is_asked(
    step: Step, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    option = plan(toolbox, step)
    assert not option.feasible
    assert toolbox.execute(do(option.steps[0]), 1).status == "refused"
    assert proxy.passed == []
