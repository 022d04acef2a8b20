"""What a plan should aim at, and how near a step comes to it: the cause, its place, what exactly is wrong. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from autopilot.incident.cause import MECHANISMS, SPREADING, CauseKind, Mechanism, family
from autopilot.incident.diagnosis import Diagnosis, Hypothesis
from autopilot.incident.finding import Dossier
from autopilot.incident.plan import Step
from autopilot.reasoning.judging.signs import short_name

SUSPECTED = 0.6
"""Weight of a suspect of analysis against a tested hypothesis."""

_BACK = ("lambda.rollback_alias", "ecs.rollback", "kubernetes.rollout_undo")
"""Tools that go back to an earlier release."""
_FRESH = ("ecs.force_deployment", "kubernetes.restart")
"""Tools that start the same release anew."""
_MORE = ("ecs.scale", "kubernetes.scale", "kubernetes.hpa_bounds")
"""Tools that run more of the same."""
_FLAGS = (
    "launchdarkly.turn_off", "unleash.turn_off", "ssm.restore_flag", "ssm.narrow_flag", "appconfig.restore_flags",
    "appconfig.narrow_flag",
)  # fmt: skip


def _all(tools: tuple[str, ...], change: float) -> dict[str, float]:
    return dict.fromkeys(tools, change)


_SAME_NETWORK = _all(_FRESH, -0.2)
_OTHER_NODE = _all(_FRESH, 0.1)

SHARPENED: dict[Mechanism, Mapping[str, float]] = {
    "costly_code": _all(_BACK, 0.1),
    "code_defect": _all(_BACK, 0.1)
    | _all(_MORE, -0.2)
    | {"dynamodb.set_capacity": -0.2, "rds.scale_instance": -0.2, "lambda.set_memory": -0.2},
    "bad_flag": _all((*_BACK, "lambda.shift_traffic"), -0.2) | _all(_FLAGS, 0.1),
    "wrong_route": _all(_BACK, -0.1),
    "memory_leak": _all(_FRESH, 0.15) | _all(_MORE, -0.1) | {"rds.scale_instance": -0.1},
    "out_of_memory": {"lambda.set_memory": 0.15},
    "cpu_overload": _all((*_MORE, "lambda.set_memory"), 0.1),
    "connections_exhausted": _all((*_FRESH, "rds.set_parameter"), 0.1) | _all(_MORE, -0.3),
    "image_reference": {"ecs.rollback": 0.1, "kubernetes.rollout_undo": 0.1},
    "image_pull_secret": {"ecs.rollback": -0.2, "kubernetes.rollout_undo": -0.2},
    "image_registry": {"ecs.rollback": -0.2, "kubernetes.rollout_undo": -0.2},
    "missing_secret": {"ecs.rollback": 0.05, "kubernetes.rollout_undo": 0.05},
    "missing_config": {"ecs.rollback": 0.05, "kubernetes.rollout_undo": 0.05},
    "network_policy": _SAME_NETWORK,
    "name_resolution": _SAME_NETWORK,
    "network_delay": _SAME_NETWORK,
    "packet_loss": _SAME_NETWORK,
    "node_network_delay": _OTHER_NODE,
    "node_packet_loss": _OTHER_NODE,
}
"""What is known exactly → by how much a tool helps more or less than the kind of cause alone says: more tasks open
more connections, an older release keeps a flag, fresh tasks leave a sick node but not a sick network."""


@dataclass(frozen=True)
class Aim:
    """A cause somebody believes in, where, and how much."""

    kind: CauseKind
    service: str
    resource: str
    weight: float
    mechanism: Mechanism | None = None


def mechanism_of(hypothesis: Hypothesis, dossier: Dossier) -> Mechanism | None:
    """What exactly is wrong, when analysis could tell it of the same cause in the same place."""
    alike = family(hypothesis.cause_kind)
    named: list[Mechanism] = [
        s.mechanism
        for s in dossier.suspects
        if s.mechanism and s.service == hypothesis.service and s.cause_kind in alike
    ]
    cited: list[Mechanism] = [
        f.mechanism
        for f in dossier.findings
        if f.mechanism and f.id in hypothesis.supporting and MECHANISMS[f.mechanism][0] in alike
    ]
    return next(iter((*named, *cited)), None)


def aims(diagnosis: Diagnosis, dossier: Dossier) -> tuple[Aim, ...]:
    """What a plan should aim at: standing hypotheses, then suspects that were not refuted."""
    refuted = {(h.cause_kind, h.service) for h in diagnosis.hypotheses if h.standing == "refuted"}
    believed = [
        Aim(h.cause_kind, h.service, h.resource, h.confidence, mechanism_of(h, dossier))
        for h in diagnosis.hypotheses
        if h.standing != "refuted" and h.cause_kind != "unknown"
    ]
    suspected = [
        Aim(s.cause_kind, s.service, s.resource, s.score * SUSPECTED, s.mechanism)
        for s in dossier.suspects
        if (s.cause_kind, s.service) not in refuted
    ]
    return (*believed, *suspected)


def nearness(step: Step, aim: Aim, near: Mapping[str, frozenset[str]]) -> float:
    """How close the target is to the believed place of the cause; 0 where acting there cannot help."""
    if aim.resource and aim.resource in (step.target, short_name(step.target)):
        return 1.0
    if step.service == aim.service:
        return 0.95
    beside = step.service in near.get(aim.service, frozenset())
    return 0.7 if beside and aim.kind in SPREADING else 0.0


def sharpened(tool: str, mechanism: Mechanism | None) -> tuple[float, str]:
    """Bonus or malus of a tool for what exactly is wrong, and one clause that tells it."""
    if mechanism is None:
        return 0.0, ""
    change = SHARPENED.get(mechanism, {}).get(tool, 0.0)
    meaning = MECHANISMS[mechanism][1]
    if change > 0:
        return change, f"it acts on what is wrong: {meaning}"
    return (change, f"it does little where {meaning}") if change else (0.0, "")
