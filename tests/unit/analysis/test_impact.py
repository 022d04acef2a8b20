"""Impact: each request counted once, people where they are named, the error budget where an objective is known."""

import json
from datetime import timedelta

import numpy as np
import pytest

from autopilot.analysis.dossier import analyze
from autopilot.incident.finding import Dossier
from tests.unit.analysis.story import NOW, Story, Values

BAD = 6
"""Minutes since the trouble began."""


def failing(story: Story, share: float = 0.2, per_minute: float = 600) -> tuple[Values, Values]:
    requests = story.steps(per_minute, noise=0.0)
    return requests, np.round(requests * share * story.steps(0, (BAD, 1), noise=0))


def gateway(story: Story, requests: Values, errors: Values, **labels: str) -> None:
    story.metric("shop", "AWS/ApiGateway", "Count", "Sum", "Count", requests, ApiName="shop", **labels)
    story.metric("shop", "AWS/ApiGateway", "5XXError", "Sum", "Count", errors, ApiName="shop", **labels)
    story.metric("shop", "AWS/ApiGateway", "4XXError", "Sum", "Count", requests * 0.5, ApiName="shop", **labels)


def test_a_request_is_counted_once_however_many_services_and_metrics_saw_it() -> None:
    story = Story(1, services=("shop",))
    requests, errors = failing(story)
    gateway(story, requests, errors)
    for service in ("shop", "basket", "stock"):
        story.metric(service, "AWS/Lambda", "Invocations", "Sum", "Count", requests, FunctionName=service)
        story.metric(service, "AWS/Lambda", "Errors", "Sum", "Count", errors, FunctionName=service)
        story.metric(service, "k8s", "network_receive_bytes", "Sum", "Bytes", requests * 9e4, pod=service)
        story.metric(service, "k8s", "container_restarts", "Sum", "Count", requests, pod=service)
    story.add(
        "topology", {"caller": "shop", "callee": "basket", "weight": 1.0, "source": "trace"},
        {"caller": "basket", "callee": "stock", "weight": 1.0, "source": "trace"},
    )  # fmt: skip
    impact = analyze(story.case()).impact
    assert impact.requests == pytest.approx(600 * BAD, abs=600)
    assert impact.error_share == pytest.approx(0.2, abs=0.01)
    assert impact.services == ("basket", "shop", "stock")


def test_regions_and_routes_of_one_metric_add_up_and_its_other_cuts_do_not() -> None:
    story = Story(2, services=("shop",))
    requests, errors = failing(story)
    gateway(story, requests, errors)
    for route, part in (("/a", 0.25), ("/b", 0.75)):
        gateway(story, requests * part, errors * part, route=route)
    assert analyze(story.case()).impact.requests == pytest.approx(600 * BAD, abs=600)
    cut = Story(2, services=("shop",))
    for region, part in (("eu", 0.25), ("us", 0.75)):
        gateway(cut, requests * part, errors * part, region=region)
    assert analyze(cut.case()).impact.requests == pytest.approx(600 * BAD, abs=600)


def test_two_entries_add_up_and_one_that_leads_nowhere_near_is_left_out() -> None:
    story = Story(3, services=("orders",))
    requests, errors = failing(story)
    for entry in ("web", "mobile", "admin"):
        story.metric(entry, "custom", "Requests", "Sum", "Count", requests, Service=entry)
    for entry in ("web", "mobile"):
        story.metric(entry, "custom", "Failures", "Sum", "Count", errors, Service=entry)
        story.add("topology", {"caller": entry, "callee": "orders", "weight": 1.0, "source": "trace"})
    story.add("topology", {"caller": "admin", "callee": "reports", "weight": 1.0, "source": "trace"})
    story.metric("orders", "custom", "Latency", "Average", "ms", story.steps(50, (BAD, 900)), Service="orders")
    impact = analyze(story.case()).impact
    assert impact.requests == pytest.approx(2 * 600 * BAD, abs=1200)
    assert impact.error_share == pytest.approx(0.2, abs=0.01)


def test_failures_come_from_the_status_label_or_from_a_share() -> None:
    story = Story(4, services=("shop",))
    requests, errors = failing(story)
    for code, values in (("200", requests - errors), ("503", errors)):
        story.metric("shop", "prom", "http_requests_total", "", "", np.cumsum(values), job="shop", code=code)
    story.metric("shop", "custom", "Latency", "Average", "ms", story.steps(50, (BAD, 900)), Service="shop")
    assert analyze(story.case()).impact.error_share == pytest.approx(0.2, abs=0.02)
    rated = Story(4, services=("shop",))
    rated.metric("shop", "custom", "requests_per_second", "Average", "", requests / 60, Service="shop")
    rated.metric(
        "shop", "custom", "availability", "Average", "Percent", 100 - 100 * errors / requests, Service="shop"
    )
    impact = analyze(rated.case()).impact
    assert impact.requests == pytest.approx(600 * BAD, abs=600)
    assert impact.error_share == pytest.approx(0.2, abs=0.02)


