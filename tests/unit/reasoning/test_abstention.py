"""An abstention is a result: it says what would decide, which gap to close and whom to ask."""

from autopilot.incident.cause import CAUSE_KINDS
from autopilot.incident.diagnosis import Hypothesis
from autopilot.reasoning.judging.abstention import ways_out
from tests.unit.reasoning import story


def _open(kind: str, service: str = "checkout", standing: str = "inconclusive") -> Hypothesis:
    return Hypothesis.model_validate(
        {"statement": "x", "cause_kind": kind, "service": service, "standing": standing, "confidence": 0.3}
    )


def test_the_gap_that_hides_evidence_comes_first_then_what_would_decide_then_people() -> None:
    change = story.CHANGE.model_copy(update={"summary": "Deploy v2.4.1 of checkout by dana at 03:00 UTC"})
    empty = story.gap("no traces").model_copy(update={"kind": "no_data", "remedy": ""})
    dossier = story.dossier(findings=(change,), gaps=(empty, story.gap("access denied")))
    steps = ways_out([_open("connection_pool"), _open("network")], dossier, "checkout")
    assert "access denied" in steps[0]
    assert "no traces" in steps[1]
    assert steps[2] == "This would decide: the open and the waiting connections of checkout."
    assert "between checkout and what it calls" in steps[3]
    assert steps[4] == "Ask dana, who made the last change of checkout (F1)."
    assert len(steps) == 5


def test_what_is_settled_needs_no_deciding() -> None:
    steps = ways_out(
        [_open("memory", standing="refuted"), _open("unknown")], story.dossier(findings=()), "checkout"
    )
    assert steps == ("Look at the latest changes and the logs of checkout by hand, or re-analyse with a hint.",)


def test_every_kind_of_cause_says_what_would_decide() -> None:
    for kind in CAUSE_KINDS:
        steps = ways_out([_open(kind)], story.dossier(findings=()), "checkout")
        assert any("This would decide" in step for step in steps) is (kind != "unknown"), kind
