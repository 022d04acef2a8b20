"""The database probe separates load from work per request, and both from what nobody measured."""

import numpy as np
import pytest

from autopilot.case.case import Case
from tests.unit.analysis.probes.ask import ask, nothing, only
from tests.unit.analysis.story import TABLE_ARN, Story, healthy, pool_exhausted, throttled_checkout


@pytest.mark.parametrize("asked", ["orders", "checkout", TABLE_ARN])
def test_each_request_asks_more_of_the_table_since_the_release(asked: str) -> None:
    answer = ask(throttled_checkout(1), "database", service=asked, aspect="work_per_request")
    assert answer.outcome == "rose"
    found = answer.findings[0]
    assert (found.service, found.cause_kind, found.unit) == ("checkout", "slow_query", "per request")
    assert found.baseline == pytest.approx(4, rel=0.1)
    assert found.observed == pytest.approx(6, rel=0.1)


def test_all_aspects_are_told_those_that_rose_first() -> None:
    answer = ask(throttled_checkout(1), "database", service="orders", aspect="all")
    assert answer.outcome == "rose"
    assert len(answer.findings) == 4
    assert answer.summary.startswith("orders: work per request rose")
    assert {"throttled", "capacity", "slow_query"} <= {f.cause_kind for f in answer.findings}


def test_more_requests_raise_load_but_not_work_per_request() -> None:
    case = throttled_checkout(1, deploy=None, surge=1.3)
    assert ask(case, "database", service="orders", aspect="load").outcome == "rose"
    assert ask(case, "database", service="orders", aspect="work_per_request").outcome == "unchanged"


@pytest.mark.parametrize("aspect", ["all", "load", "throttling", "work_per_request", "slow_queries"])
def test_healthy_table_is_unchanged_with_its_levels(aspect: str) -> None:
    answer = ask(healthy(2), "database", service="orders", aspect=aspect)
    assert answer.outcome == "unchanged"
    assert all(f.direction == "none" and f.observed is not None for f in answer.findings)


def test_connections_that_ran_out_are_seen_in_metrics_and_lines() -> None:
    answer = ask(pool_exhausted(1), "database", service="checkout", aspect="connections")
    assert answer.outcome == "rose"
    assert {f.kind for f in answer.findings} == {"metric", "log"}
    assert {f.cause_kind for f in answer.findings} == {"connection_pool"}


def test_headroom_that_shrinks_is_pressure_that_rises() -> None:
    story = Story(1)
    story.metric(
        "ledger-db", "AWS/RDS", "FreeableMemory", "Average", "Bytes", story.steps(8e9, (10, 5e8)), Instance="l"
    )
    assert ask(story.case(), "database", service="ledger-db", aspect="load").outcome == "rose"


def test_lines_alone_can_tell_of_locks_or_of_none() -> None:
    def case(text: str) -> Case:
        story = Story(1)
        story.logs("billing-postgres", "INFO", "checkpoint {n}", 180, 3)
        story.logs("billing-postgres", "ERROR", text, 9, 6)
        return story.case()

    assert ask(
        case("deadlock detected in {n}"), "database", service="billing-postgres", aspect="locks"
    ).outcome == ("rose")
    none = ask(case("bad request {n}"), "database", service="billing-postgres", aspect="locks")
    assert none.outcome == "absent"
    assert "tells of locks" in none.summary


def test_what_nobody_measured_is_unknown() -> None:
    case = throttled_checkout(1)
    assert ask(case, "database", service="orders", aspect="locks").outcome == "unknown"
    assert ask(nothing(), "database", service="orders", aspect="all").outcome == "unknown"
    search = ask(case, "database", service="search", aspect="all")
    assert search.outcome == "unknown"
    assert "no database that search is or calls" in search.summary
    misspelt = ask(case, "database", service="ordesr", aspect="all")
    assert misspelt.outcome == "unknown"
    assert "orders" in misspelt.summary
    assert ask(only(case, "inventory", "topology"), "database", service="orders", aspect="all").outcome == "unknown"


def test_service_that_measures_its_queries_is_asked_itself() -> None:
    story = Story(1)
    story.metric("api", "custom", "SlowQueries", "Sum", "Count", np.round(story.steps(2, (10, 80))), Service="api")
    answer = ask(story.case(), "database", service="api", aspect="slow_queries")
    assert answer.outcome == "rose"
    assert answer.findings[0].service == "api"


def test_a_limit_that_is_reached_hides_how_much_each_request_asks() -> None:
    """Twice the requests meet a table that serves no more: fewer reads per request are served, not asked."""
    case = throttled_checkout(1, deploy=None, surge=4.0)
    assert ask(case, "database", service="orders", aspect="throttling").outcome == "rose"
    hidden = ask(case, "database", service="orders", aspect="work_per_request")
    assert hidden.outcome == "unknown"
    assert "A limit that is reached hides the work per request" in hidden.summary
