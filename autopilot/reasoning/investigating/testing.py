"""Which probe could refute which kind of cause: how code tests a hypothesis whose author asked for no test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.investigation import Probe, ProbeName
from autopilot.reasoning.judging.claim import Claim

PROBES_PER_TURN = 8
"""What one turn can carry."""


@dataclass(frozen=True)
class Attack:
    """A probe as it is written down here; `{change}`, `{service}` and `{alarmed}` stand for what is claimed."""

    name: ProbeName
    why: str
    """Which answer would refute the claim."""
    arguments: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])


def _metric(part: str) -> Attack:
    return Attack("metric", f"{part} that did not move would refute it", {"metric": part, "region": ""})


def _database(aspect: str, why: str) -> Attack:
    return Attack("database", why, {"aspect": aspect})


def _logs(text: str) -> Attack:
    return Attack("logs", f"no new lines about {text} would speak against it", {"text": text, "level": "any"})


_DIFF = Attack(
    "deploy_diff",
    "no change before the first symptom, or none on this path, would refute it",
    {"change": "{change}"},
)
_HEAVIER = _database("work_per_request", "no more work per request than before would refute it")
_LIMITS = Attack("settings", "room left below the limit would refute it", {"setting": ""})
_THROTTLING = _database("throttling", "no rejected work would refute it")
_NEIGHBOURS = Attack("neighbours", "healthy services around it would refute it", {"direction": "both"})
_CALLEES = Attack("neighbours", "callees that are all healthy would speak against it", {"direction": "callees"})
_CALLERS = Attack("neighbours", "callers that suffer would speak for it", {"direction": "callers"})
_CALLED = Attack(
    "trace",
    "calls into it that are as quick and sound as before would refute it",
    {"service": "{alarmed}", "operation": "", "callee": "{service}"},
)
_NETWORK = Attack("network", "a far side that answers would refute it", {"peer": ""})

ATTACKS: Mapping[CauseKind, tuple[Attack, ...]] = {
    "bad_deploy": (_DIFF, _HEAVIER),
    "config_change": (_DIFF,),
    "capacity": (_LIMITS, _THROTTLING),
    "throttled": (_THROTTLING, _LIMITS),
    "quota": (_LIMITS, _THROTTLING),
    "traffic_surge": (_metric("requests"), _HEAVIER),
    "slow_query": (_HEAVIER, _database("slow_queries", "no slow queries would refute it")),
    "lock_contention": (_database("locks", "no waiting for locks would refute it"), _metric("lock")),
    "connection_pool": (_database("connections", "free connections would refute it"), _LIMITS),
    "memory": (_metric("memory"), _LIMITS),
    "cpu": (_metric("cpu"), _LIMITS),
    "disk": (_metric("disk"), _LIMITS),
    "dependency": (_CALLED, _CALLERS),
    "network": (_NETWORK, _CALLEES),
    "certificate": (_logs("certificate"),),
    "permission": (_logs("denied"), _DIFF),
    "crash": (_logs("CrashLoopBackOff"), _DIFF),
    "startup": (_logs("unhealthy"), _DIFF),
    "scheduling": (_LIMITS,),
    "image": (_logs("ImagePullBackOff"), _DIFF),
    "batch_job": (_metric("cpu"), _database("load", "an unchanged load of the database would refute it")),
    "data": (_logs("corrupt"), _DIFF),
    "unknown": (_NEIGHBOURS,),
}
"""The first one could refute the claim; the next one as well, or its answer could prove it, as an edit does.

Lines are asked for by a word whose meaning is known (see `analysis/rules/signatures.yaml`), so that they are found
in other words too.
"""
UNTESTABLE: Mapping[CauseKind, str] = {"unknown": "who says that the cause is unknown claims nothing to deny"}
"""Kinds whose probes only look around, and why."""


def attacks_on(
    claims: Mapping[int, Claim], asked: Sequence[Probe], most: int, *, alarmed: str = "", each: int = 2
) -> tuple[Probe, ...]:
    """Probes that could refute some claims: first one for every claim, then further ones while there is room.

    Args:
        claims: Hypotheses by the number under which their author proposed them.
        asked: Every probe of the investigation so far; ids go on from it, and nothing is asked twice.
        most: How many probes the whole investigation may make.
        alarmed: The service that alarmed: how a dependency answers is asked of its calls.
        each: How many a claim may get.
    """
    rounds = zip_longest(*(_attacks(number, claim, alarmed)[:each] for number, claim in claims.items()))
    kept: list[Probe] = []
    for probe in chain.from_iterable(rounds):
        room = min(most - len(asked), PROBES_PER_TURN)
        if probe is None or len(kept) >= room or any(repeats(probe, other) for other in (*asked, *kept)):
            continue
        kept.append(probe.model_copy(update={"id": f"P{len(asked) + len(kept) + 1}"}))
    return tuple(kept)


def _attacks(number: int, claim: Claim, alarmed: str) -> list[Probe]:
    """The probes for a claim; nobody is asked how it calls itself."""
    meant: Mapping[Scalar, str] = {
        "{change}": claim.change_id, "{service}": claim.service, "{alarmed}": alarmed,
    }  # fmt: skip
    return [
        Probe(
            id="",
            name=attack.name,
            arguments={"service": claim.service, **{k: meant.get(v, v) for k, v in attack.arguments.items()}},
            hypothesis=number,
            why=attack.why,
        )
        for attack in ATTACKS[claim.cause_kind]
        if attack is not _CALLED or alarmed not in ("", claim.service)
    ]


def repeats(probe: Probe, other: Probe) -> bool:
    """Whether a probe asks what another one asks, whatever it is asked for."""
    return (probe.name, probe.arguments) == (other.name, other.arguments)
