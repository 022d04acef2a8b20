"""The probe of neighbours says who suffers around a service, and who did first."""

import numpy as np

from autopilot.case.case import Case
from tests.unit.analysis.probes.ask import ask, nothing
from tests.unit.analysis.story import Story, dependency_down, healthy


def chain(*, upper: int = 0, lower: int = 0) -> Case:
    """web → api → store with errors at web and store for so many minutes; api itself only passes on."""
    story = Story(3)
    story.add(
        "topology",
        {"caller": "web", "callee": "api", "weight": 1.0, "source": "trace"},
        {"caller": "api", "callee": "store", "weight": 1.0, "source": "trace"},
        {"caller": "api", "callee": "unseen", "weight": 1.0, "source": "trace"},
    )
    for name, minutes in (("web", upper), ("api", 0), ("store", lower)):
        errors = story.steps(1, *([(minutes, 80.0)] if minutes else []))
        story.metric(name, "custom", "Errors", "Sum", "Count", np.round(errors), Service=name)
    return story.case()


def test_who_suffered_first_leads() -> None:
    answer = ask(chain(upper=6, lower=14), "neighbours", service="api", direction="both")
    assert answer.outcome == "present"
    assert [f.service for f in answer.findings] == ["store", "web"]
    assert "api itself shows nothing bad" in answer.summary
    assert "nothing known of unseen" in answer.summary


def test_direction_is_respected() -> None:
    case = chain(upper=6)
    assert ask(case, "neighbours", service="api", direction="callers").outcome == "present"
    below = ask(case, "neighbours", service="api", direction="callees")
    assert below.outcome == "absent"
    assert "healthy: store" in below.summary


def test_order_against_the_service_itself_is_told() -> None:
    answer = ask(dependency_down(1), "neighbours", service="checkout", direction="callees")
    assert answer.outcome == "present"
    assert "callee payments at the same time" in answer.summary
    later = ask(chain(upper=6, lower=14), "neighbours", service="web", direction="callees")
    assert later.outcome == "absent", "api, the only callee of web, is healthy"


def test_healthy_neighbours_and_no_neighbours_are_absent() -> None:
    assert ask(healthy(1), "neighbours", service="checkout", direction="both").outcome == "absent"
    leaf = ask(chain(), "neighbours", service="store", direction="callees")
    assert leaf.outcome == "absent"
    assert "no known callees" in leaf.summary


def test_nothing_collected_around_or_no_calls_known_is_unknown() -> None:
    story = Story(1)
    story.add("topology", {"caller": "a", "callee": "b", "weight": 1.0, "source": "trace"})
    unmeasured = ask(story.case(), "neighbours", service="a", direction="both")
    assert unmeasured.outcome == "unknown"
    assert unmeasured.missing == ("metrics", "logs")
    assert ask(nothing(), "neighbours", service="a", direction="both").outcome == "unknown"
    no_calls = ask(healthy(1), "neighbours", service="search", direction="both")
    assert no_calls.outcome == "unknown"
    assert "No calls of search" in no_calls.summary
    misspelt = ask(chain(), "neighbours", service="stroe", direction="both")
    assert misspelt.outcome == "unknown"
    assert "store" in misspelt.summary
