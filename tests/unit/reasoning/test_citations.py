"""What is not in the cited findings is not said."""

from datetime import timedelta

import pytest

from autopilot.incident.base import TimeWindow
from autopilot.reasoning.judging.citations import enforce, existing, neighbourhood
from autopilot.reasoning.judging.sentences import sentences
from tests.unit.reasoning import story

NEAR = neighbourhood([("checkout-api", "checkout"), ("checkout", "orders"), ("inventory", "catalog-db")])


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("ReadThrottleEvents of orders rose to 240 (F4).", []),
        ("Duration rose from 850 ms to 1.2 s.", ["F5"]),  # the same fact in another unit
        ("Reads rose 3x (F3) while requests rose 1.5x (F2).", []),
        ("v2.4.1 was deployed to checkout at 03:00.", ["F1"]),
        ("The alarm fired at 03:15 (F7).", []),
        ("The release needs more reads.", ["F1", "F3"]),
        ("All user-facing requests wait for low-level reads per-request (F3).", []),
    ],
)
def test_supported_sentences_survive_word_for_word(text: str, cited: list[str]) -> None:
    checked = enforce(text, cited, story.dossier(), "checkout", NEAR)
    assert checked.dropped == ()
    assert checked.text == text


@pytest.mark.parametrize(
    ("text", "cited", "reason"),
    [
        ("The disk is full (F42).", [], "F42 does not exist"),
        ("The disk is full (F42).", ["F5"], "F42 does not exist"),
        ("Reads rose to 777 (F3).", [], "number 777"),
        ("payments-db is overloaded (F3).", [], "'payments-db'"),
        ("v9.9.9 broke it (F1).", [], "v9.9.9"),
        ("CPUUtilization rose (F5).", [], "CPUUtilization"),
        ("It began at 02:11 (F5).", [], "time 02:11"),
        ("The database is slow.", [], "nothing is cited"),
        ("The log says `segmentation fault` (F6).", [], "segmentation fault"),
    ],
)
def test_inventions_are_dropped_with_their_reason(text: str, cited: list[str], reason: str) -> None:
    checked = enforce(text, cited, story.dossier(), "checkout", NEAR)
    assert checked.text == ""
    assert len(checked.dropped) == 1
    assert checked.dropped[0].claim == text
    assert reason in checked.dropped[0].reason


def test_one_false_sentence_does_not_take_the_true_ones_with_it() -> None:
    text = "ReadThrottleEvents rose to 240 (F4). The cache was flushed 17 times (F4). Duration is 1200 ms (F5)."
    checked = enforce(text, [], story.dossier(), "orders", NEAR)
    assert checked.text == "ReadThrottleEvents rose to 240 (F4). Duration is 1200 ms (F5)."
    assert [d.claim for d in checked.dropped] == ["The cache was flushed 17 times (F4)."]
    assert checked.cited == ("F4", "F5")


def test_citation_must_concern_the_service_or_a_neighbour() -> None:
    ids, dropped, _ = existing(["F5", "F3", "F99"], story.dossier(), "catalog-db", NEAR)
    assert ids == ()
    assert ["no neighbour" in d.reason for d in dropped] == [True, True, False]
    assert existing(["F3"], story.dossier(), "checkout-api", NEAR).ids == ("F3",)  # two calls away


def test_citation_must_lie_in_the_window() -> None:
    early = story.ALARM - timedelta(hours=20)
    old = story.DURATION.model_copy(update={"window": TimeWindow(start=early, end=early + timedelta(minutes=1))})
    checked = enforce("Duration rose to 1200 ms (F5).", [], story.dossier(findings=(old,)), "checkout")
    assert "outside the incident's window" in checked.dropped[0].reason
    assert existing(["F9"], story.dossier(), "orders", NEAR).ids == ("F9",)  # an old record may be cited


def test_full_stops_in_versions_and_numbers_do_not_end_sentences() -> None:
    assert sentences("v2.4.1 raised it 1.5x (F1). Then F2.") == ["v2.4.1 raised it 1.5x (F1).", "Then F2."]
