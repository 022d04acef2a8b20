"""What a verification reads along: the demand of users, and sick things that have nothing to do with each other."""

from autopilot.analysis.dossier import analyze
from autopilot.incident.metric import Control
from tests.unit.analysis.story import Story


def controls(story: Story) -> list[Control]:
    return list(analyze(story.case()).controls)


def called(story: Story, *calls: tuple[str, str]) -> None:
    story.add("topology", *({"caller": a, "callee": b, "weight": 1.0, "source": "trace"} for a, b in calls))


def shop(seed: int) -> Story:
    story = Story(seed)
    story.metric(
        "checkout", "AWS/ApiGateway", "Latency", "Average", "Milliseconds", story.steps(50, (6, 900)), Api="c"
    )
    story.metric("checkout", "AWS/ApiGateway", "Count", "Sum", "Count", story.steps(3_000), Api="c")
    story.metric("orders", "shop", "Requests", "Sum", "Count", story.steps(9_000), Service="orders")
    return story


def test_what_users_ask_for_is_read_along_and_what_services_ask_is_not() -> None:
    story = shop(1)
    called(story, ("checkout", "orders"))
    (demand,) = controls(story)
    assert (demand.kind, demand.of, demand.signal.metric.name) == ("demand", "checkout", "Count")


def test_something_unrelated_that_is_sick_too_is_read_along() -> None:
    story = shop(2)
    called(story, ("checkout", "orders"), ("portal", "search"))
    story.metric(
        "search", "shop", "Latency", "Average", "Milliseconds", story.steps(40, (6, 700)), Service="search"
    )
    (sibling,) = [c for c in controls(story) if c.kind == "sibling"]
    assert sibling.of == "search"
    assert sibling.signal.breached(700)
    assert not sibling.signal.breached(60)


def test_what_calls_or_is_called_is_no_sibling() -> None:
    for calls in ([("checkout", "search")], [("search", "checkout")]):
        story = shop(3)
        called(story, *calls)
        story.metric(
            "search", "shop", "Latency", "Average", "Milliseconds", story.steps(40, (6, 700)), Service="search"
        )
        assert [c for c in controls(story) if c.kind == "sibling"] == []


def test_where_no_calls_are_known_anything_might_be_related() -> None:
    story = shop(4)
    story.metric(
        "search", "shop", "Latency", "Average", "Milliseconds", story.steps(40, (6, 700)), Service="search"
    )
    assert [c for c in controls(story) if c.kind == "sibling"] == []
