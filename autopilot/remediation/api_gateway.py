"""API Gateway (REST): the request limits of a stage. Its deployments and its canary are in `api_gateway_stage`."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Finding
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import AwsTool, asking, changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, findings_on, fit
from autopilot.remediation.parts import Parts
from autopilot.sources.api_gateway import stage_limits

if TYPE_CHECKING:
    from mypy_boto3_apigateway.type_defs import PatchOperationTypeDef, StageResponseTypeDef

STAGE = re.compile(
    r"arn:aws[a-z-]*:apigateway:(?P<region>[a-z0-9-]+)::/restapis/(?P<api>[A-Za-z0-9]{1,40})"
    r"/stages/(?P<stage>[A-Za-z0-9_-]{1,128})"
)
"""Unlike other ARNs these name no account."""
UNLIMITED = -1
"""What AWS takes for "no limit of its own": a single limit cannot be removed again."""
ROOM = 2
"""Under a surge a stage is limited to this many times its usual traffic; one that refuses gets this times more."""
METRIC_SECONDS = 60.0
"""CloudWatch counts requests over this period."""


class StageTool(AwsTool):
    """What the tools of a stage share: reading it, and patching it."""

    system: str = "api_gateway"
    target = STAGE
    permissions: tuple[str, ...] = ("apigateway:GET", "apigateway:PATCH")

    def _stage(self, step: Step) -> "StageResponseTypeDef":
        """The stage as API Gateway tells it. Raises Missing."""
        parts = self._parts(step)
        with asking(f"stage {parts['stage']}"):
            return self._aws.apigateway(parts["region"]).get_stage(restApiId=parts["api"], stageName=parts["stage"])

    def inspect(self, step: Step) -> TargetState:
        """The settings that the step reads or writes; a canary that gets traffic is a rollout under way."""
        try:
            stage = self._stage(step)
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        percent = stage.get("canarySettings", {}).get("percentTraffic", 0.0)
        return TargetState(
            target=step.target,
            settings=self._settings(stage),
            observed={"canary_percent": percent},
            deploying=percent > 0,
            observed_at=now(),
        )

    def _settings(self, stage: "StageResponseTypeDef") -> dict[str, Scalar]:
        """The fields of the stage that this tool reads or writes."""
        raise NotImplementedError

    def _patch(self, step: Step, key: str, operations: "Sequence[PatchOperationTypeDef]") -> None:
        """Change the stage; the same values twice are the same."""
        parts = self._parts(step)
        with marking(key), asking(f"stage {parts['stage']}"):
            self._aws.apigateway(parts["region"]).update_stage(
                restApiId=parts["api"], stageName=parts["stage"], patchOperations=operations
            )

    def _words(self, step: Step, **values: Scalar) -> str:
        parts = self._parts(step)
        return shell(
            "aws", "apigateway", "update-stage", "--region", parts["region"], "--rest-api-id", parts["api"],
            "--stage-name", parts["stage"], "--patch-operations",
            *(f"op=replace,path={path},value={value}" for path, value in values.items()),
        )  # fmt: skip


class Limits(Arguments):
    """What a stage allows each of its methods; -1 leaves it to the account's limit."""

    rate: float = Field(ge=UNLIMITED, le=1_000_000)
    """Requests per second."""
    burst: int = Field(ge=UNLIMITED, le=1_000_000)
    """Requests at once."""

    @model_validator(mode="after")
    def _both(self) -> "Limits":
        if (self.rate < 0) != (self.burst < 0) or UNLIMITED < self.rate < 0:
            raise ValueError("limit both rate and burst, or neither (-1)")
        return self


def refusals(item: InventoryItem, context: Context) -> Finding | None:
    """The finding that more callers than usual are refused, if there is one: 429 counts among the 4xx."""
    found = (f for f in findings_on(item, context) if f.direction in ("up", "new") and f.metric is not None)
    return next((f for f in found if f.metric and f.metric.name == "4XXError"), None)


def requests(item: InventoryItem, context: Context) -> Finding | None:
    """The finding that more requests than usual arrive, if there is one."""
    counted = (
        f for f in findings_on(item, context) if f.direction == "up" and f.metric and f.metric.name == "Count"
    )
    return next((f for f in counted if f.metric and f.metric.statistic == "Sum" and f.baseline), None)


