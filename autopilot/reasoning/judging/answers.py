"""Tests of a hypothesis made from what probes found.

Code, not the author of a hypothesis, says what an answer proves (see `proofs`): a probe about another service, or
about something that has no bearing on the cause, is no test of it.
"""

from collections.abc import Sequence

from autopilot.incident.base import clean
from autopilot.incident.cause import MECHANISMS, CauseKind
from autopilot.incident.diagnosis import Trial
from autopilot.incident.finding import Dossier
from autopilot.incident.investigation import ProbeResult
from autopilot.reasoning.judging import proofs
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.signs import short_name

_ASKED = {
    "metric": "Metrics of {}", "logs": "Log lines of {}", "trace": "Calls of {}", "deploy_diff": "Changes of {}",
    "database": "Databases of {}", "network": "Connections of {}", "settings": "Limits of {}",
    "similar_incidents": "Past incidents of {}", "neighbours": "Services around {}",
}  # fmt: skip


def _about(result: ProbeResult, claim: Claim) -> bool:
    """Whether the probe asked about the claimed place."""
    asked = str(result.probe.arguments.get("service") or "").lower()
    places = {claim.service.lower(), claim.resource.lower(), short_name(claim.resource).lower()} - {""}
    callee = str(result.probe.arguments.get("callee") or "").lower()
    return asked in places or (bool(callee) and callee in places)


def _proven_by_diff(result: ProbeResult, kind: CauseKind) -> bool:
    """Whether an edit itself shows what is claimed, such as a query per item of a loop."""
    return any(f.mechanism is not None and MECHANISMS[f.mechanism][0] == kind for f in result.findings)


def _reading(result: ProbeResult, kind: CauseKind) -> tuple[proofs.Meaning | None, bool]:
    """What the answer says of a kind of cause, and whether any answer could have said something."""
    if result.probe.name == "deploy_diff" and result.outcome == "present" and _proven_by_diff(result, kind):
        return proofs.PASSED, True
    able: list[proofs.Topic] = [t for t in proofs.topics(result) if proofs.concerns(kind, t)]
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

    A quiet answer does not refute by itself what another finding shows directly at the same place.
    """
    direct = _seen_directly(claim, dossier, results)
    trials: list[Trial] = []
    for result in results:
        if not _about(result, claim):
            continue
        said, able = _reading(result, claim.cause_kind)
        if said is None and not (able and proofs.outcome_of(claim.cause_kind, result) == "unknown"):
            continue
        trials.append(
            Trial(
                text=_text(result, claim),
                outcome=said.says if said else "silent",
                finding_ids=tuple(f.id for f in result.findings) if said else (),
                decisive=said is not None and said.decisive and not (said.says == "refuted" and direct),
                probe=result.probe.id,
            )
        )
    return tuple(trials)
