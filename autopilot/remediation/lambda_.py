"""Lambda: point an alias at an earlier version; reserve concurrency."""

import json
import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, findings_on, fit, way_back
from autopilot.remediation.parts import Parts

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import AliasConfigurationResponseTypeDef

ALIAS = arn("lambda", r"function:(?P<function>[\w-]{1,64}):(?P<alias>[\w-]{1,128})")
MIN_UNRESERVED = 100
"""AWS keeps at least this much concurrency of an account unreserved."""


class AliasVersion(Arguments):
    """Which version an alias serves; `weights` is JSON (version → share), empty for none."""

    version: str = Field(pattern=r"^[0-9]{1,9}$")
    weights: str = Field(default="", max_length=500, pattern=r'^(\{("[0-9]{1,9}": ?[0-9.]{1,8},? ?){1,5}\})?$')


def weights_of(alias: "AliasConfigurationResponseTypeDef") -> str:
    """The extra weights of an alias as JSON with sorted keys, empty when it serves one version."""
    shares = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return json.dumps(shares, sort_keys=True) if shares else ""


class AliasTool(AwsTool):
    """A tool on an alias of a function."""

    system: str = "lambda"
    target = ALIAS

    def inspect(self, step: Step) -> TargetState:
        """The version the alias serves and the share of others."""
        parts = self._parts(step)
        try:
            with asking(f"alias {parts['function']}:{parts['alias']}"):
                alias = self._aws.lambda_(parts["region"]).get_alias(
                    FunctionName=parts["function"], Name=parts["alias"]
                )
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        weights = weights_of(alias)
        return TargetState(
            target=step.target,
            settings={"version": alias["FunctionVersion"], "weights": weights},
            deploying=bool(weights),
            observed_at=now(),
        )


class RollbackAlias(AliasTool):
    """Points an alias wholly at one published version that was healthy in telemetry."""

    name: str = "lambda.rollback_alias"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = (
        "lambda:GetAlias",
        "lambda:GetFunctionConfiguration",
        "lambda:UpdateAlias",
    )
    takes: ClassVar[type[Arguments]] = AliasVersion
    addresses: ClassVar[frozenset[CauseKind]] = frozenset(
        {"bad_deploy", "slow_query", "crash", "memory", "startup", "config_change", "throttled"}
    )

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The version that was healthy last in telemetry; where none is known to be, an earlier one, so marked."""
        way = way_back(item, str(item.settings.get("version") or ""), context)
        if way is None or not self._fits(item, "lambda_alias"):
            return ()
        step = self._step(
            item,
            f"Roll {item.name} back to {way.label} (version {way.version}){way.mark}",
            {"version": way.version},
            {"version": way.source},
        )
        effect = expected(context, f"{item.service} behaves as it did with {way.label}", 180.0)
        how_well = fit(item, context, frozenset({"bad_deploy", "slow_query"}))
        return (self._back_to(way, step, effect, evidence(item, context, self.addresses, way.vouched), how_well),)

    def command(self, step: Step) -> str:
        """`aws lambda update-alias …`."""
        parts, wanted = self._parts(step), AliasVersion.model_validate(step.arguments)
        routing = json.dumps({"AdditionalVersionWeights": json.loads(wanted.weights or "{}")})
        return shell(
            "aws", "lambda", "update-alias", "--region", parts["region"], "--function-name", parts["function"],
            "--name", parts["alias"], "--function-version", wanted.version, "--routing-config", routing,
        )  # fmt: skip

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The alias serves the wanted version alone (or with the wanted weights)."""
        wanted = AliasVersion.model_validate(step.arguments)
        settings: dict[str, Scalar] = {"version": wanted.version, "weights": wanted.weights}
        return before.model_copy(update={"settings": settings, "deploying": bool(wanted.weights)})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the version is still published and ready to serve."""
        parts, wanted = self._parts(step), AliasVersion.model_validate(step.arguments)
        client = self._aws.lambda_(parts["region"])
        try:
            with asking(f"version {wanted.version} of {parts['function']}"):
                version = client.get_function_configuration(
                    FunctionName=parts["function"], Qualifier=wanted.version
                )
        except Missing as missing:
            return DryRun(feasible=False, reason=str(missing))
        if version.get("State") in ("Failed", "Inactive"):
            return DryRun(feasible=False, reason=f"version {wanted.version} is {version.get('State')}")
        warnings = ["requests in flight finish on the present version; new ones start cold"]
        if before.deploying:
            warnings.append("a gradual rollout is under way: its weights are dropped")
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all requests of {step.service or parts['function']} through alias {parts['alias']}",
            cost="none",
            warnings=tuple(warnings),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Set the alias, only if nobody changed it since it was read a moment ago."""
        parts, wanted = self._parts(step), AliasVersion.model_validate(step.arguments)
        client = self._aws.lambda_(parts["region"])
        with marking(key), asking(f"alias {parts['function']}:{parts['alias']}"):
            alias = client.get_alias(FunctionName=parts["function"], Name=parts["alias"])
            if (alias["FunctionVersion"], weights_of(alias)) == (wanted.version, wanted.weights):
                return "already", f"alias {parts['alias']} already serves version {wanted.version}"
            client.update_alias(
                FunctionName=parts["function"],
                Name=parts["alias"],
                FunctionVersion=wanted.version,
                RoutingConfig={"AdditionalVersionWeights": json.loads(wanted.weights or "{}")},
                RevisionId=alias["RevisionId"],
            )
        return "done", f"alias {parts['alias']} now serves version {wanted.version}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The alias back to the version and weights it had."""
        version, weights = before.settings.get("version"), str(before.settings.get("weights") or "")
        if not isinstance(version, str) or not version.isdigit():
            return None
        summary = f"Point {self._parts(step)['alias']} back to version {version}"
        return self._back(step, summary, {"version": version, **({"weights": weights} if weights else {})})


