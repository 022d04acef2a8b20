"""What earlier incidents say of an explanation: people called it wrong before."""

from autopilot.incident.diagnosis import Trial
from autopilot.incident.evidence import NOTE, WRONG_ANALYSIS
from autopilot.incident.finding import Dossier, Finding
from autopilot.reasoning.judging.claim import Claim

_PROBED = "record "
"""Before the record's id in what a probe found."""


def about_incidents(finding: Finding) -> bool:
    """Whether a finding tells of an earlier incident; notes and denied explanations are records too."""
    asked = finding.provenance.query.removeprefix(_PROBED).partition(":")[0]
    return finding.kind in ("record", "recurrence") and asked not in (NOTE, WRONG_ANALYSIS)


def denied(claim: Claim, dossier: Dossier) -> Trial | None:
    """Whether people called this kind of cause at this service wrong before. Not decisive: this time may differ."""
    start = f"{WRONG_ANALYSIS}:{claim.cause_kind}:"
    past = [
        f
        for f in dossier.findings
        if f.kind == "record" and f.service == claim.service and f.provenance.query.startswith(start)
    ]
    if not past:
        return None
    return Trial(
        text=f"Precedent: {past[0].summary}",
        outcome="refuted",
        finding_ids=tuple(f.id for f in past),
    )
