"""Kubernetes: the number of pods of a Deployment, or the bounds of the autoscaler that owns it."""

import math
from typing import ClassVar

from pydantic import Field

from autopilot.clients.kubernetes_objects import Autoscaler, Json, Workload
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.kubernetes import KubernetesTool, keepers, place, writable
from autopilot.remediation.parts import Parts

MOST = 4
"""A step multiplies a number of pods at most by this."""
HELPS: frozenset[CauseKind] = frozenset({"capacity", "traffic_surge", "cpu", "memory"})


def more(present: int) -> int:
    """Half as many again, at least one more."""
    return min(max(present + 1, math.ceil(present * 1.5)), present * MOST)


class Replicas(Arguments):
    """How many pods should run."""

    replicas: int = Field(ge=0, le=5_000)


class ScaleDeployment(KubernetesTool):
    """Sets the number of pods of a Deployment that nothing scales by itself."""

    name: str = "kubernetes.scale"
    risk: Risk = "low"
    permissions: tuple[str, ...] = (
        "get deployments.apps",
        "list horizontalpodautoscalers.autoscaling",
        "patch deployments.apps/scale",
    )
    takes: ClassVar[type[Arguments]] = Replicas
    target = place("deployment")
    addresses: ClassVar[frozenset[CauseKind]] = HELPS

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Half as many again; only when a suspect points at this Deployment and no autoscaler owns it."""
        present, how_well = item.settings.get("replicas"), fit(item, context, self.addresses)
        if (
            not self._fits(item, "kubernetes_deployment")
            or not isinstance(present, int)
            or present < 1
            or item.settings.get("autoscaler")
            or how_well < 0.3
        ):
            return ()
        step = self._step(
            item,
            f"Scale {item.name} from {present} to {more(present)} pods",
            {"replicas": more(present)},
            {"replicas": f"replicas {present}; half as many again"},
        )
        effect = expected(context, f"each pod of {item.service} gets less load", 180.0)
        why = f"{item.service} is short of room with {present} pods"
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), how_well),)

    def command(self, step: Step) -> str:
        """`kubectl scale …`."""
        (namespace, name), wanted = self._parts(step), Replicas.model_validate(step.arguments).replicas
        return shell("kubectl", "scale", f"deployment/{name}", "--namespace", namespace, f"--replicas={wanted}")

    def _path(self, step: Step) -> str:
        namespace, name = self._parts(step)
        return f"apis/apps/v1/namespaces/{namespace}/deployments/{name}"

    def _deployment(self, step: Step) -> Workload:
        return self._read(self._path(step), Workload, "get deployments.apps")

    def inspect(self, step: Step) -> TargetState:
        """The wanted number of pods, unless an autoscaler owns it."""
        namespace, name = self._parts(step)
        try:
            deployment = self._deployment(step)
        except Missing:
            return self._gone(step)
        scalers = self._listed(
            f"apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers",
            Autoscaler,
            "list horizontalpodautoscalers.autoscaling",
        )
        owner = next((s.metadata.name for s in scalers if s.scales("deployment", name)), "")
        wanted: dict[str, Scalar] = {"replicas": deployment.spec.replicas}
        return TargetState(
            target=step.target,
            settings={"autoscaler": owner} | ({} if owner else wanted),
            observed={"ready_replicas": deployment.status.ready_replicas} | (wanted if owner else {}),
            health=deployment.health,
            deploying=deployment.rolling,
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted number."""
        wanted = Replicas.model_validate(step.arguments).replicas
        return before.model_copy(update={"settings": before.settings | {"replicas": wanted}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the number is ours to set, and whether the server would take it."""
        if owner := before.settings.get("autoscaler"):
            return DryRun(
                feasible=False, reason=f"autoscaler {owner} owns the number of pods; change its bounds instead"
            )
        deployment = self._deployment(step)
        self._send(step, deployment, dry=True)
        stopped = Replicas.model_validate(step.arguments).replicas == 0
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all requests of {step.service or deployment.metadata.name}; running pods stay",
            cost="the requests of the added pods; nodes are added where the cluster does that",
            warnings=(
                "what the service calls gets more connections",
                *(("nothing serves any more",) if stopped else ()),
                *keepers(deployment.metadata),
            ),
        )

    def _send(self, step: Step, deployment: Workload, *, dry: bool) -> None:
        wanted = Replicas.model_validate(step.arguments).replicas
        version = deployment.metadata.resource_version
        change: Json = {"metadata": {"resourceVersion": version}, "spec": {"replicas": wanted}}
        self._patch(f"{self._path(step)}/scale", change, "patch deployments.apps/scale", dry=dry)

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:  # noqa: ARG002 - the state is the guard
        """Set the number, unless somebody was faster."""
        self._send(step, self._deployment(step), dry=False)
        return "done", f"deployment {self._parts(step)[1]} wants {step.arguments.get('replicas')} pods"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The number it had."""
        had = before.settings.get("replicas")
        return self._back(step, f"Scale back to {had} pods", {"replicas": had}) if had is not None else None


class Bounds(Arguments):
    """Between how many pods an autoscaler may choose."""

    min_replicas: int = Field(ge=1, le=5_000)
    max_replicas: int = Field(ge=1, le=5_000)


class AutoscalerBounds(KubernetesTool):
    """Sets the bounds of a HorizontalPodAutoscaler; how many pods run stays its own decision."""

    name: str = "kubernetes.hpa_bounds"
    risk: Risk = "low"
    permissions: tuple[str, ...] = (
        "get horizontalpodautoscalers.autoscaling",
        "patch horizontalpodautoscalers.autoscaling",
    )
    takes: ClassVar[type[Arguments]] = Bounds
    target = place("horizontalpodautoscaler")
    addresses: ClassVar[frozenset[CauseKind]] = HELPS

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """A maximum half as high again; only when it has reached it and a suspect points at its service."""
        low, high, runs = (item.settings.get(k) for k in ("min_replicas", "max_replicas", "current_replicas"))
        how_well = fit(item, context, self.addresses)
        if not self._fits(item, "kubernetes_autoscaler") or how_well < 0.3:
            return ()
        if not (isinstance(low, int) and isinstance(high, int) and isinstance(runs, int) and runs >= high > 0):
            return ()
        step = self._step(
            item,
            f"Raise the maximum of {item.name} from {high} to {more(high)} pods",
            {"min_replicas": low, "max_replicas": more(high)},
            {"min_replicas": f"min_replicas {low}", "max_replicas": f"max_replicas {high}; half as high again"},
        )
        effect = expected(context, f"{item.service} may grow with its load", 240.0)
        why = f"{item.service} runs at its maximum of {high} pods"
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), how_well),)

    def command(self, step: Step) -> str:
        """`kubectl patch horizontalpodautoscaler …`."""
        (namespace, name), wanted = self._parts(step), Bounds.model_validate(step.arguments)
        patch = f'{{"spec":{{"minReplicas":{wanted.min_replicas},"maxReplicas":{wanted.max_replicas}}}}}'
        return shell(
            "kubectl", "patch", "horizontalpodautoscaler", name, "--namespace", namespace, "--type=merge",
            "--patch", patch,
        )  # fmt: skip

    def _path(self, step: Step) -> str:
        namespace, name = self._parts(step)
        return f"apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{name}"

    def _scaler(self, step: Step) -> Autoscaler:
        return self._read(self._path(step), Autoscaler, "get horizontalpodautoscalers.autoscaling")

    def inspect(self, step: Step) -> TargetState:
        """The bounds; the number between them belongs to the autoscaler."""
        try:
            scaler = self._scaler(step)
        except Missing:
            return self._gone(step)
        spec, status = scaler.spec, scaler.status
        return TargetState(
            target=step.target,
            settings={"min_replicas": spec.min_replicas, "max_replicas": spec.max_replicas},
            observed={"current_replicas": status.current_replicas, "desired_replicas": status.desired_replicas},
            health=f"{status.current_replicas} pods, {status.desired_replicas} wanted",
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted bounds."""
        return before.model_copy(update={"settings": Bounds.model_validate(step.arguments).model_dump()})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the bounds make sense, and whether the server would take them."""
        wanted = Bounds.model_validate(step.arguments)
        if wanted.min_replicas > wanted.max_replicas:
            return DryRun(feasible=False, reason="the minimum is above the maximum")
        scaler = self._scaler(step)
        self._send(step, scaler, dry=True)
        runs = scaler.status.current_replicas
        fewer = (f"{runs - wanted.max_replicas} pods are ended",) if runs > wanted.max_replicas else ()
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all requests of {step.service or scaler.metadata.name}; the autoscaler chooses the number",
            cost="the requests of the pods that the autoscaler adds",
            warnings=("what the service calls gets more connections", *fewer, *keepers(scaler.metadata)),
        )

    def _send(self, step: Step, scaler: Autoscaler, *, dry: bool) -> None:
        wanted = Bounds.model_validate(step.arguments)
        bounds: Json = {"minReplicas": wanted.min_replicas, "maxReplicas": wanted.max_replicas}
        change: Json = {"metadata": {"resourceVersion": scaler.metadata.resource_version}, "spec": bounds}
        self._patch(self._path(step), change, "patch horizontalpodautoscalers.autoscaling", dry=dry)

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:  # noqa: ARG002 - the state is the guard
        """Set the bounds, unless somebody was faster."""
        wanted = Bounds.model_validate(step.arguments)
        self._send(step, self._scaler(step), dry=False)
        return "done", f"autoscaler {self._parts(step)[1]} runs {wanted.min_replicas} to {wanted.max_replicas} pods"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The bounds it had."""
        low, high = before.settings.get("min_replicas"), before.settings.get("max_replicas")
        return self._back(step, f"Bounds back to {low} to {high} pods", {"min_replicas": low, "max_replicas": high})


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    cluster = writable(parts)
    return (ScaleDeployment(*cluster), AutoscalerBounds(*cluster)) if cluster else ()
