"""Kubernetes ConfigMaps: back to data that the object held before, and fresh pods for those that read it at start.

A ConfigMap has no history of its own. What it held before is known where the object remembers it: the manifest that
was applied last, when somebody has edited it since, and the data that a step of ours replaced. Pods see a mounted
ConfigMap change by themselves within about a minute; variables are read when a container starts.
"""

import json
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from autopilot.clients.kubernetes_objects import REPLACED, ConfigMap, Json, Workload
from autopilot.clients.kubernetes_templates import OURS, is_secret, reads_at_start, texts
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.ids import digest
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Refusal, Tool
from autopilot.remediation.cloud import changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, fit, way_back
from autopilot.remediation.kubernetes import KubernetesTool, keepers, place, writable
from autopilot.remediation.parts import Parts

MARK = f"{OURS}config-"
"""Annotation of a pod template, followed by a ConfigMap's name: the version that its pods were started for."""
LONGEST_NAME = 50
"""Characters of a name that an annotation can carry whole (Kubernetes allows 63 after the prefix)."""
USER = "deployment/"
"""How the settings of a target begin that tell for which version a Deployment was started."""
MOST_DATA = 200_000
"""Characters of data that fit into an annotation beside others (Kubernetes allows 256 KiB for all)."""
MOST_LINES = 12


class DataVersion(Arguments):
    """The version of the data to hold, as the inventory names it."""

    version: str = Field(pattern=r"^[0-9a-f]{12}$")


class ConfigRollback(KubernetesTool):
    """Gives a ConfigMap the data it held before, and starts fresh pods where they read it at start."""

    name: str = "kubernetes.config_rollback"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = (
        "get configmaps",
        "list deployments.apps",
        "patch configmaps",
        "patch deployments.apps",
    )
    takes: ClassVar[type[Arguments]] = DataVersion
    target = place("configmap")
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"config_change", "startup", "crash"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The former data, when a suspect that it would help against points at its service; marked as unproven."""
        way = way_back(item, str(item.settings.get("version") or ""), context)
        how_well = fit(item, context, self.addresses)
        if way is None or not self._fits(item, "kubernetes_configmap") or how_well < 0.3:
            return ()
        step = self._step(
            item,
            f"Give {item.name} its former data back ({way.label}){way.mark}",
            {"version": way.version},
            {"version": way.source},
        )
        effect = expected(context, f"{item.service} runs with its former settings", 300.0)
        return (self._back_to(way, step, effect, evidence(item, context, self.addresses, way.vouched), how_well),)

    def command(self, step: Step) -> str:
        """`kubectl replace` with what was applied last; its readers are restarted by `kubectl rollout restart`."""
        namespace, name = self._parts(step)
        where = (f"configmap/{name}", "--namespace", namespace)
        return f"{shell('kubectl', 'apply', 'view-last-applied', *where)} | kubectl replace -f -"

    def _path(self, step: Step) -> str:
        namespace, name = self._parts(step)
        return f"api/v1/namespaces/{namespace}/configmaps/{name}"

    def _config(self, step: Step) -> ConfigMap:
        return self._read(self._path(step), ConfigMap, "get configmaps")

    def _users(self, step: Step) -> list[Workload]:
        """The Deployments whose containers read the ConfigMap when they start."""
        namespace, name = self._parts(step)
        found = self._listed(self._deployments(namespace), Workload, "list deployments.apps")
        return [d for d in found if name in reads_at_start(d.spec.template)]

    def _deployments(self, namespace: str) -> str:
        return f"apis/apps/v1/namespaces/{namespace}/deployments"

    def inspect(self, step: Step) -> TargetState:
        """The version of the data, and for which version its readers were started."""
        try:
            config = self._config(step)
        except Missing:
            return self._gone(step)
        users = self._users(step)
        mark = _mark(config)
        started: dict[str, Scalar] = {
            USER + d.metadata.name: texts(d.spec.template, "metadata", "annotations").get(mark, "") for d in users
        }
        return TargetState(
            target=step.target,
            settings={"version": config.version} | started,
            observed={"former": ", ".join(sorted(config.former))},
            health="; ".join(f"{d.metadata.name}: {d.health}" for d in users),
            deploying=any(d.rolling for d in users),
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted data, and readers that were started for it."""
        wanted = DataVersion.model_validate(step.arguments).version
        return before.model_copy(update={"settings": dict.fromkeys(before.settings, wanted)})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the former data is still remembered, and whether the server would take the changes."""
        config, users = self._config(step), self._users(step)
        wanted = DataVersion.model_validate(step.arguments).version
        data = config.former.get(wanted)
        if config.version == wanted:
            return DryRun(feasible=False, reason="it holds this data already")
        if problem := _problem(config, data):
            return DryRun(feasible=False, reason=problem)
        self._write(step, config, data or {}, dry=True)
        for user in users:
            self._start(step, user, config, wanted, dry=True)
        names = ", ".join(u.metadata.name for u in users)
        return DryRun(
            feasible=True,
            changes=_differences(config.data, data or {}),
            reach=f"what reads {self._parts(step)[1]}: {names or 'pods that mount it, within about a minute'}",
            cost="pods run twice while they are replaced" if users else "none",
            warnings=(
                *(("a rollout is under way: it is replaced",) if before.deploying else ()),
                *keepers(config.metadata),
            ),
        )

    def _write(self, step: Step, config: ConfigMap, data: Mapping[str, str], *, dry: bool) -> None:
        dropped: Json = dict.fromkeys(config.data.keys() - data.keys())
        fresh: Json = {**dropped, **data}
        marks: Json = {REPLACED: json.dumps(config.data, sort_keys=True)}
        change: Json = {
            "metadata": {"resourceVersion": config.metadata.resource_version, "annotations": marks},
            "data": fresh,
        }
        self._patch(self._path(step), change, "patch configmaps", dry=dry)

    def _start(self, step: Step, user: Workload, config: ConfigMap, version: str, *, dry: bool) -> None:
        marks: Json = {_mark(config): version}
        change: Json = {
            "metadata": {"resourceVersion": user.metadata.resource_version},
            "spec": {"template": {"metadata": {"annotations": marks}}},
        }
        path = f"{self._deployments(self._parts(step)[0])}/{user.metadata.name}"
        self._patch(path, change, "patch deployments.apps", dry=dry)

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:  # noqa: ARG002 - the state is the guard
        """Write the data, then start its readers anew; what an interrupted call has done already is left alone."""
        config, wanted = self._config(step), DataVersion.model_validate(step.arguments).version
        if config.version != wanted:
            data = config.former.get(wanted)
            if problem := _problem(config, data):
                raise Refusal(f"configmap {config.metadata.name}: {problem}")
            self._write(step, config, data or {}, dry=False)
        started: list[str] = []
        for user in self._users(step):
            if texts(user.spec.template, "metadata", "annotations").get(_mark(config)) != wanted:
                self._start(step, user, config, wanted, dry=False)
                started.append(user.metadata.name)
        pods = f"; {', '.join(started)} start fresh pods" if started else ""
        return "done", f"configmap {config.metadata.name} holds version {wanted}{pods}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The data that this step replaced: the ConfigMap itself remembers it."""
        had, (namespace, name) = before.settings.get("version"), self._parts(step)
        back = self._back(step, f"Give configmap/{name} version {had} again", {"version": had})
        remembered = shell(
            "kubectl", "get", f"configmap/{name}", "--namespace", namespace, "--output",
            f"jsonpath={{.metadata.annotations.{REPLACED}}}",
        )  # fmt: skip
        return back.model_copy(update={"command": f"{remembered}  # the data to write back with kubectl edit"})


