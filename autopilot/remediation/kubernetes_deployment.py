"""Kubernetes Deployments: back to a former pod template; fresh pods."""

import re
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from autopilot.clients.kubernetes_objects import Json, Workload
from autopilot.clients.kubernetes_templates import (
    RESTARTED,
    STEP,
    Revision,
    content,
    images,
    revisions,
    template_id,
    texts,
)
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import (
    Arguments,
    Candidate,
    Context,
    Effect,
    InventoryItem,
    Missing,
    Nothing,
    Refusal,
    RepeatGuard,
    Tool,
)
from autopilot.remediation.cloud import changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, fit, way_back
from autopilot.remediation.kubernetes import KubernetesTool, keepers, place, writable
from autopilot.remediation.parts import Parts


class DeploymentTool(KubernetesTool):
    """What the tools on Deployments share."""

    target = place("deployment")

    def _path(self, step: Step) -> str:
        namespace, name = self._parts(step)
        return f"apis/apps/v1/namespaces/{namespace}/deployments/{name}"

    def _deployment(self, step: Step) -> Workload:
        return self._read(self._path(step), Workload, "get deployments.apps")

    def _revisions(self, step: Step, deployment: Workload) -> list[Revision]:
        sets = f"{self._path(step).rpartition('/deployments/')[0]}/replicasets"
        return revisions(deployment, self._listed(sets, Workload, "list replicasets.apps"))

    def _reach(self, step: Step) -> str:
        return f"all requests of {step.service or self._parts(step)[1]}; its pods are replaced gradually"


class TemplateHash(Arguments):
    """The hash of the pod template to run, as its ReplicaSet is labelled."""

    template: str = Field(pattern=r"^[a-z0-9]{1,63}$")


