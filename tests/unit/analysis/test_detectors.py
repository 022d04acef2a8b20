"""Single detectors: metrics, logs, traces, state, changes, versions, impact, recurrence."""

import json
from datetime import timedelta

import numpy as np
import pytest

from autopilot.analysis.dossier import analyze
from autopilot.analysis.logs.signatures import signature_of
from autopilot.analysis.metrics.kinds import kind_of
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Finding
from tests.unit.analysis.story import ALIAS_ARN, MINUTES, NOW, TABLE_ARN, Story, config_changed


def findings(story: Story, kind: str) -> list[Finding]:
    return [f for f in analyze(story.case()).findings if f.kind == kind]


@pytest.mark.parametrize(
    ("metric", "unit", "signal"),
    [
        ("SuccessfulRequestLatency", "", "latency"), ("5XXError", "Count", "errors"), ("Count", "Count", "traffic"),
        ("ReadThrottleEvents", "", "throttling"), ("CPUUtilization", "Percent", "saturation"),
        ("ProvisionedReadCapacityUnits", "", "capacity"), ("ConsumedReadCapacityUnits", "", "work"),
        ("FreeStorageSpace", "Bytes", "headroom"), ("http_requests_total", "", "traffic"), ("foo", "ms", "latency"),
        ("container_memory_usage_bytes", "", "saturation"), ("availability", "", "availability"),
        ("foo", "", "other"),
    ],
)  # fmt: skip
def test_kind_is_read_from_name_then_unit(metric: str, unit: str, signal: str) -> None:
    assert kind_of(metric, unit).signal == signal


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Task timed out after 3.00 seconds", "dependency"), ("dial tcp: lookup db: no such host", "network"),
        ("x509: certificate has expired or is not yet valid", "certificate"),
        ("ERROR: deadlock detected", "lock_contention"), ("write /data: no space left on device", "disk"),
        ("AccessDeniedException: not authorized to perform", "permission"), ("exit 137 OOMKilled", "memory"),
        ("FATAL: sorry, too many clients already", "connection_pool"), ("all is well", None),
        ("ThrottlingException: Rate exceeded", "throttled"), ("back-off restarting failed container", "crash"),
        ("Back-off pulling image: ImagePullBackOff", "image"), ("connect ECONNREFUSED", "dependency"),
    ],
)  # fmt: skip
def test_known_failures_are_recognised(text: str, cause: CauseKind | None) -> None:
    found = signature_of(text)
    assert (found.cause if found else None) == cause


def test_onset_of_a_ramp_is_near_its_beginning_and_a_single_spike_is_not_a_change() -> None:
    story = Story(2)
    ramp = story.steps(100, *[(n, 100 + 20.0 * (21 - n)) for n in range(20, 0, -1)])
    story.metric("checkout", "custom", "Latency", "Average", "ms", ramp, Service="checkout")
    spike = story.steps(50)
    spike[-30] = 5_000
    story.metric("orders", "custom", "Latency", "Average", "ms", spike, Service="orders")
    (found,) = findings(story, "metric")
    assert found.service == "checkout"
    assert found.onset is not None
    assert timedelta(minutes=14) <= NOW - found.onset <= timedelta(minutes=21)


def test_availability_that_loses_half_a_percent_and_a_counter_that_speeds_up_are_seen() -> None:
    story = Story(3)
    up = 99.99 - np.abs(story.steps(0.005)) - story.steps(0, (6, 0.5), noise=0)
    story.metric("checkout", "custom", "Availability", "Average", "%", up, Service="checkout")
    rate = story.steps(60, (6, 600))
    story.metric("checkout", "prom", "http_requests_total", "", "", np.cumsum(rate), job="checkout")
    down, faster = sorted(findings(story, "metric"), key=lambda f: f.direction)
    assert (down.direction, down.observed) == ("down", pytest.approx(99.48, abs=0.05))
    assert faster.baseline == pytest.approx(1, rel=0.1)
    assert faster.observed == pytest.approx(10, rel=0.1)


def test_sums_at_a_finer_period_do_not_look_like_less_traffic() -> None:
    story = Story(4)
    story.metric("checkout", "custom", "Count", "Sum", "Count", story.steps(600)[:-5], Service="checkout")
    coarse = story.tables.pop("metrics")
    shifted = [row | {"time": NOW - timedelta(minutes=MINUTES - i)} for i, row in enumerate(coarse)]
    fine = [
        row | {"time": NOW - timedelta(seconds=300 - 5 * i), "value": 50.0} for i, row in enumerate(coarse[:60])
    ]
    story.add("metrics", *shifted, *fine)
    assert findings(story, "metric") == []


