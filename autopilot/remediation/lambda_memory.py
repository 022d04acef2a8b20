"""Lambda: more memory for what an alias serves.

A published version cannot be changed: the memory of `$LATEST` is set, a version is published from it, and the alias
is pointed at that version. It is done only where `$LATEST` is, memory aside, what the alias serves: otherwise the
step would release code or settings that nobody released.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from autopilot.clients.aws import AwsClients, marking
from autopilot.clients.aws_errors import THROTTLE_PAUSE
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.ids import digest
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.incident.ports import Failure
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Refusal, Tool
from autopilot.remediation.cloud import AwsTool, asking, changed_lines, now, shell
from autopilot.remediation.evidence import blamed, evidence, expected, fit
from autopilot.remediation.lambda_ import ALIAS, weights_of
from autopilot.remediation.parts import Parts

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

MOST_MB = 10_240
"""AWS's limit."""
LOOKS = 10
"""How often a published version is looked at until it can serve; after that a later attempt goes on."""
RELEASED = (
    "CodeSha256", "Runtime", "Handler", "Role", "Timeout", "Environment", "Layers", "VpcConfig", "PackageType",
    "Architectures", "EphemeralStorage", "FileSystemConfigs", "ImageConfigResponse", "DeadLetterConfig",
    "KMSKeyArn", "TracingConfig", "LoggingConfig",
)  # fmt: skip
"""What makes a release, memory aside. Only a hash of it is kept: environment variables may be secrets."""


class Memory(Arguments):
    """Memory in MB; processor time grows with it."""

    memory_mb: int = Field(ge=128, le=MOST_MB)
    version: str = Field(default="", pattern=r"^([0-9]{1,9})?$")
    """The published version to point the alias at; empty: one is published."""


def _release(configuration: Mapping[str, Any]) -> str:
    return digest({name: configuration.get(name) for name in RELEASED if configuration.get(name)})


