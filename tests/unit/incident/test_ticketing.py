"""The ticket of an incident: one key, what is known now, and how it ended."""

import pytest

from autopilot.incident.evidence import Document
from autopilot.incident.finding import DossierBrief
from autopilot.incident.state import IncidentState, Outcome
from autopilot.incident.ticketing import incident_ticket
from autopilot.incident.verification import Verdict
from tests.unit.incident.worlds import INCIDENT, T0, alert

REPORT = Document(uri="i/report.html", sha256="0" * 64, size=1, media_type="text/html")


def state() -> IncidentState:
    return IncidentState(incident_id=INCIDENT, group="g", opened_at=T0, alerts=[alert()])


def test_the_key_stays_while_report_and_dossier_come() -> None:
    before, known = incident_ticket(state(), "open"), state()
    known.report, known.dossier = REPORT, DossierBrief(uri="i/dossier.json", revision=1)
    after = incident_ticket(known, "diagnosis")
    assert before.key == after.key == f"{INCIDENT}/ticket"
    assert (before.report, before.dossier, before.phase) == (None, "", "open")
    assert (after.report, after.dossier, after.phase, after.state) == (
        REPORT,
        "i/dossier.json",
        "diagnosis",
        "open",
    )
    assert before.priority == "high"


@pytest.mark.parametrize(
    ("verdict", "outcome", "resolution"),
    [
        ("fixed", "resolved", "fixed"),
        ("fixed", "handed_over", "handed_over"),
        ("self_healed", "handed_over", "self_healed"),
        ("still_broken", "handed_over", ""),
    ],
)
def test_the_ending_is_told(verdict: Verdict, outcome: Outcome, resolution: str) -> None:
    ended = state()
    ended.verdict, ended.outcome = verdict, outcome
    assert incident_ticket(ended, "review", resolved=True).resolution == resolution
    assert incident_ticket(ended, "review").resolution == ""