def test_failure_counts_that_are_silent_until_the_incident_begin_at_zero() -> None:
    story = Story(5)
    story.metric(
        "orders", "AWS/DynamoDB", "ReadThrottleEvents", "Sum", "Count", np.full(6, 900.0), TableName="orders"
    )
    story.metric("orders", "AWS/DynamoDB", "Latency", "Average", "ms", story.steps(50), TableName="orders")
    (found,) = findings(story, "metric")
    assert (found.baseline, found.observed, found.cause_kind) == (0.0, 900.0, "throttled")
    assert found.onset == NOW - timedelta(minutes=6)


def test_logs_new_bursting_and_vanished_templates() -> None:
    story = Story(6)
    story.logs("checkout", "INFO", "request {n} served", 180, 6)
    story.logs("checkout", "INFO", "batch {n} written", 180, 3, until=32)
    story.logs("checkout", "WARN", "retrying call {n}", 180, 0.5)
    story.logs("checkout", "WARN", "retrying call {n}", 6, 40)
    story.logs("orders", "ERROR", '{"level": "error", "message": "deadlock detected in txn {n}"}', 5, 10)
    found = {(f.service, f.direction): f for f in findings(story, "log")}
    assert set(found) == {("checkout", "gone"), ("checkout", "up"), ("orders", "new")}
    assert found["orders", "new"].cause_kind == "lock_contention"
    assert "{" not in found["orders", "new"].summary.split('"')[1]
    late = found["checkout", "up"].onset
    assert late is not None
    assert timedelta(minutes=5) <= NOW - late <= timedelta(minutes=7)


def test_informational_lines_that_say_timeout_are_no_failure() -> None:
    story = Story(7)
    story.logs("checkout", "INFO", "client started with timeout {n}", 10, 5)
    (found,) = findings(story, "log")
    assert found.cause_kind is None
    assert analyze(story.case()).insufficient_evidence


def test_trace_blames_the_callee_that_works_longer_not_the_one_that_waits() -> None:
    story = Story(8, services=("checkout",))
    for i in range(600):
        slow = 0.9 if i >= 560 else 0.1
        own = float(story.random.normal(0.05, 0.003))
        start = NOW - timedelta(minutes=180 - 0.3 * i)
        chain = (("checkout", "", own * 2 + slow), ("pricing", "checkout", own + slow), ("rates", "pricing", slow))
        for name, parent, duration in chain:
            story.add("spans", {
                "trace_id": f"t{i}", "span_id": f"t{i}-{name}", "service": name, "operation": "GET", "start": start,
                "parent_id": f"t{i}-{parent}" if parent else "", "duration": duration,
                "status": "error" if slow > 0.5 else "ok",
            })  # fmt: skip
    dossier = analyze(story.case())
    assert {f.service for f in dossier.findings if f.kind == "trace"} == {"rates"}
    assert (dossier.suspects[0].service, dossier.suspects[0].cause_kind) == ("rates", "dependency")


def test_state_rules_concurrency_and_events() -> None:
    story = Story(9)
    settings = json.dumps({"cluster": "shop", "desired_count": 3, "running_count": 1})
    story.add("inventory", {
        "resource": "arn:inv", "kind": "ecs_service", "name": "inventory", "service": "orders",
        "settings": settings,
    }, {
        "resource": ALIAS_ARN, "kind": "lambda_alias", "name": "checkout:live", "service": "checkout",
        "settings": json.dumps({"reserved_concurrency": 50}),
    })  # fmt: skip
    busy = story.steps(20, (6, 50), noise=0.01)
    story.metric(
        "checkout", "AWS/Lambda", "ConcurrentExecutions", "Maximum", "Count", busy, FunctionName="checkout"
    )
    story.add("state", {
        "time": NOW - timedelta(minutes=4), "kind": "event", "name": "inventory", "service": "orders",
        "body": json.dumps({"message": "CannotPullContainerError: manifest unknown"}),
    })  # fmt: skip
    found = {f.cause_kind: f for f in findings(story, "state")}
    assert set(found) == {"startup", "capacity", "image"}
    assert "1 of 3" in found["startup"].summary
    assert "of 50 reserved" in found["capacity"].summary


def test_limit_is_taken_from_the_inventory_when_no_metric_tells_it() -> None:
    story = Story(10)
    used = story.steps(2_000, (6, 6_000), noise=0.01)
    story.metric("orders", "AWS/DynamoDB", "ConsumedReadCapacityUnits", "Sum", "Count", used, TableName="orders")
    story.add("inventory", {
        "resource": TABLE_ARN, "kind": "dynamodb_table", "name": "orders", "service": "orders",
        "settings": json.dumps({"read_capacity": 100}),
    })  # fmt: skip
    dossier = analyze(story.case())
    assert (dossier.suspects[0].resource, dossier.suspects[0].cause_kind) == (TABLE_ARN, "capacity")


