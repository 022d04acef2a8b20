"""The verdict's rules hold for any evidence, not only for examples."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from autopilot.incident.diagnosis import Trial
from autopilot.reasoning.judging.verdict import Weights, verdict
from tests.unit.reasoning import story

TRIALS = st.builds(
    Trial,
    text=st.just("a test"),
    outcome=st.sampled_from(["held", "refuted", "silent"]),
    decisive=st.booleans(),
    probe=st.sampled_from(["", "P1"]),
)
FINDINGS = st.lists(st.sampled_from(story.dossier().findings), unique_by=lambda f: f.id, max_size=6).map(tuple)
WEIGHTS = st.builds(
    Weights,
    prior=st.floats(0, 1),
    supporting=FINDINGS,
    contradicting=FINDINGS,
    trials=st.lists(TRIALS, max_size=5).map(tuple),
    gaps=st.sampled_from([(), (story.gap("a"),), (story.gap("a"), story.gap("b"))]),
    insufficient=st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(WEIGHTS)
def test_confirmed_needs_a_passed_decisive_test_and_no_doubt(weights: Weights) -> None:
    standing, confidence = verdict(weights)
    assert 0 <= confidence <= 0.95
    if standing == "confirmed":
        assert any(t.decisive and t.outcome == "held" for t in weights.trials)
        assert not weights.contradicting
        assert not any(t.outcome == "refuted" for t in weights.trials)
        assert weights.supporting
        assert not weights.insufficient


@settings(max_examples=200, deadline=None)
@given(WEIGHTS)
def test_missing_or_contrary_evidence_never_raises_confidence(weights: Weights) -> None:
    _, confidence = verdict(weights)
    assert verdict(replace(weights, gaps=(*weights.gaps, story.gap("more"))))[1] <= confidence
    assert verdict(replace(weights, contradicting=(*weights.contradicting, story.PAST)))[1] <= confidence
    assert verdict(replace(weights, insufficient=True))[1] <= confidence
    silent = Trial(text="asked in vain", outcome="silent", probe="P9")
    assert verdict(replace(weights, trials=(*weights.trials, silent)))[1] <= confidence
    doubt = Trial(text="doubt", outcome="refuted")
    assert verdict(replace(weights, trials=(*weights.trials, doubt)))[1] <= confidence
    for index in range(len(weights.supporting)):
        fewer = (*weights.supporting[:index], *weights.supporting[index + 1 :])
        assert verdict(replace(weights, supporting=fewer))[1] <= confidence
    passed = tuple(t for t in weights.trials if t.outcome != "held")
    assert verdict(replace(weights, trials=passed))[1] <= confidence
    failed = (*weights.trials, Trial(text="another", outcome="refuted", decisive=True))
    assert verdict(replace(weights, trials=failed))[0] == "refuted"


def test_without_support_nothing_is_likely() -> None:
    standing, confidence = verdict(Weights(1.0, (), (), (Trial(text="t", outcome="held", decisive=True),)))
    assert standing == "inconclusive"
    assert confidence <= 0.2
