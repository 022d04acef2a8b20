"""Records that return by the calendar or after each deploy are a finding, when the next return is now."""

from datetime import datetime, timedelta

import pytest

from autopilot.analysis.dossier import analyze
from autopilot.incident.finding import Finding
from tests.unit.analysis.story import NOW, Story

DAY = timedelta(days=1)


def habits(times: list[datetime], *others: datetime, deploys: list[datetime] | None = None) -> list[Finding]:
    """The findings about a rhythm of deadlock records at the times, with deploys recorded at others."""
    story = Story(21)
    story.logs("orders", "ERROR", "deadlock detected {n}", 5, 10)
    for number, at in enumerate([*times, *others]):
        story.add("records", {
            "time": at, "id": f"INC{number:03}", "kind": "incident", "service": "orders", "title": "Deadlocks",
            "body": "deadlock detected on orders",
        })  # fmt: skip
    for number, at in enumerate(deploys or []):
        story.add("records", {
            "time": at, "id": f"CHG{number:03}", "kind": "release", "service": "orders", "title": "Release",
        })  # fmt: skip
    found = analyze(story.case()).findings
    return [f for f in found if f.kind == "recurrence" and f.provenance.query.startswith("records by")]


def test_first_of_each_month_is_told_with_its_dates() -> None:
    (found,) = habits([NOW.replace(year=2025, month=11), NOW.replace(year=2025, month=12), NOW.replace(month=2)])
    assert "on day 9 of the month 3 times" in found.summary
    assert all(date in found.summary for date in ("2025-11-09", "2025-12-09", "2026-02-09"))
    assert found.cause_kind == "batch_job"


def test_records_on_other_days_of_the_month_leave_no_rhythm() -> None:
    monthly = [NOW.replace(year=2025, month=11), NOW.replace(year=2025, month=12), NOW.replace(month=2)]
    odd = [NOW - 17 * DAY, NOW - 45 * DAY - timedelta(hours=5), NOW - 51 * DAY - timedelta(hours=9)]
    assert habits(monthly, *odd, NOW - 73 * DAY - timedelta(hours=3)) == []


def test_rhythm_that_does_not_meet_the_incident_is_not_told() -> None:
    start = datetime.fromisoformat("2025-11-01T23:30:00+00:00")
    assert habits([start, start.replace(month=12), start.replace(year=2026, month=1)]) == []


@pytest.mark.parametrize(
    ("apart", "times", "words"), [(7 * DAY, 4, "on Monday about 09:00"), (DAY * 3, 5, "about 09:00")]
)
def test_weekday_and_hour_are_told(apart: timedelta, times: int, words: str) -> None:
    (found,) = habits([NOW - n * apart + timedelta(minutes=5 * n) for n in range(1, times + 1)])
    assert words in found.summary
    assert found.size == times


def test_trouble_after_each_deploy_is_told() -> None:
    troubled = [NOW - timedelta(days=days, hours=days % 5) for days in (3, 11, 20)]
    deploys = [at - timedelta(minutes=40) for at in troubled]
    (found,) = habits(troubled, deploys=[*deploys, NOW - timedelta(minutes=25)])
    assert "right after a deploy 3 times" in found.summary
    assert found.cause_kind == "bad_deploy"
    assert habits(troubled, deploys=deploys) == []


def test_two_records_of_one_day_are_one_return() -> None:
    first = NOW.replace(year=2025, month=12)
    assert habits([first, first + timedelta(hours=2), NOW.replace(month=2)]) == []
