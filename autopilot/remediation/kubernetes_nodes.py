"""Kubernetes nodes: keep new pods away from one, or let them in again. Pods that run there stay."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from autopilot.clients.kubernetes_objects import Json, Node
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Suspect
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Nothing, Tool
from autopilot.remediation.cloud import changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected
from autopilot.remediation.kubernetes import KubernetesTool, whole_cluster, writable
from autopilot.remediation.parts import Parts


class _NodeTool(KubernetesTool):
    """What both share: the one field of a node that closes it for new pods."""

    risk: Risk = "low"
    permissions: tuple[str, ...] = ("get nodes", "list nodes", "patch nodes")
    takes: ClassVar[type[Arguments]] = Nothing
    target = whole_cluster("node")
    closes: ClassVar[bool]
    """What the tool sets."""
    verb: ClassVar[str]
    opposite: ClassVar[str]

    def _path(self, step: Step) -> str:
        return f"api/v1/nodes/{self._parts(step)[1]}"

    def _closing(
        self, item: InventoryItem, context: Context, blamed: Suspect, summary: str, what: str, why: str
    ) -> tuple[Candidate, ...]:
        """The one offer for a node that is not so already, for the service that is suspected."""
        open_to_us = item.settings.get("unschedulable") is (not self.closes)
        if not self._fits(item, "kubernetes_node") or not open_to_us:
            return ()
        step = self._step(replace(item, service=blamed.service), summary, {}, {})
        cited = evidence(item, context, self.addresses, blamed.finding_ids)
        how_well = round(0.5 + 0.5 * blamed.score, 3)
        return (self._offer(step, expected(context, what, 300.0), why, cited, how_well),)

    def command(self, step: Step) -> str:
        """`kubectl cordon` or `kubectl uncordon`."""
        return shell("kubectl", self.verb, self._parts(step)[1])

    def inspect(self, step: Step) -> TargetState:
        """Whether new pods may be placed on the node."""
        try:
            node = self._read(self._path(step), Node, "get nodes")
        except Missing:
            return self._gone(step)
        return TargetState(
            target=step.target,
            settings={"unschedulable": node.spec.unschedulable},
            observed={"ready": node.ready},
            health="ready" if node.ready else "not ready",
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:  # noqa: ARG002 - it takes no arguments
        """Closed or open."""
        return before.model_copy(update={"settings": {"unschedulable": self.closes}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the server would take it, and whether new pods still find a place."""
        node, others = self._parts(step)[1], self._listed("api/v1/nodes", Node, "list nodes")
        left = [n for n in others if n.metadata.name != node and n.ready and not n.spec.unschedulable]
        if self.closes and not left:
            return DryRun(feasible=False, reason="no other node is ready and open: new pods would find no place")
        self._send(step, dry=True)
        room = f"{len(left)} other nodes are ready and open; whether they have room is not known"
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"where new pods of all namespaces are placed; pods that run on {node} stay",
            cost="none; the cluster may add a node",
            warnings=(room,) if self.closes else (),
        )

    def _send(self, step: Step, *, dry: bool) -> None:
        node = self._read(self._path(step), Node, "get nodes")
        change: Json = {
            "metadata": {"resourceVersion": node.metadata.resource_version},
            "spec": {"unschedulable": self.closes},
        }
        self._patch(self._path(step), change, "patch nodes", dry=dry)

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:  # noqa: ARG002 - the state is the guard
        """Set the field, unless somebody was faster."""
        self._send(step, dry=False)
        return "done", f"node {self._parts(step)[1]} is {self.verb}ed"

    def undo(self, step: Step, before: TargetState) -> Step | None:  # noqa: ARG002 - there are two states only
        """The opposite."""
        back = step.model_copy(update={"summary": f"{self.opposite.capitalize()} {self._parts(step)[1]} again"})
        command = shell("kubectl", self.opposite, self._parts(step)[1])
        return back.model_copy(update={"tool": f"kubernetes.{self.opposite}", "command": command})


class Cordon(_NodeTool):
    """Keeps new pods away from a node; what runs there stays until it is replaced."""

    name: str = "kubernetes.cordon"
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"network", "disk", "dependency", "memory", "cpu"})
    closes = True
    verb, opposite = "cordon", "uncordon"

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Only when a suspect is the node itself."""
        blamed = _worst(
            s
            for s in context.dossier.suspects
            if s.cause_kind in self.addresses and item.name in (s.resource, f"node/{s.service}")
        )
        if blamed is None:
            return ()
        return self._closing(
            item, context, blamed, f"Keep new pods away from {item.name}", "new pods start on sound nodes",
            f"{item.name} itself is suspected",
        )  # fmt: skip


class Uncordon(_NodeTool):
    """Lets new pods onto a node again."""

    name: str = "kubernetes.uncordon"
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"scheduling"})
    closes = False
    verb, opposite = "uncordon", "cordon"

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Only for a closed, ready node, and when pods are known to wait because nodes are closed."""
        blamed = _worst(s for s in context.dossier.suspects if s.mechanism == "cordoned_node")
        if blamed is None or item.settings.get("ready") is not True:
            return ()
        return self._closing(
            item, context, blamed, f"Let pods onto {item.name} again", f"pods of {blamed.service} find a place",
            f"{item.name} is closed for new pods",
        )  # fmt: skip


def _worst(suspects: Iterable[Suspect]) -> Suspect | None:
    return max(suspects, key=lambda s: s.score, default=None)


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    cluster = writable(parts)
    return (Cordon(*cluster), Uncordon(*cluster)) if cluster else ()
