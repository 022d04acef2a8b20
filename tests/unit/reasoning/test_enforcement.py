"""How much of the truth survives enforcement, and how little of what was made up, in whatever wording."""

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autopilot.reasoning.judging.citations import enforce, neighbourhood
from autopilot.reasoning.judging.quantities import quantities
from autopilot.reasoning.judging.sentences import plain, sentences
from tests.unit.reasoning import corpus, story

HONEST, INVENTED = tuple(corpus.honest()), tuple(corpus.invented())
STORY = story.dossier()


def _survives(said: corpus.Said) -> bool:
    checked = enforce(corpus.written(said), [], corpus.dossier(said.world), said.service, kind=said.kind)
    return not checked.dropped


def test_honest_sentences_survive_and_inventions_do_not() -> None:
    lost = [said.text for said in HONEST if not _survives(said)]
    passed = [said.text for said in INVENTED if _survives(said)]
    rates = f"{len(lost)} of {len(HONEST)} honest lost, {len(passed)} of {len(INVENTED)} inventions passed"
    assert len(HONEST) >= 100, rates
    assert len(INVENTED) >= 100, rates
    assert lost == [], rates
    assert passed == [], rates


@pytest.mark.parametrize("said", HONEST[::9], ids=lambda said: said.text[:40])
def test_an_honest_sentence_is_an_invention_where_it_cites_something_else(said: corpus.Said) -> None:
    dossier = corpus.dossier(said.world)
    text = corpus.written(said)
    assume_numbers = bool(quantities(re.sub(r"\(F.*?\)", "", text)))
    own = set(re.findall(r"F\d+", text))
    others = [f.id for f in dossier.findings if f.id not in own and f.kind in ("metric", "log")]
    wrong = [re.sub(r"\([^)]*F\d+[^)]*\)", f"({other})", text) for other in others]
    kept = [w for w in wrong if not enforce(w, [], dossier, said.service).dropped]
    assert not assume_numbers or not kept


@settings(max_examples=150, deadline=None)
@given(
    st.integers(min_value=0, max_value=10**7), st.sampled_from(["", " ms", " s", " %", "x", " MB", " per minute"])
)
def test_a_number_that_was_not_measured_is_never_said(number: int, unit: str) -> None:
    sentence = f"Duration of checkout rose to {number}{unit} (F5)."
    checked = enforce(sentence, [], STORY, "checkout")
    allowed = {
        (850, " ms"),
        (1200, " ms"),
        (850, ""),
        (1200, ""),
        (1, " s"),
        (1, "x"),
        (1, ""),
    }
    assert bool(checked.text) <= ((number, unit) in allowed)


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=12),
    st.sampled_from(["-", "_", ".", "/", ":"]),
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789", min_size=2, max_size=8),
)
def test_a_name_that_is_not_cited_is_never_said(first: str, between: str, second: str) -> None:
    name = f"{first}{between}{second}"
    assume(not re.fullmatch(r".*-[a-z]+", name) and name not in STORY.model_dump_json())
    assert enforce(f"{name} of checkout is slow (F5).", [], STORY, "checkout").text == ""


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([s for s in INVENTED if s.world == "throttled"]),
    st.sampled_from(["\u200b", "\u2060", "\u00ad", "\ufeff"]),
    st.data(),
)
def test_invisible_characters_hide_nothing(said: corpus.Said, invisible: str, data: st.DataObject) -> None:
    text = corpus.written(said)
    at = data.draw(st.integers(min_value=0, max_value=len(text)))
    hidden = text[:at] + invisible + text[at:]
    assert not enforce(hidden, [], corpus.dossier(said.world), said.service).text


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(INVENTED), st.sampled_from(["\n", " ", "; ", "\n- ", "\u2028", " • ", "\n2. ", "\r\n\t* "]))
def test_an_invention_does_not_hide_behind_the_truth(said: corpus.Said, between: str) -> None:
    true = next(h for h in HONEST if (h.world, h.service, h.kind) == (said.world, said.service, said.kind))
    text = f"{corpus.written(true)}{between}{corpus.written(said)}"
    checked = enforce(text, [], corpus.dossier(said.world), said.service, kind=said.kind)
    assert checked.text in (" ".join(sentences(corpus.written(true))), "")
    assert checked.checked == len(checked.dropped) + len(sentences(checked.text))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_no_text_at_all_breaks_the_check(text: str) -> None:
    checked = enforce(text, ["F5"], STORY, "checkout")
    assert checked.checked == len(sentences(text))
    assert not re.search(r"https?:|<[!@]|@here", checked.text)
    assert plain(checked.text) == checked.text


def test_service_that_topology_knows_needs_a_citation() -> None:
    near = neighbourhood([("checkout-api", "checkout"), ("checkout", "payments")])
    assert "payments" in enforce("payments is slow (F5).", [], STORY, "checkout", near).dropped[0].reason
    assert enforce("checkout is slow (F5).", [], STORY, "checkout", near).text


def test_a_hypothesis_may_name_its_cause_and_a_statement_of_fact_may_not() -> None:
    text = "The network between checkout and its table fails (F5)."
    assert enforce(text.replace("its table", "what it calls"), [], STORY, "checkout", kind="network").text
    assert not enforce(text, [], STORY, "checkout").text


def test_a_late_change_is_not_said_to_be_the_cause() -> None:
    late = story.CHANGE.model_copy(update={"onset": story.ALARM})
    dossier = story.dossier(findings=(late, *STORY.findings[1:]))
    checked = enforce("v2.4.1 caused the slow Duration (F1, F5).", [], dossier, "checkout")
    assert "came after F5" in checked.dropped[0].reason
    assert enforce("v2.4.1 caused the slow Duration (F1, F5).", [], STORY, "checkout").text


def test_a_sentence_of_several_rests_on_what_it_cites_itself() -> None:
    text = "Duration rose to 1200 ms (F4). ReadThrottleEvents rose to 240 (F4)."
    checked = enforce(text, ["F5"], STORY, "checkout")
    assert checked.text == "ReadThrottleEvents rose to 240 (F4)."
    assert enforce("Duration rose to 1200 ms.", ["F5"], STORY, "checkout").text


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One (F1).Two (F2).", 1),
        ("One. (F1) Two. (F2)", 2),
        ("e.g. one vs. two at 1.5 s of v2.4.1 (F1)", 1),
        ("One;two (F1); three (F2)", 2),
        ("one\n- two\n\n* three\u2028four", 4),
        ("하나。둘。", 2),
        ('It says "one. Two; three" (F1).', 1),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, pieces: int) -> None:
    assert len(sentences(text)) == pieces