def test_traces_stand_in_for_metrics_and_say_so() -> None:
    story = Story(5, services=("shop",))
    for i in range(900):
        before = 180 - 0.2 * i
        for service, parent in (("shop", ""), ("stock", "shop")):
            story.add("spans", {
                "trace_id": f"t{i}", "span_id": f"{i}-{service}", "parent_id": f"{i}-{parent}" if parent else "",
                "service": service, "operation": "GET", "start": NOW - timedelta(minutes=before), "duration": 0.1,
                "status": "error" if before < BAD and i % 2 else "ok",
            })  # fmt: skip
    impact = analyze(story.case()).impact
    assert impact.requests == pytest.approx(5 * BAD, abs=5)
    assert impact.error_share == pytest.approx(0.5, abs=0.06)
    assert "traced requests failed" in impact.summary


@pytest.mark.parametrize(
    ("line", "word", "count"),
    [
        ('{{"level": "error", "user_id": "u{n}", "session": "s{m}"}}', "users", 7),
        ("order refused user={n} session={m}", "users", 7),
        ('refused; customerId="c{n}", account=a{m}', "customers", 7),
        ("lost session=s{m} after retry", "sessions", 21),
        ("refused user=anonymous account={n}", "accounts", 7),
    ],
)
def test_people_are_counted_by_the_best_name_they_have(line: str, word: str, count: int) -> None:
    story = Story(6, services=("shop",))
    story.metric("shop", "custom", "Latency", "Average", "ms", story.steps(50, (BAD, 900)), Service="shop")
    for i in range(84):
        story.add("logs", {
            "time": NOW - timedelta(seconds=200 - i), "service": "shop", "kind": "application", "level": "ERROR",
            "message": line.format(n=i % 7, m=i % 21),
        }, {
            "time": NOW - timedelta(seconds=200 - i), "service": "shop", "kind": "application", "level": "INFO",
            "message": line.format(n=f"x{i}", m=f"y{i}"),
        })  # fmt: skip
    impact = analyze(story.case()).impact
    assert impact.users == count
    assert f"{count} {word} saw errors" in impact.summary


def with_budget(story: Story, where: str) -> Dossier:
    requests, errors = failing(story)
    gateway(story, requests, errors)
    settings = {"slo_target": "99.9%", "slo_days": 28} if where == "inventory" else {}
    story.add("inventory", {
        "resource": "arn:shop", "kind": "api_gateway_stage", "name": "shop", "service": "shop",
        "settings": json.dumps(settings),
    })  # fmt: skip
    if where == "records":
        story.add("records", {
            "time": NOW - timedelta(days=90), "id": "doc-1", "kind": "service", "service": "shop",
            "title": "Shop", "body": "Our SLO is 99.9 % of requests without a server error over 28 days.",
        })  # fmt: skip
    if where == "alarms":
        story.add("alarms", {
            "time": NOW - timedelta(minutes=2), "name": "burn rate", "service": "shop", "state": "firing",
            "reason": "objective 99.9% of 28 days is at risk",
        })  # fmt: skip
    return analyze(story.case())


@pytest.mark.parametrize("where", ["inventory", "records", "alarms"])
def test_error_budget_used_and_its_end_follow_from_an_objective(where: str) -> None:
    dossier = with_budget(Story(7, services=("shop",)), where)
    budget = 600 * 60 * 24 * 28 * 0.001
    assert dossier.impact.slo_budget_used == pytest.approx(0.2 * 600 * BAD / budget, rel=0.2)
    assert "error budget (99.9% over 28 days) used" in dossier.impact.summary
    (burn,) = [f for f in dossier.findings if f.kind == "trend"]
    assert burn.size == pytest.approx(200, rel=0.1)
    assert "times too fast" in burn.summary
    # 28 days at 200 times the pace: three hours and twenty minutes after the onset.
    assert "spent at 2026-03-09 13:1" in burn.summary
    assert not any(s.cause_kind == "unknown" and burn.id in s.finding_ids for s in dossier.suspects)


def test_without_an_objective_no_budget_is_claimed() -> None:
    dossier = with_budget(Story(8, services=("shop",)), "nowhere")
    assert dossier.impact.slo_budget_used is None
    assert "budget" not in dossier.impact.summary


def test_quiet_services_have_no_impact() -> None:
    story = Story(9, services=("shop",))
    gateway(story, story.steps(600), story.steps(1))
    impact = analyze(story.case()).impact
    assert (impact.requests, impact.users, impact.services) == (None, None, ())
    assert impact.summary == "No service in scope shows a clear symptom."


def test_counts_that_nobody_can_have_counted_are_not_told() -> None:
    story = Story(10, services=("shop",))
    requests, errors = failing(story)
    gateway(story, requests * 1e300, errors * 1e300)
    impact = analyze(story.case()).impact
    assert (impact.requests, impact.failed_requests) == (None, None)
    assert impact.services == ("shop",)