class SetThrottling(StageTool):
    """Sets how many requests a stage lets through: less to protect what is behind it, more where it refuses."""

    name: str = "api_gateway.set_throttling"
    risk: Risk = "medium"
    takes: ClassVar[type[Arguments]] = Limits
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"throttled", "quota", "traffic_surge"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Twice the limits where the stage refuses; twice the usual traffic under a surge that goes beyond."""
        if not self._fits(item, "api_gateway_stage"):
            return ()
        return self._raised(item, context) or self._lowered(item, context)

    def _raised(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """For a stage with limits that is suspected to throttle and does refuse callers."""
        refused = refusals(item, context)
        rate, burst = item.settings.get("throttle_rate"), item.settings.get("throttle_burst")
        how_well = fit(item, context, frozenset({"throttled", "quota"}))
        if not isinstance(rate, int | float) or not isinstance(burst, int) or refused is None or how_well < 0.4:
            return ()
        step = self._step(
            item,
            f"Let {item.name} take {rate * ROOM:g} requests per second instead of {rate:g}",
            {"rate": rate * ROOM, "burst": burst * ROOM},
            {"rate": f"throttle_rate {rate}; doubled", "burst": f"throttle_burst {burst}; doubled"},
        )
        effect = expected(context, f"{item.name} refuses fewer requests", 120.0)
        cited = evidence(item, context, frozenset({"throttled", "quota"}), (refused.id,))
        why = f"{item.name} refuses callers ({refused.id}) and takes {rate:g} requests per second at most"
        return (self._offer(step, effect, why, cited, how_well),)

    def _lowered(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """For a stage that gets far more requests than usual."""
        surge = requests(item, context)
        how_well = fit(item, context, frozenset({"traffic_surge"}))
        if surge is None or how_well < 0.4:
            return ()
        usual, present = (surge.baseline or 0.0) / METRIC_SECONDS, item.settings.get("throttle_rate")
        rate = math.ceil(ROOM * usual)
        reached = (surge.observed or 0.0) / METRIC_SECONDS
        if rate >= reached or (isinstance(present, int | float) and present <= rate):
            return ()
        step = self._step(
            item,
            f"Limit {item.name} to {rate} requests per second",
            {"rate": rate, "burst": rate},
            {
                "rate": self._own(f"{ROOM} times the usual rate by {surge.id}"),
                "burst": self._own(f"a second's worth by {surge.id}"),
            },
        )
        effect = expected(context, f"what is behind {item.name} gets at most {rate} requests per second", 120.0)
        why = f"{reached:.0f} requests per second arrive where {usual:.0f} are usual ({surge.id})"
        offer = self._offer(step, effect, why, evidence(item, context, self.addresses, (surge.id,)), how_well)
        return (replace(offer, own={"rate": (rate,), "burst": (rate,)}),)

    def command(self, step: Step) -> str:
        """`aws apigateway update-stage …`."""
        wanted = Limits.model_validate(step.arguments)
        limits = {"/*/*/throttling/rateLimit": f"{wanted.rate:g}", "/*/*/throttling/burstLimit": wanted.burst}
        return self._words(step, **limits)

    def _settings(self, stage: "StageResponseTypeDef") -> dict[str, Scalar]:
        rate, burst = stage_limits(stage)
        return {"throttle_rate": rate, "throttle_burst": burst}

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted limits."""
        wanted = Limits.model_validate(step.arguments)
        limits: dict[str, Scalar] = {"throttle_rate": None, "throttle_burst": None}
        if wanted.rate >= 0:
            limits = {"throttle_rate": wanted.rate, "throttle_burst": wanted.burst}
        return before.model_copy(update={"settings": limits})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """It always can; what goes beyond is refused."""
        rate = Limits.model_validate(step.arguments).rate
        had = before.settings.get("throttle_rate")
        lower = rate >= 0 and (had is None or (isinstance(had, int | float) and had > rate))
        warning = "what goes beyond is refused with 429" if lower else "what is behind the API gets more requests"
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all callers of stage {self._parts(step)['stage']}, each method for itself",
            cost="none",
            warnings=(warning, "limits of single methods and of usage plans stay as they are"),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Set both limits in one request."""
        wanted = Limits.model_validate(step.arguments)
        self._patch(
            step,
            key,
            (
                {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": f"{wanted.rate:g}"},
                {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": str(wanted.burst)},
            ),
        )
        limit = f"{wanted.rate:g} requests per second" if wanted.rate >= 0 else "no limit of its own"
        return "done", f"stage {self._parts(step)['stage']} has {limit}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The limits it had."""
        rate, burst = before.settings.get("throttle_rate"), before.settings.get("throttle_burst")
        had: dict[str, Scalar] = {"rate": UNLIMITED, "burst": UNLIMITED}
        if rate is not None and burst is not None:
            had = {"rate": rate, "burst": burst}
        elif rate is not None or burst is not None:
            return None
        return self._back(step, f"Put the limits of {self._parts(step)['stage']} back", had)


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (SetThrottling(parts.aws),) if parts.aws else ()
