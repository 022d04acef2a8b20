"""What notes and wrong analyses may do to a diagnosis and to a plan: lower an explanation, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from autopilot.incident.base import TimeWindow
from autopilot.incident.finding import Dossier, Finding, Provenance
from autopilot.incident.plan import Step
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.precedent import denied
from autopilot.reasoning.planning.past import past_of

T = datetime(2026, 11, 21, 3, 15, tzinfo=UTC)
WINDOW = TimeWindow(start=T, end=T + timedelta(minutes=10))
STEP = Step(tool="lambda.rollback_alias", target="checkout:live", service="checkout")


def record(query: str, summary: str = "A rollback solved it", service: str = "checkout") -> Finding:
    return Finding(
        id="F1", kind="record", service=service, window=WINDOW, score=0.3, summary=summary,
        provenance=Provenance(source="records", query=query),
    )  # fmt: skip


def dossier(*findings: Finding) -> Dossier:
    return Dossier(incident_id="i", revision=1, scope_incident=WINDOW, findings=findings)


@pytest.mark.parametrize("query", ["note:checkout:1", "wrong_analysis:bad_deploy:old:1", "record note:checkout:1"])
def test_what_people_wrote_down_is_no_past_success_of_a_tool(query: str) -> None:
    assert past_of(STEP, dossier(record("knowledge:old")), (), None).bonus > 0
    assert past_of(STEP, dossier(record(query)), (), None).bonus == 0


@pytest.mark.parametrize(
    ("query", "service", "expected"),
    [
        ("wrong_analysis:bad_deploy:old:1", "checkout", "refuted"),
        ("wrong_analysis:bad_deploy:old:1", "orders", None),
        ("wrong_analysis:network:old:1", "checkout", None),
        ("wrong_analysis:bad_deployment:old:1", "checkout", None),
        ("note:checkout:1", "checkout", None),
        ("", "checkout", None),
    ],
)
def test_only_the_same_kind_of_cause_at_the_same_service_is_lowered(
    query: str, service: str, expected: str | None
) -> None:
    trial = denied(Claim("bad_deploy", "checkout"), dossier(record(query, "On 2026-11-01 …", service)))
    assert (trial.outcome if trial else None) == expected
    assert trial is None or not trial.decisive


def test_many_denials_are_one_trial_that_cites_them_all() -> None:
    first = record("wrong_analysis:bad_deploy:a:1", "On 2026-11-02 …")
    second = first.model_copy(update={"id": "F2"})
    trial = denied(Claim("bad_deploy", "checkout"), dossier(first, second))
    assert trial is not None
    assert trial.finding_ids == ("F1", "F2")
    assert trial.text == "Precedent: On 2026-11-02 …"