class SetMemory(AwsTool):
    """Gives the release that an alias serves more memory."""

    name: str = "lambda.set_memory"
    system: str = "lambda"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = (
        "lambda:GetAlias",
        "lambda:GetFunctionConfiguration",
        "lambda:UpdateFunctionConfiguration",
        "lambda:PublishVersion",
        "lambda:UpdateAlias",
    )
    takes: ClassVar[type[Arguments]] = Memory
    target = ALIAS
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"memory", "cpu"})

    def __init__(self, clients: AwsClients, pause: float = 1.0) -> None:
        """`pause` is in seconds, between looks at a version that is being prepared."""
        super().__init__(clients)
        self._pause = pause

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Twice the memory; only when a suspect says that memory or processor time is short here."""
        present = item.settings.get("memory_mb")
        if (
            not self._fits(item, "lambda_alias")
            or not isinstance(present, int)
            or present >= MOST_MB
            or item.settings.get("weights")
            or not blamed(item, context, self.addresses)
        ):
            return ()
        wanted = min(2 * present, MOST_MB)
        step = self._step(
            item,
            f"Raise the memory of {item.name} from {present} to {wanted} MB",
            {"memory_mb": wanted},
            {"memory_mb": f"memory_mb {present}; doubled"},
        )
        effect = expected(context, f"{item.service} has the memory and processor time it needs", 240.0)
        cited = evidence(item, context, self.addresses)
        how_well = fit(item, context, self.addresses)
        offer = self._offer(step, effect, f"{item.name} is short of memory or processor time", cited, how_well)
        return (replace(offer, own={"memory_mb": (wanted,)}),)

    def command(self, step: Step) -> str:
        """Three calls: `update-function-configuration`, `publish-version`, `update-alias`."""
        parts, wanted = self._parts(step), Memory.model_validate(step.arguments)
        where = ("--region", parts["region"], "--function-name", parts["function"])
        calls = [
            shell("aws", "lambda", "update-function-configuration", *where, "--memory-size", wanted.memory_mb),
            shell("aws", "lambda", "wait", "function-updated-v2", *where),
        ]
        alias = shell("aws", "lambda", "update-alias", *where, "--name", parts["alias"], "--function-version")
        publish = shell("aws", "lambda", "publish-version", *where, "--query", "Version", "--output", "text")
        return " && ".join([*calls, f"{alias} {wanted.version or f'$({publish})'}"])

    def inspect(self, step: Step) -> TargetState:
        """The memory of what the alias serves and of `$LATEST`, and whether both are one release."""
        parts = self._parts(step)
        client = self._aws.lambda_(parts["region"])
        try:
            with asking(f"alias {parts['function']}:{parts['alias']}"):
                alias = client.get_alias(FunctionName=parts["function"], Name=parts["alias"])
                served: Any = client.get_function_configuration(
                    FunctionName=parts["function"], Qualifier=alias["FunctionVersion"]
                )
                latest: Any = client.get_function_configuration(FunctionName=parts["function"])
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        weights, updating = weights_of(alias), latest.get("LastUpdateStatus") == "InProgress"
        return TargetState(
            target=step.target,
            settings={
                "memory_mb": served.get("MemorySize"),
                "latest_memory_mb": latest.get("MemorySize"),
                "release": _release(served),
                "latest_is_served": _release(latest) == _release(served),
                "weights": weights,
            },
            observed={"version": alias["FunctionVersion"]},
            deploying=bool(weights) or updating,
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted memory, of the same release; the number of a new version is not known before."""
        wanted = Memory.model_validate(step.arguments).memory_mb
        sizes: dict[str, Scalar] = {"memory_mb": wanted, "latest_memory_mb": wanted}
        return before.model_copy(update={"settings": before.settings | sizes})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether `$LATEST` is what the alias serves, so that nothing else is released with the memory."""
        parts, wanted = self._parts(step), Memory.model_validate(step.arguments).memory_mb
        if before.settings.get("weights"):
            return DryRun(feasible=False, reason="a gradual rollout is under way: the alias serves two versions")
        if not before.settings.get("latest_is_served"):
            return DryRun(
                feasible=False,
                reason="$LATEST has other code or settings than the alias serves: publishing would release them",
            )
        present = before.settings.get("memory_mb")
        if before.settings.get("latest_memory_mb") != present:
            return DryRun(feasible=False, reason="the memory of $LATEST was changed and is not released yet")
        ratio = wanted / present if isinstance(present, int) and present else 1.0
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all requests of {step.service or parts['function']} through alias {parts['alias']}, "
            "and whoever calls $LATEST",
            cost=f"{ratio:.3g} times the price of a millisecond; a faster run may make up for it",
            warnings=("new executions start cold", "the version that is published stays after an undo"),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Set, publish, point: each only if it is not so already, and only on the revision just read.

        While Lambda is still taking over new memory it refuses to publish; that is tried again.
        """
        parts, wanted = self._parts(step), Memory.model_validate(step.arguments)
        client, function = self._aws.lambda_(parts["region"]), parts["function"]
        with marking(key), asking(f"function {function}"):
            latest = client.get_function_configuration(FunctionName=function)
            if latest.get("MemorySize") != wanted.memory_mb:
                latest = client.update_function_configuration(
                    FunctionName=function, MemorySize=wanted.memory_mb, RevisionId=latest.get("RevisionId", "")
                )
            version = wanted.version or self._published(client, function, latest.get("CodeSha256", ""))
            alias = client.get_alias(FunctionName=function, Name=parts["alias"])
            if alias["FunctionVersion"] != version:
                client.update_alias(
                    FunctionName=function,
                    Name=parts["alias"],
                    FunctionVersion=version,
                    RevisionId=alias["RevisionId"],
                )
        return "done", f"alias {parts['alias']} serves version {version} with {wanted.memory_mb} MB"

    def _published(self, client: "LambdaClient", function: str, code: str) -> str:
        """The version of `$LATEST`, once it can serve: Lambda publishes none when nothing changed since the last.

        Raises:
            Refusal: it cannot serve.
            Failure: Lambda is still preparing it.
        """
        version = client.publish_version(FunctionName=function, CodeSha256=code).get("Version", "")
        for _ in range(LOOKS):
            state = client.get_function_configuration(FunctionName=function, Qualifier=version).get("State")
            if state == "Failed":
                raise Refusal(f"version {version} of {function} cannot serve; the alias is left as it is")
            if state != "Pending":
                return version
            time.sleep(self._pause)
        raise Failure(f"Lambda is still preparing version {version} of {function}.", retry_after=THROTTLE_PAUSE)

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The alias back on its version; `$LATEST` gets the memory of that version."""
        memory, version = before.settings.get("memory_mb"), before.observed.get("version")
        if not isinstance(memory, int) or not isinstance(version, str) or not version.isdigit():
            return None
        summary = f"Point {self._parts(step)['alias']} back to version {version} with {memory} MB"
        return self._back(step, summary, {"memory_mb": memory, "version": version})


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (SetMemory(parts.aws),) if parts.aws else ()
