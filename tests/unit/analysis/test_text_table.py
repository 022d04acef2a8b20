"""The dossier as a person reads it, and which moments stay when there are too many."""

from datetime import timedelta

from autopilot.analysis.dossier import analyze
from autopilot.analysis.text_table import text_table
from autopilot.analysis.timeline import most_telling
from autopilot.incident.finding import Suspect, TimelineEntry
from tests.unit.analysis.story import NOW, healthy, throttled_checkout


def entry(kind: str, minutes: float) -> TimelineEntry:
    return TimelineEntry.model_validate({"at": NOW + timedelta(minutes=minutes), "kind": kind, "text": kind})


def test_the_onset_and_what_stands_next_to_it_stay() -> None:
    moments = (
        [entry("change", n) for n in range(-20, 0)] + [entry("onset", 0)] + [entry("note", n) for n in range(9)]
    )
    kept = most_telling(moments, 6)
    assert [e.kind for e in kept] == ["change"] * 5 + ["onset"]
    assert [e.at for e in kept] == sorted(e.at for e in kept)
    assert min(e.at for e in kept) == NOW - timedelta(minutes=5)
    assert most_telling(moments, 99) == tuple(moments)


def test_names_are_never_broken_and_no_line_is_too_long() -> None:
    dossier = analyze(throttled_checkout(1))
    name = "payments-ledger-reconciliation"
    suspect = Suspect(service=name, cause_kind="capacity", mechanism="no_replicas", score=0.5, finding_ids=("F1",),
                      reason=" ".join([name] * 9), region="eu-west-1")  # fmt: skip
    text = text_table(dossier.model_copy(update={"suspects": (suspect,)}), 90)
    assert text.count(name) == 10
    assert f"1. 0.50  {name} (eu-west-1): capacity, no replicas" in text
    assert max(map(len, text.splitlines())) <= 90


def test_insufficient_evidence_says_what_would_be_needed() -> None:
    dossier = analyze(healthy(1))
    text = " ".join(text_table(dossier).split())
    assert "insufficient evidence: nothing is suspect, 0.35 is needed" in text
    faint = Suspect(service="checkout", cause_kind="unknown", score=0.2, finding_ids=(), reason="checkout suffers")
    told = " ".join(text_table(dossier.model_copy(update={"suspects": (faint,)})).split())
    assert "insufficient evidence: the best suspect has 0.20" in told
    assert "nothing was found in" in text
