"""The built-in analyst: it tells the cause, tests rivals, and abstains when the evidence is thin."""

import re

import pytest

from autopilot.incident.finding import Dossier
from autopilot.reasoning.builtin import diagnose
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.trials import trials_for
from tests.unit.reasoning import story


def test_demo_story_blames_the_release_and_refutes_traffic() -> None:
    diagnosis = diagnose(story.dossier(), service="checkout-api")
    best = diagnosis.best
    assert best is not None
    assert (best.cause_kind, best.service, best.change_id) == ("bad_deploy", "checkout", story.DEPLOY)
    assert best.standing == "confirmed"
    assert 2 <= len(diagnosis.hypotheses) <= 4
    traffic = next(h for h in diagnosis.hypotheses if h.cause_kind == "traffic_surge")
    assert traffic.standing == "refuted"
    assert any("A traffic rise alone would not raise work per request" in t.text for t in traffic.tests)
    assert "F3" in traffic.contradicting
    throttled = next(h for h in diagnosis.hypotheses if h.cause_kind == "throttled")
    assert throttled.standing in ("likely", "inconclusive")
    assert throttled.confidence < best.confidence
    assert diagnosis.next_steps == ()


def test_every_number_and_id_of_a_statement_occurs_in_the_findings() -> None:
    dossier = story.dossier()
    known = " ".join(f.summary for f in dossier.findings) + " ".join(f.id for f in dossier.findings)
    for hypothesis in diagnose(dossier).hypotheses:
        for number in re.findall(r"\d+(?:\.\d+)?", hypothesis.statement):
            assert number in known
        assert set(hypothesis.supporting) | set(hypothesis.contradicting) <= {f.id for f in dossier.findings}
        assert not set(hypothesis.supporting) & set(hypothesis.contradicting)


def test_causal_chain_is_in_order_of_time_and_starts_with_the_change() -> None:
    chain = diagnose(story.dossier()).causal_chain
    times = [line[:5] for line in chain]
    assert times == sorted(times)
    assert "(F1)" in chain[0]
    assert 3 <= len(chain) <= 8


def test_more_requests_without_more_work_each_confirm_the_surge() -> None:
    reads = story.READS.model_copy(update={"size": 1.5})
    surge = story.dossier().suspects[2].model_copy(update={"finding_ids": ("F2", "F5", "F7"), "score": 0.8})
    findings = (story.TRAFFIC, reads, story.DURATION, story.ALARMED)
    dossier = story.dossier(findings=findings, versions=(), suspects=(surge,))
    best = diagnose(dossier).best
    assert best is not None
    assert best.cause_kind == "traffic_surge"
    assert best.standing == "confirmed"


def test_version_that_served_well_is_not_blamed() -> None:
    dossier = story.dossier(versions=(story.version("v2.4.0", True, -180), story.version("v2.4.1", True, -15)))
    deploy = next(h for h in diagnose(dossier).hypotheses if h.cause_kind == "bad_deploy")
    assert deploy.standing == "refuted"


def test_change_after_the_onset_is_refuted() -> None:
    late = story.CHANGE.model_copy(update={"onset": story.ALARM})
    trials = trials_for(Claim("bad_deploy", "checkout", change_id=story.DEPLOY),
                        story.dossier(findings=(late, *story.dossier().findings[1:])))  # fmt: skip
    assert trials[0].outcome == "refuted"
    assert trials[0].decisive


def test_rejections_refute_the_network() -> None:
    diagnosis = diagnose(story.dossier(suspects=story.dossier().suspects[:1]), service="checkout-api")
    rival = {h.cause_kind: h.standing for h in diagnosis.hypotheses}
    assert len(rival) == 3
    assert diagnosis.best is not None
    assert diagnosis.best.cause_kind == "bad_deploy"
    asked = diagnose(story.dossier(), feedback=("is it the network?",))
    network = next(h for h in asked.hypotheses if h.cause_kind == "network")
    assert network.standing == "refuted"


def test_hint_of_a_person_is_tested_not_believed() -> None:
    diagnosis = diagnose(story.dossier(), feedback=("I am sure it is the traffic",))
    traffic = next(h for h in diagnosis.hypotheses if h.cause_kind == "traffic_surge")
    assert traffic.standing == "refuted"
    assert traffic.asked_by == "I am sure it is the traffic"


def test_hint_that_matches_nothing_is_answered() -> None:
    assert any(
        "matches nothing" in s for s in diagnose(story.dossier(), feedback=("mercury retrograde",)).next_steps
    )


@pytest.mark.parametrize(
    "dossier",
    [
        story.dossier(findings=(), suspects=(), versions=()),
        story.dossier(insufficient_evidence=True),
        story.dossier(suspects=(), findings=(story.ALARMED,), versions=(), gaps=(story.gap("no traces"),)),
    ],
)
def test_thin_evidence_is_inconclusive_and_says_what_to_do(dossier: Dossier) -> None:
    diagnosis = diagnose(dossier, service="checkout-api")
    assert diagnosis.best is not None
    assert diagnosis.best.standing == "inconclusive"
    assert diagnosis.best.confidence <= 0.4
    assert diagnosis.next_steps
    assert diagnosis.causal_chain == ()
    if dossier.gaps:
        assert any("Check the role" in s for s in diagnosis.next_steps)


def test_same_dossier_gives_the_same_diagnosis() -> None:
    assert diagnose(story.dossier()) == diagnose(story.dossier())