class RolloutUndo(DeploymentTool):
    """Rolls a Deployment back to a former pod template that was healthy in telemetry."""

    name: str = "kubernetes.rollout_undo"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = ("get deployments.apps", "list replicasets.apps", "patch deployments.apps")
    takes: ClassVar[type[Arguments]] = TemplateHash
    addresses: ClassVar[frozenset[CauseKind]] = frozenset(
        {"bad_deploy", "config_change", "crash", "startup", "image", "memory", "slow_query"}
    )

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The template that was healthy last in telemetry; where none is known to be, an earlier one, so marked."""
        way = way_back(item, str(item.settings.get("template") or ""), context)
        if way is None or not self._fits(item, "kubernetes_deployment"):
            return ()
        step = self._step(
            item,
            f"Roll {item.name} back to {way.label} ({way.version}){way.mark}",
            {"template": way.version},
            {"template": way.source},
        )
        effect = expected(context, f"{item.service} behaves as it did with {way.label}", 300.0)
        how_well = fit(item, context, frozenset({"bad_deploy", "image", "startup"}))
        return (self._back_to(way, step, effect, evidence(item, context, self.addresses, way.vouched), how_well),)

    def command(self, step: Step) -> str:
        """`kubectl rollout undo …`, with the number of the revision looked up by its hash."""
        namespace, name = self._parts(step)
        wanted = TemplateHash.model_validate(step.arguments).template
        number = shell("kubectl", "get", "replicaset", f"{name}-{wanted}", "--namespace", namespace, "--output")
        number += r" jsonpath='{.metadata.annotations.deployment\.kubernetes\.io/revision}'"
        undo = shell("kubectl", "rollout", "undo", f"deployment/{name}", "--namespace", namespace)
        return f'{undo} --to-revision="$({number})"'

    def inspect(self, step: Step) -> TargetState:
        """Which template the Deployment wants."""
        try:
            deployment = self._deployment(step)
        except Missing:
            return self._gone(step)
        return TargetState(
            target=step.target,
            settings={"template": template_id(deployment, self._revisions(step, deployment))},
            observed={"replicas": deployment.spec.replicas, "paused": deployment.spec.paused},
            health=deployment.health,
            deploying=deployment.rolling,
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted template."""
        wanted = TemplateHash.model_validate(step.arguments).template
        return before.model_copy(update={"settings": {"template": wanted}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether its ReplicaSet is still kept, and whether the server would take the change."""
        deployment = self._deployment(step)
        wanted = self._wanted(step, deployment)
        if wanted is None:
            return DryRun(feasible=False, reason="its ReplicaSet is not kept any more (revisionHistoryLimit)")
        if deployment.spec.paused:
            return DryRun(
                feasible=False, reason="the rollout is paused: nothing would be rolled back until resumed"
            )
        self._send(step, deployment, wanted, dry=True)
        pictures = changed_lines(dict(images(deployment.spec.template)), dict(images(wanted.template)))
        warnings = ["database migrations, ConfigMaps and Secrets stay as they are", *keepers(deployment.metadata)]
        if before.deploying:
            warnings.append("a rollout is under way: it is replaced")
        return DryRun(
            feasible=True,
            changes=(
                *changed_lines(before.settings, self.leaves(step, before).settings),
                *(f"image of {line}" for line in pictures),
            ),
            reach=self._reach(step),
            cost="none; pods run twice while they are replaced",
            warnings=tuple(warnings),
        )

    def _wanted(self, step: Step, deployment: Workload) -> Revision | None:
        name = TemplateHash.model_validate(step.arguments).template
        return next((r for r in self._revisions(step, deployment) if r.hash == name), None)

    def _send(self, step: Step, deployment: Workload, wanted: Revision, *, dry: bool) -> None:
        change: list[Json] = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": deployment.metadata.resource_version},
            {"op": "replace", "path": "/spec/template", "value": wanted.template},
        ]
        self._patch(self._path(step), change, "patch deployments.apps", "json-patch", dry=dry)

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:  # noqa: ARG002 - the state is the guard
        """Give the Deployment the template that the ReplicaSet keeps, unless somebody was faster."""
        deployment, name = self._deployment(step), self._parts(step)[1]
        wanted = self._wanted(step, deployment)
        if wanted is None:
            raise Refusal(f"deployment {name}: the ReplicaSet of this template is not kept any more")
        if wanted.active:
            return "already", f"deployment {name} wants template {wanted.hash} already"
        self._send(step, deployment, wanted, dry=False)
        return "done", f"deployment {name} rolls back to {wanted.label} ({wanted.hash})"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The template it wanted; one that no ReplicaSet keeps cannot be named."""
        had = str(before.settings.get("template") or "")
        if not re.fullmatch(r"[a-z0-9]{1,63}", had):
            return None
        return self._back(step, f"Roll deployment/{self._parts(step)[1]} forward to {had} again", {"template": had})


class Restart(DeploymentTool):
    """Replaces all pods by fresh ones of the same template. The template itself remembers the step."""

    name: str = "kubernetes.restart"
    risk: Risk = "medium"
    reversible: bool = False
    permissions: tuple[str, ...] = ("get deployments.apps", "patch deployments.apps")
    repeat_guard: RepeatGuard = "token"
    takes: ClassVar[type[Arguments]] = Nothing
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"memory", "connection_pool", "crash", "network"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Only when a suspect that fresh pods would help points at this Deployment or its service."""
        how_well = fit(item, context, self.addresses)
        if not self._fits(item, "kubernetes_deployment") or how_well < 0.3:
            return ()
        step = self._step(item, f"Replace all pods of {item.name} by fresh ones", {}, {})
        effect = expected(context, f"fresh pods of {item.service} start clean", 300.0)
        cited = evidence(item, context, self.addresses)
        why = f"{item.service} degrades while it runs"
        return (self._offer(step, effect, why, cited, round(how_well * 0.8, 3)),)

    def command(self, step: Step) -> str:
        """`kubectl rollout restart …`."""
        namespace, name = self._parts(step)
        return shell("kubectl", "rollout", "restart", f"deployment/{name}", "--namespace", namespace)

    def inspect(self, step: Step) -> TargetState:
        """The template, whenever its pods were started."""
        try:
            deployment = self._deployment(step)
        except Missing:
            return self._gone(step)
        template = deployment.spec.template
        return TargetState(
            target=step.target,
            settings={"template": content(template)},
            observed={
                "restarted_at": texts(template, "metadata", "annotations").get(RESTARTED, ""),
                "paused": deployment.spec.paused,
            },
            health=deployment.health,
            deploying=deployment.rolling,
            observed_at=now(),
        )

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """It cannot be taken back, but nothing about the workload changes."""
        if before.observed.get("paused"):
            return DryRun(feasible=False, reason="the rollout is paused: no pod would be replaced until resumed")
        self._send(step, self._deployment(step), "dry run", dry=True)
        rolling = ("a rollout is under way: it starts over",) if before.deploying else ()
        return DryRun(
            feasible=True,
            changes=("pods: fresh ones of the same template",),
            reach=self._reach(step),
            cost="pods run twice while they are replaced",
            warnings=("cannot be undone", *rolling),
        )

    def _send(self, step: Step, deployment: Workload, key: str, *, dry: bool) -> None:
        marks: Json = {RESTARTED: datetime.now(UTC).isoformat(timespec="seconds"), STEP: key}
        change: Json = {
            "metadata": {"resourceVersion": deployment.metadata.resource_version},
            "spec": {"template": {"metadata": {"annotations": marks}}},
        }
        self._patch(self._path(step), change, "patch deployments.apps", dry=dry)

    @override
    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Mark the template with the moment and the key; the same key never restarts twice."""
        deployment, name = self._deployment(step), self._parts(step)[1]
        if texts(deployment.spec.template, "metadata", "annotations").get(STEP) == key:
            return "already", f"deployment {name} was restarted by this step"
        self._send(step, deployment, key, dry=False)
        return "done", f"deployment {name} replaces its pods"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    cluster = writable(parts)
    return (RolloutUndo(*cluster), Restart(*cluster)) if cluster else ()
