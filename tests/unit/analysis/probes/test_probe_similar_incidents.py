"""The probe of past incidents tells what is alike, with what solved it."""

from datetime import timedelta

from autopilot.case.case import Case
from tests.unit.analysis.probes.ask import ask, nothing
from tests.unit.analysis.story import NOW, Story, healthy, throttled_checkout


def recorded(*rows: dict[str, object]) -> Case:
    story = Story(1)
    for number, row in enumerate(rows):
        story.add(
            "records", {"id": f"R{number}", "kind": "incident", "time": NOW - timedelta(days=number + 1)} | row
        )
    return story.case()


def test_alike_incidents_come_with_age_and_resolution() -> None:
    answer = ask(throttled_checkout(1), "similar_incidents", service="orders", text="throttling of reads")
    assert answer.outcome == "present"
    assert len(answer.findings) == 2
    assert "4 days ago" in answer.findings[0].summary
    assert "raised read capacity" in answer.findings[0].summary
    assert {f.kind for f in answer.findings} == {"record"}


def test_other_trouble_is_absent() -> None:
    answer = ask(throttled_checkout(1), "similar_incidents", service="orders", text="certificate expired")
    assert answer.outcome == "absent"
    other = ask(throttled_checkout(1), "similar_incidents", service="search", text="")
    assert other.outcome == "absent"
    assert "they are of orders" in other.summary


def test_notes_and_outcomes_are_told_and_records_that_only_name_the_service_count() -> None:
    case = recorded(
        {"title": "Search slow", "body": "cart-service timed out", "outcome": "resolved", "service": "search"},
        {"title": "Invariant", "body": "cart-service never retries", "kind": "note", "service": "cart-service"},
    )
    answer = ask(case, "similar_incidents", service="cart-service", text="")
    assert len(answer.findings) == 2
    assert "outcome resolved" in answer.summary
    assert "note R1" in answer.summary
    assert "never retries" in answer.summary


def test_records_of_a_service_with_a_longer_name_are_not_about_this_one() -> None:
    case = recorded(
        {"title": "payments slow", "service": "payments"}, {"title": "pay-gateway slow", "service": "pay-gateway"}
    )
    assert ask(case, "similar_incidents", service="pay", text="").outcome == "absent"
    named = recorded({"title": "Queue full", "body": "because pay stood still", "service": "queue"})
    assert ask(named, "similar_incidents", service="pay", text="").outcome == "present"


def test_what_was_written_after_the_alarm_is_not_the_past() -> None:
    case = recorded({"title": "orders down", "service": "orders", "time": NOW + timedelta(minutes=1)})
    assert ask(case, "similar_incidents", service="orders", text="").outcome == "unknown"


def test_no_records_is_unknown() -> None:
    for case in (nothing(), healthy(1)):
        answer = ask(case, "similar_incidents", service="orders", text="")
        assert (answer.outcome, answer.missing) == ("unknown", ("records",))