class ReservedConcurrency(Arguments):
    """Concurrency reserved for a function; None reserves nothing."""

    reserved: int | None = Field(ge=0, le=100_000)


class SetConcurrency(AwsTool):
    """Reserves concurrency for a function that is throttled for lack of it."""

    name: str = "lambda.set_concurrency"
    system: str = "lambda"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = (
        "lambda:GetFunctionConcurrency",
        "lambda:GetAccountSettings",
        "lambda:PutFunctionConcurrency",
        "lambda:DeleteFunctionConcurrency",
    )
    takes: ClassVar[type[Arguments]] = ReservedConcurrency
    target = ALIAS
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"throttled", "quota", "capacity", "traffic_surge"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """More than is reserved now; only when findings show that this function itself was throttled."""
        reserved = item.settings.get("reserved_concurrency")
        if (
            item.kind != "lambda_alias"
            or not isinstance(reserved, int)
            or self.target.fullmatch(item.resource) is None
        ):
            return ()
        function = str(item.settings.get("function") or "")
        throttles = [
            f
            for f in (*findings_on(item, context), *context.dossier.findings)
            if f.metric is not None
            and f.metric.name == "Throttles"
            and function in f.metric.dimensions.values()
            and f.direction in ("up", "new")
        ]
        if not throttles:
            return ()
        wanted = max(reserved * 2, 1)
        step = self._step(
            item,
            f"Raise the reserved concurrency of {function} from {reserved} to {wanted}",
            {"reserved": wanted},
            {"reserved": f"reserved_concurrency {reserved}; doubled"},
        )
        effect = expected(context, f"{function} is no longer throttled", 120.0)
        ids = [f.id for f in throttles]
        why = f"{function} is throttled at {reserved} concurrent executions ({ids[0]})"
        cited = evidence(item, context, self.addresses, ids)
        return (self._offer(step, effect, why, cited, max(fit(item, context, self.addresses), 0.6)),)

    def command(self, step: Step) -> str:
        """`aws lambda put-function-concurrency …` or its removal."""
        parts, wanted = self._parts(step), ReservedConcurrency.model_validate(step.arguments)
        where = ("--region", parts["region"], "--function-name", parts["function"])
        if wanted.reserved is None:
            return shell("aws", "lambda", "delete-function-concurrency", *where)
        return shell(
            "aws", "lambda", "put-function-concurrency", *where,
            "--reserved-concurrent-executions", wanted.reserved,
        )  # fmt: skip

    def inspect(self, step: Step) -> TargetState:
        """What is reserved for the function."""
        parts = self._parts(step)
        try:
            with asking(f"function {parts['function']}"):
                answer = self._aws.lambda_(parts["region"]).get_function_concurrency(FunctionName=parts["function"])
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        reserved = answer.get("ReservedConcurrentExecutions")
        return TargetState(target=step.target, settings={"reserved_concurrency": reserved}, observed_at=now())

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted reservation."""
        wanted = ReservedConcurrency.model_validate(step.arguments).reserved
        return before.model_copy(update={"settings": {"reserved_concurrency": wanted}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the account has that much unreserved concurrency to give."""
        parts, wanted = self._parts(step), ReservedConcurrency.model_validate(step.arguments).reserved
        present = before.settings.get("reserved_concurrency")
        taken = (wanted or 0) - (present if isinstance(present, int) else 0)
        with asking(f"concurrency of the account in {parts['region']}"):
            limits = self._aws.lambda_(parts["region"]).get_account_settings()
        free = limits.get("AccountLimit", {}).get("UnreservedConcurrentExecutions", math.inf)
        if free - taken < MIN_UNRESERVED:
            return DryRun(
                feasible=False,
                reason=f"only {free} unreserved executions are left; AWS keeps {MIN_UNRESERVED} of them free",
            )
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"requests of {step.service or parts['function']}; other functions share {max(taken, 0)} less",
            cost="none by itself; more executions run",
            warnings=("what the function calls gets more load",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Set or remove the reservation; setting it twice is the same."""
        parts, wanted = self._parts(step), ReservedConcurrency.model_validate(step.arguments).reserved
        client = self._aws.lambda_(parts["region"])
        with marking(key), asking(f"concurrency of {parts['function']}"):
            if wanted is None:
                client.delete_function_concurrency(FunctionName=parts["function"])
                return "done", f"nothing is reserved for {parts['function']} any more"
            client.put_function_concurrency(FunctionName=parts["function"], ReservedConcurrentExecutions=wanted)
        return "done", f"{wanted} concurrent executions are reserved for {parts['function']}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The reservation as it was."""
        present = before.settings.get("reserved_concurrency")
        summary = f"Put the reserved concurrency back to {'none' if present is None else present}"
        return self._back(step, summary, {"reserved": present})


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (RollbackAlias(parts.aws), SetConcurrency(parts.aws)) if parts.aws else ()
