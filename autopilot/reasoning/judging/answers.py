"""Tests of a hypothesis made from what probes found.

Code, not the author of a hypothesis, says what an answer proves (see `proofs`): a probe about another service, or
about something that has no bearing on the cause, is no test of it.
"""

from collections.abc import Sequence

from autopilot.incident.base import clean
from autopilot.incident.cause import MECHANISMS
from autopilot.incident.diagnosis import Trial
from autopilot.incident.finding import Dossier
from autopilot.incident.investigation import Probe, ProbeResult
from autopilot.reasoning.judging import proofs
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.signs import short_name

_ASKED = {
    "metric": "Metrics of {}", "logs": "Log lines of {}", "trace": "Calls of {}", "deploy_diff": "Changes of {}",
    "database": "Databases of {}", "network": "Connections of {}", "settings": "Limits of {}",
    "similar_incidents": "Past incidents of {}", "neighbours": "Services around {}",
}  # fmt: skip
_NARROWING = ("peer", "callee", "operation", "region", "change")
"""Arguments that look at a part of the claimed place only."""


def _places(claim: Claim) -> frozenset[str]:
    return frozenset({claim.service.lower(), claim.resource.lower(), short_name(claim.resource).lower()} - {""})


def _argument(probe: Probe, name: str) -> str:
    return str(probe.arguments.get(name) or "").strip().lower()


def _is_change(asked: str, change_id: str) -> bool:
    """Whether an id, with or without the system that gave it, is that of a change."""
    known = change_id.lower()
    return bool(known) and asked in (known, known.rpartition(":")[2])


def _about(probe: Probe, claim: Claim) -> bool:
    """Whether the probe asks about the claimed place; calls into a service tell of it as a dependency alone."""
    callee = _argument(probe, "callee")
    asked = callee if callee and claim.cause_kind == "dependency" else _argument(probe, "service")
    return asked in _places(claim)


def _about_change(result: ProbeResult, claim: Claim) -> bool:
    """Whether what was learned of a change concerns the claim: another change says nothing of the one blamed."""
    asked = _argument(result.probe, "change")
    if result.probe.name != "deploy_diff" or not claim.change_id or not asked:
        return True
    return _is_change(asked, claim.change_id) or any(f.change_id == claim.change_id for f in result.findings)


def _narrowed(probe: Probe, claim: Claim) -> bool:
    """Whether only a part of the claimed place was looked at, so that the rest of it may still be at fault."""
    given = ((name, _argument(probe, name)) for name in _NARROWING)
    own = _places(claim)
    return any(
        value and value not in own and not (name == "change" and _is_change(value, claim.change_id))
        for name, value in given
    )


def could_test(probe: Probe, claim: Claim) -> bool:
    """Whether some answer of a probe could speak against a claim."""
    other = _argument(probe, "change") if probe.name == "deploy_diff" and claim.change_id else ""
    if not _about(probe, claim) or (other and not _is_change(other, claim.change_id)):
        return False
    return any(proofs.refutes(claim.cause_kind, topic) for topic in proofs.topics(probe))


def _proven_by_diff(result: ProbeResult, claim: Claim) -> bool:
    """Whether the blamed edit itself shows what is claimed, such as a query per item of a loop."""
    return any(
        f.mechanism is not None
        and MECHANISMS[f.mechanism][0] == claim.cause_kind
        and claim.change_id in ("", f.change_id)
        for f in result.findings
    )


def _reading(result: ProbeResult, claim: Claim) -> tuple[proofs.Meaning | None, bool]:
    """What the answer says of a claim, and whether any answer could have said something."""
    kind = claim.cause_kind
    if result.probe.name == "deploy_diff" and result.outcome == "present" and _proven_by_diff(result, claim):
        return proofs.PASSED, True
    able: list[proofs.Topic] = [t for t in proofs.topics(result.probe, result.findings) if proofs.concerns(kind, t)]
    outcome = proofs.outcome_of(kind, result)
    said = (proofs.meaning(kind, topic, outcome) for topic in able)
    return next((m for m in said if m is not None), None), bool(able)


def _seen_directly(claim: Claim, dossier: Dossier, results: Sequence[ProbeResult]) -> bool:
    """Whether another finding shows just this trouble at the claimed place."""
    of_probes = {f.id for r in results for f in r.findings}
    return any(
        f.cause_kind == claim.cause_kind
        and f.id not in of_probes
        and f.kind not in ("change", "record", "recurrence")
        for f in dossier.findings
        if f.service == claim.service or (claim.resource and f.resource == claim.resource)
    )


def _text(result: ProbeResult, claim: Claim) -> str:
    return clean(f"{_ASKED[result.probe.name].format(claim.service)}: {result.summary}", 400)


def answers_for(claim: Claim, dossier: Dossier, results: Sequence[ProbeResult]) -> tuple[Trial, ...]:
    """The tests of a claim that were made by probes, in the order in which they were asked.

    A quiet answer does not refute by itself what another finding shows directly at the same place, nor does one
    about a part of that place.
    """
    direct = _seen_directly(claim, dossier, results)
    trials: list[Trial] = []
    for result in results:
        if not _about(result.probe, claim) or not _about_change(result, claim):
            continue
        said, able = _reading(result, claim)
        weak = said is not None and said.says == "refuted" and (direct or _narrowed(result.probe, claim))
        if said is None and not (able and proofs.outcome_of(claim.cause_kind, result) == "unknown"):
            continue
        trials.append(
            Trial(
                text=_text(result, claim),
                outcome=said.says if said else "silent",
                finding_ids=tuple(f.id for f in result.findings) if said else (),
                decisive=said is not None and said.decisive and not weak,
                probe=result.probe.id,
            )
        )
    return tuple(trials)
