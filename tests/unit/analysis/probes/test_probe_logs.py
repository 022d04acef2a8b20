"""The log probe counts lines with a literal text, before and during the incident."""

import pytest

from autopilot.case.case import Case
from tests.unit.analysis.probes.ask import ask, nothing, only
from tests.unit.analysis.story import Story, throttled_checkout


def written(*lines: tuple[str, str, float, float, float]) -> Case:
    """Level, text, first and last minute before now, and lines per minute."""
    story = Story(5)
    for level, text, before, until, per_minute in lines:
        story.logs("api", level, text, before, per_minute, until)
    return story.case()


def asked(case: Case, text: str, level: str = "any") -> tuple[str, str]:
    answer = ask(case, "logs", service="api", text=text, level=level)
    return answer.outcome, answer.summary


USUAL = ("INFO", "request {n} served", 180.0, 0.0, 6.0)


def test_new_lines_are_present_with_rate_signature_and_example() -> None:
    answer = ask(throttled_checkout(1), "logs", service="checkout", text="ThroughputExceeded", level="error")
    found = answer.findings[0]
    assert (answer.outcome, found.direction, found.cause_kind) == ("present", "new", "throttled")
    assert found.baseline == 0
    assert found.observed == pytest.approx(30, rel=0.2)
    assert "30 per minute since 09:55" in answer.summary
    assert "ProvisionedThroughputExceeded" in answer.summary


def test_more_and_fewer_lines_than_before() -> None:
    rising = written(("WARN", "retry {n} of upstream", 180, 15, 1), ("WARN", "retry {n} of upstream", 15, 0, 20))
    assert asked(rising, "retry")[0] == "rose"
    falling = written(("INFO", "order {n} accepted", 180, 25, 20), ("INFO", "order {n} accepted", 25, 0, 1))
    assert asked(falling, "accepted")[0] == "fell"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_usual_lines_are_unchanged(seed: int) -> None:
    story = Story(seed)
    story.logs("api", "ERROR", "lost connection to {n}", 180, 2)
    answer = ask(story.case(), "logs", service="api", text="lost connection", level="any")
    assert answer.outcome == "unchanged"
    assert answer.findings[0].baseline == pytest.approx(2, rel=0.2)


def test_text_that_no_line_has_is_absent_and_silence_is_unknown() -> None:
    assert asked(written(USUAL), "deadlock")[0] == "absent"
    stopped = written(("INFO", "request {n} served", 180.0, 60.0, 6.0))
    assert asked(stopped, "deadlock")[0] == "unknown"
    assert asked(nothing(), "deadlock")[0] == "unknown"


def test_text_is_literal_and_level_counts() -> None:
    case = written(USUAL, ("ERROR", "a.*b failed [x] (", 9, 0, 10), ("INFO", "axxb failed", 9, 0, 10))
    assert asked(case, "a.*b failed [x] (")[0] == "present"
    assert asked(case, "A.*B")[0] == "present"
    assert asked(case, "a.b")[0] == "absent"
    answer = ask(case, "logs", service="api", text="failed", level="error")
    assert answer.summary.startswith('New: error lines of api that contain "failed"')
    assert answer.findings[0].observed == pytest.approx(10, rel=0.2)
    assert 'e.g. "a.*b failed [x] ("' in answer.summary


def test_too_long_a_text_is_searched_by_its_beginning() -> None:
    case = written(USUAL, ("ERROR", "broken " + "x" * 2_000, 9, 0, 10))
    assert asked(case, "broken " + "x" * 10_000)[0] == "present"
    assert asked(case, "broken " + "y" * 10_000)[0] == "absent"


def test_several_sorts_of_lines_are_told_one_by_one() -> None:
    case = written(USUAL, ("ERROR", "timeout of cart after {n} ms", 9, 0, 10), ("ERROR", "tax timeout", 9, 0, 10))
    answer = ask(case, "logs", service="api", text="timeout", level="any")
    assert answer.outcome == "present"
    assert len(answer.findings) == 3
    assert {f.direction for f in answer.findings} == {"new"}


def test_unknown_service_is_answered_with_those_that_write() -> None:
    answer = ask(only(throttled_checkout(1), "logs"), "logs", service="cart", text="x", level="any")
    assert answer.outcome == "unknown"
    assert "checkout" in answer.summary
    assert answer.missing == ("logs",)


def test_known_failure_is_found_in_other_words_when_nothing_has_the_text() -> None:
    case = written(USUAL, ("ERROR", "context deadline exceeded after {n} ms", 9, 0, 10))
    outcome, summary = asked(case, "timeout")
    assert outcome == "present"
    assert 'contain or mean "timeout"' in summary
    assert "deadline exceeded" in summary
    assert asked(case, "certificate has expired")[0] == "absent"
    literal = written(("ERROR", "upstream timeout {n}", 9, 0, 10), ("ERROR", "deadline exceeded {n}", 9, 0, 90))
    assert ask(literal, "logs", service="api", text="timeout", level="any").findings[0].observed == pytest.approx(
        10, rel=0.2
    )