def _mark(config: ConfigMap) -> str:
    """The annotation by which a Deployment says for which version of a ConfigMap it was started."""
    name = config.metadata.name
    return MARK + (name if len(name) <= LONGEST_NAME else f"{name[:30]}-{digest(name)[:12]}")


def _problem(config: ConfigMap, data: Mapping[str, str] | None) -> str:
    """Why the data cannot be written; empty when it can."""
    if data is None:
        return "the object does not remember this version of its data any more"
    if config.immutable:
        return "it is immutable"
    if len(json.dumps(config.data)) > MOST_DATA:
        return "its data is too large to be remembered beside it, so the step could not be undone"
    return ""


def _differences(present: Mapping[str, str], wanted: Mapping[str, str]) -> tuple[str, ...]:
    """One line per key that differs; long values, and those of keys that name a secret, by their length alone."""

    def shown(key: str, value: str | None) -> Scalar:
        plain = value is None or (len(value) <= 60 and "\n" not in value and not is_secret(key))
        return value if plain else f"{len(value or '')} characters"

    before: dict[str, Scalar] = {}
    after: dict[str, Scalar] = {}
    for key in sorted({*present, *wanted}):
        if present.get(key) != wanted.get(key):
            before[key], after[key] = shown(key, present.get(key)), shown(key, wanted.get(key))
    same_length = [f"{key}: other text of the same length" for key in after if before[key] == after[key]]
    return (*changed_lines(before, after), *same_length)[:MOST_LINES]


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    cluster = writable(parts)
    return (ConfigRollback(*cluster),) if cluster else ()
