"""SSM Automation documents of the allow-list; a client token made of the key makes a repetition harmless."""

import time
from typing import TYPE_CHECKING

from autopilot.clients.aws import AwsClients, marking
from autopilot.incident.plan import DryRun, Step, TargetState
from autopilot.incident.ports import Failure
from autopilot.remediation.base import Effect, Missing, Refusal, Tool
from autopilot.remediation.cloud import asking, now, request_token, shell
from autopilot.remediation.parts import Parts
from autopilot.remediation.runbooks import RunbookTool
from autopilot.settings_systems import Automation

if TYPE_CHECKING:
    from mypy_boto3_ssm.type_defs import AutomationExecutionTypeDef

LOOKS = 5
"""How often a started execution is looked at until it has left the queue."""
ENDED_BADLY = ("Failed", "TimedOut", "Cancelled", "Rejected", "CompletedWithFailure")
UNKNOWN_DOCUMENT = "(InvalidDocument:"
"""How SSM says that there is no such document."""


class RunAutomation(RunbookTool):
    """Runs one SSM Automation document of the allow-list, with values of the allow-list."""

    reversible: bool = False
    permissions: tuple[str, ...] = (
        "ssm:DescribeDocument",
        "ssm:DescribeAutomationExecutions",
        "ssm:GetAutomationExecution",
        "ssm:StartAutomationExecution",
    )

    def __init__(self, name: str, runbook: Automation, clients: AwsClients, pause: float = 0.5) -> None:
        """`pause` is in seconds, between two looks at a started execution."""
        super().__init__(
            "automation", name, runbook.risk, runbook.services, runbook.parameters, runbook.helps_against,
            runbook.seconds,
        )  # fmt: skip
        self._document, self._aws, self._pause = runbook.document, clients, pause
        self._region = runbook.region or clients.regions[0]

    def command(self, step: Step) -> str:
        """`aws ssm start-automation-execution …`."""
        given = ("--parameters", *(f"{n}={value}" for n, value in step.arguments.items())) if step.arguments else ()
        return shell(
            "aws", "ssm", "start-automation-execution", "--region", self._region, "--document-name", self._document,
            *given,
        )  # fmt: skip

    def inspect(self, step: Step) -> TargetState:
        """Which version of the document would run; an execution of it that is under way is a rollout."""
        client = self._aws.ssm(self._region)
        try:
            with asking(f"document {self._document}"):
                document = client.describe_document(Name=self._document)["Document"]
                running = client.describe_automation_executions(
                    Filters=[
                        {"Key": "DocumentNamePrefix", "Values": [self._document]},
                        {"Key": "ExecutionStatus", "Values": ["InProgress"]},
                    ],
                    MaxResults=10,
                )["AutomationExecutionMetadataList"]
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        except Refusal as refusal:
            if UNKNOWN_DOCUMENT not in str(refusal):
                raise
            return TargetState(target=step.target, exists=False, observed_at=now())
        return TargetState(
            target=step.target,
            settings={
                "document": self._document,
                "version": document.get("DocumentVersion", ""),
                "hash": document.get("Hash", ""),
            },
            observed={
                "kind": str(document.get("DocumentType", "")),
                "status": str(document.get("Status", "")),
                "running": len(running),
            },
            health=f"{len(running)} executions are under way" if running else "ready",
            deploying=bool(running),
            observed_at=now(),
        )

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the document is one that can be run now."""
        kind, status = before.observed.get("kind"), before.observed.get("status")
        if kind != "Automation" or status != "Active":
            return DryRun(
                feasible=False, reason=f"{self._document} is no active Automation document ({kind}, {status})"
            )
        given = ", ".join(f"{name}={value}" for name, value in step.arguments.items()) or "no parameters"
        return DryRun(
            feasible=True,
            changes=(f"runs {self._document} version {before.settings.get('version')} with {given}",),
            reach=f"what the document does for {step.service}; the team vouches for it",
            cost="that of the execution's steps",
            warnings=("cannot be undone by us", "what it does was not tried out"),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Start it under the step's token, and see it begin."""
        client = self._aws.ssm(self._region)
        with marking(key), asking(f"document {self._document}"):
            number = client.start_automation_execution(
                DocumentName=self._document,
                Parameters={name: [str(value)] for name, value in step.arguments.items()},
                ClientToken=request_token(key),
            )["AutomationExecutionId"]
        found = self._begun(number)
        status = str(found.get("AutomationExecutionStatus", "")) if found else "not readable"
        if found and status in ENDED_BADLY:
            told = found.get("FailureMessage", "")[:200]
            raise Refusal(f"execution {number} of {self._document} ended {status}: {told}; look at what it did")
        return "done", f"execution {number} of {self._document}: {status}"

    def _begun(self, number: str) -> "AutomationExecutionTypeDef | None":
        """The execution once it has left the queue; None when it cannot be read: it was started all the same."""
        found: AutomationExecutionTypeDef | None = None
        for look in range(LOOKS):
            if look:
                time.sleep(self._pause)
            try:
                with asking(f"execution {number}"):
                    found = self._aws.ssm(self._region).get_automation_execution(AutomationExecutionId=number)[
                        "AutomationExecution"
                    ]
            except (Refusal, Failure):
                return None
            if found.get("AutomationExecutionStatus") != "Pending":
                break
        return found


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """One tool per document of the allow-list."""
    clients = parts.aws
    if clients is None:
        return ()
    listed = parts.settings.runbooks.automation.items()
    return tuple(RunAutomation(name, runbook, clients) for name, runbook in listed)
