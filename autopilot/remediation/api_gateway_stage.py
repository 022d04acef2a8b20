"""API Gateway (REST): an earlier deployment of a stage, and the share of traffic that its canary gets."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.api_gateway import StageTool
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Tool
from autopilot.remediation.cloud import asking, changed_lines
from autopilot.remediation.evidence import evidence, expected, fit, way_back
from autopilot.remediation.parts import Parts

if TYPE_CHECKING:
    from mypy_boto3_apigateway.type_defs import StageResponseTypeDef

RELEASES: frozenset[CauseKind] = frozenset({"bad_deploy", "config_change"})


class Deployment(Arguments):
    """The deployment that the stage serves."""

    deployment_id: str = Field(pattern=r"^[A-Za-z0-9]{1,40}$")


class RollbackStage(StageTool):
    """Serves an earlier deployment of the API."""

    name: str = "api_gateway.rollback_stage"
    risk: Risk = "medium"
    takes: ClassVar[type[Arguments]] = Deployment
    addresses: ClassVar[frozenset[CauseKind]] = RELEASES

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The deployment that was healthy last, else an earlier one, so marked; where a release is suspected."""
        how_well = fit(item, context, self.addresses)
        if not self._fits(item, "api_gateway_stage") or how_well < 0.4:
            return ()
        way = way_back(item, str(item.settings.get("deployment_id") or ""), context)
        if way is None:
            return ()
        step = self._step(
            item,
            f"Serve deployment {way.label} of {item.name} again{way.mark}",
            {"deployment_id": way.version},
            {"deployment_id": way.source},
        )
        effect = expected(context, f"{item.name} answers as it did with {way.label}", 120.0)
        return (self._back_to(way, step, effect, evidence(item, context, self.addresses, way.vouched), how_well),)

    def command(self, step: Step) -> str:
        """`aws apigateway update-stage …`."""
        return self._words(step, **{"/deploymentId": Deployment.model_validate(step.arguments).deployment_id})

    def _settings(self, stage: "StageResponseTypeDef") -> dict[str, Scalar]:
        return {"deployment_id": stage.get("deploymentId", "")}

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted deployment."""
        wanted = Deployment.model_validate(step.arguments).deployment_id
        return before.model_copy(update={"settings": {"deployment_id": wanted}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the deployment is still kept."""
        parts, wanted = self._parts(step), Deployment.model_validate(step.arguments).deployment_id
        with asking(f"deployment {wanted}"):
            self._aws.apigateway(parts["region"]).get_deployment(restApiId=parts["api"], deploymentId=wanted)
        percent = before.observed.get("canary_percent")
        canary = (
            (f"its canary keeps {percent:g} % of the traffic",) if isinstance(percent, float) and percent else ()
        )
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all callers of stage {parts['stage']}",
            cost="none",
            warnings=("what it is integrated with stays as it is", *canary),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Name the deployment."""
        wanted = Deployment.model_validate(step.arguments).deployment_id
        self._patch(step, key, ({"op": "replace", "path": "/deploymentId", "value": wanted},))
        return "done", f"stage {self._parts(step)['stage']} serves deployment {wanted}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The deployment it served."""
        had = before.settings.get("deployment_id")
        return self._back(step, f"Serve deployment {had} again", {"deployment_id": had}) if had else None


class Share(Arguments):
    """What share of the requests the canary gets."""

    percent: float = Field(default=0.0, ge=0.0, le=100.0)


class SetCanary(StageTool):
    """Sets the share of requests that a stage's canary gets: none takes the new deployment out of the traffic."""

    name: str = "api_gateway.set_canary"
    risk: Risk = "low"
    takes: ClassVar[type[Arguments]] = Share
    addresses: ClassVar[frozenset[CauseKind]] = RELEASES

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """No traffic for a canary that gets some, where a release of the service is suspected."""
        percent, how_well = item.settings.get("canary_percent"), fit(item, context, self.addresses)
        if not self._fits(item, "api_gateway_stage") or not isinstance(percent, int | float) or how_well < 0.4:
            return ()
        if percent <= 0:
            return ()
        step = self._step(
            item,
            f"Take the canary of {item.name} out of the traffic ({percent:g} %)",
            {"percent": 0.0},
            {"percent": self._own("no traffic")},
        )
        effect = expected(context, f"all requests of {item.name} reach the deployment before", 120.0)
        why = f"{percent:g} % of {item.name} go to a canary while a release is suspected"
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), min(how_well * 1.1, 1.0)),)

    def command(self, step: Step) -> str:
        """`aws apigateway update-stage …`."""
        percent = Share.model_validate(step.arguments).percent
        return self._words(step, **{"/canarySettings/percentTraffic": f"{percent:g}"})

    def _settings(self, stage: "StageResponseTypeDef") -> dict[str, Scalar]:
        canary = stage.get("canarySettings", {})
        return {"canary_percent": canary.get("percentTraffic"), "canary_deployment_id": canary.get("deploymentId")}

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted share of the same canary."""
        percent = Share.model_validate(step.arguments).percent
        return before.model_copy(update={"settings": before.settings | {"canary_percent": percent}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether there is a canary."""
        had, percent = before.settings.get("canary_percent"), Share.model_validate(step.arguments).percent
        if not isinstance(had, int | float):
            return DryRun(feasible=False, reason="the stage has no canary")
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"{abs(had - percent):g} % of the requests of stage {self._parts(step)['stage']}",
            cost="none",
            warnings=("the canary itself stays: promote or delete it afterwards",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Set the share."""
        percent = Share.model_validate(step.arguments).percent
        self._patch(
            step, key, ({"op": "replace", "path": "/canarySettings/percentTraffic", "value": f"{percent:g}"},)
        )
        return "done", f"the canary of stage {self._parts(step)['stage']} gets {percent:g} % of the requests"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The share it had."""
        had = before.settings.get("canary_percent")
        return None if had is None else self._back(step, f"Give the canary {had} % again", {"percent": had})


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (RollbackStage(parts.aws), SetCanary(parts.aws)) if parts.aws else ()