def test_two_releases_stay_two_changes_and_undeployed_commits_are_left_out() -> None:
    story = Story(11)
    story.change("g:1", "deploy", 70, "one", version="v1")
    story.change("g:2", "deploy", 12, "two", version="v2")
    story.change("g:c", "commit", 3, "not deployed yet")
    story.change("g:o", "commit", 8, "service whose deploys nobody records", service="orders")
    changes = {f.change_id for f in findings(story, "change")}
    assert changes == {"g:1", "g:2", "g:o"}


def test_versions_are_compared_by_the_series_that_carry_them() -> None:
    story = Story(12)
    old, new = story.steps(850), story.steps(1_300)
    old[-15:], new[:-15] = np.nan, np.nan
    for number, values in (("1", old), ("2", new)):
        story.metric(
            "checkout", "AWS/Lambda", "Duration", "Average", "ms", values,
            FunctionName="checkout", Resource="checkout:live", ExecutedVersion=number,
        )  # fmt: skip
        story.metric(
            "checkout", "AWS/Lambda", "Errors", "Sum", "Count", values * 0,
            FunctionName="checkout", Resource="checkout:live", ExecutedVersion=number,
        )  # fmt: skip
    story.add("inventory", {
        "resource": ALIAS_ARN, "kind": "lambda_alias", "name": "checkout:live", "service": "checkout",
        "versions": json.dumps(
            [{"version": "2", "description": "v2.4.1"}, {"version": "1", "description": "v2.4.0"}]
        ),
    })  # fmt: skip
    story.change("github:d1", "deploy", 15, "Deploy v2.4.1", version="v2.4.1")
    dossier = analyze(story.case())
    assert [(v.version, v.healthy) for v in dossier.versions] == [("v2.4.0", True), ("v2.4.1", False)]
    assert "best version 8" in dossier.versions[1].evidence
    assert dossier.versions[1].window.start == NOW - timedelta(minutes=15)


def test_users_and_failures_are_counted_from_access_logs() -> None:
    story = Story(13)
    story.metric("checkout", "custom", "Latency", "Average", "ms", story.steps(50, (5, 400)), Service="checkout")
    story.add("logs", *(
        {
            "time": NOW - timedelta(seconds=250 - i), "service": "checkout", "kind": "access", "level": "info",
            "message": json.dumps({"status": str(503 if i % 4 == 0 else 200), "user": f"u{i % 40}"}),
        }
        for i in range(200)
    ))  # fmt: skip
    impact = analyze(story.case()).impact
    assert (impact.requests, impact.failed_requests, impact.users) == (200, 50, 10)
    assert "50 of 200 requests failed (25%)" in impact.summary


def test_records_on_the_same_day_of_the_month_are_a_habit() -> None:
    story = Story(14)
    story.logs("orders", "ERROR", "deadlock detected {n}", 5, 10)
    for month in (11, 12):
        story.add("records", {
            "time": NOW.replace(year=2025, month=month), "id": f"R{month}", "service": "orders",
            "title": "Deadlocks", "body": "deadlock detected", "resolution": "", "kind": "incident",
        })  # fmt: skip
    assert [f.cause_kind for f in findings(story, "recurrence")] == ["lock_contention"]
    story.add("records", {
        "time": NOW.replace(month=2), "id": "R2", "service": "orders", "title": "Deadlocks", "body": "deadlock",
    })  # fmt: skip
    assert {f.cause_kind for f in findings(story, "recurrence")} == {"lock_contention", "batch_job"}


def test_unrelated_deploy_nearer_to_the_onset_is_a_decoy() -> None:
    case = config_changed(3)
    assert set(case.table("changes")["id"]) == {"flags:17", "github:old"}
    assert [s.change_id for s in analyze(case).suspects] == ["flags:17"]


def test_queue_that_fills_because_a_callee_is_slow_is_a_consequence() -> None:
    story = Story(15, services=("checkout",))
    story.add("topology", {"caller": "checkout", "callee": "orders", "weight": 1.0, "source": "configuration"})
    busy = story.steps(30, (6, 90))
    story.metric(
        "checkout", "AWS/Lambda", "ConcurrentExecutions", "Maximum", "Count", busy, FunctionName="checkout"
    )
    story.metric("orders", "custom", "Latency", "Average", "ms", story.steps(50, (6, 400)), TableName="orders")
    story.logs("orders", "ERROR", "lock wait timeout exceeded in {n}", 6, 10)
    suspects = analyze(story.case()).suspects
    assert [(s.service, s.cause_kind) for s in suspects[:2]] == [
        ("orders", "lock_contention"), ("checkout", "capacity"),
    ]  # fmt: skip
    assert suspects[1].score < 0.35
