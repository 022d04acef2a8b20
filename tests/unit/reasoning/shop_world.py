"""A shop whose new release asks its database once per item: three explanations, of which one survives its test."""

import json
from datetime import timedelta

import numpy as np

from autopilot.case.case import Case
from tests.unit.analysis.story import MINUTES, NOW, Story, Values

DEPLOY = "github:d7"
DIFF = (
    "- items = repository.items_of(ids)\n"
    "+ items = []\n"
    "+ for order_id in ids:\n"
    '+     items += db.execute("SELECT * FROM items WHERE order_id = %s", order_id)'
)
REVIEW = "This drops the batched query: one SELECT per order now. Please bring the optimisation back."


def _deploy(story: Story, before: float) -> None:
    story.change(DEPLOY, "deploy", before, "Deploy v3.2.0 to production", version="v3.2.0", author="dana")
    story.change(
        "github:c9", "commit", before + 30, "Simplify the order history", author="dana",
        files=json.dumps(["checkout/history.py"]), diff=DIFF, review=json.dumps([REVIEW]),
    )  # fmt: skip


def _service(story: Story, name: str, requests: Values, latency: Values, cpu: Values) -> None:
    story.metric(name, "AWS/ECS", "RequestCount", "Sum", "Count", requests, ServiceName=name)
    story.metric(name, "AWS/ECS", "Latency", "Average", "Milliseconds", latency, ServiceName=name)
    story.metric(name, "AWS/ECS", "5XXError", "Sum", "Count", np.round(requests * 0.001), ServiceName=name)
    story.metric(name, "AWS/ECS", "CPUUtilization", "Average", "Percent", cpu, ServiceName=name)


def _database(story: Story, name: str, queries: Values, cpu: Values, query_ms: Values) -> None:
    story.metric(name, "AWS/RDS", "Queries", "Sum", "Count", queries, DBInstanceIdentifier=name)
    story.metric(name, "AWS/RDS", "CPUUtilization", "Average", "Percent", cpu, DBInstanceIdentifier=name)
    story.metric(name, "AWS/RDS", "SelectLatency", "Average", "Milliseconds", query_ms, DBInstanceIdentifier=name)
    story.metric(
        name, "AWS/RDS", "DatabaseConnections", "Average", "Count", story.steps(40), DBInstanceIdentifier=name
    )
    story.add("inventory", {
        "resource": f"arn:aws:rds:us-east-1:000000000000:db:{name}", "kind": "rds_instance", "name": name,
        "service": name, "source": "aws", "region": "us-east-1", "health": "available",
        "settings": json.dumps({"instance_class": "db.r6g.large", "max_connections": 1000}),
    })  # fmt: skip


def _spans(story: Story, calls: Values, latency: Values) -> None:
    """One trace a minute: the request, and both ends of each of its calls of the database, 2 ms apart."""

    def add(trace: int, span: str, parent: str, service: str, operation: str, second: float, took: float) -> None:
        start = NOW - timedelta(minutes=MINUTES - trace) + timedelta(seconds=second)
        story.add("spans", {
            "trace_id": f"t{trace}", "span_id": f"{trace}-{span}", "parent_id": parent and f"{trace}-{parent}",
            "service": service, "operation": operation, "region": "", "start": start, "duration": took,
            "status": "ok", "version": "",
        })  # fmt: skip

    for minute in range(MINUTES):
        add(minute, "0", "", "checkout", "GET /orders", 0.0, float(latency[minute]) / 1_000)
        for number in range(round(float(calls[minute]))):
            way = 0.002 * (1 + 0.1 * float(story.random.standard_normal()))
            add(minute, f"c{number}", "0", "checkout", "query items", 0.021 * number, 0.018 + way)
            add(minute, f"s{number}", f"c{number}", "orders-db", "SELECT items", 0.021 * number + way / 2, 0.018)


def missing_query_optimisation(seed: int) -> Case:
    """Since the release a request asks 20 queries instead of 2; the database has room and the way is free."""
    story = Story(seed, services=("checkout", "orders-db"))
    calls = story.steps(2, (20, 20), noise=0.02)
    requests = story.steps(600)
    latency = 120 + 19 * calls
    _service(story, "checkout", requests, latency, story.steps(20, (20, 46)))
    _service(story, "search", story.steps(300), story.steps(45), story.steps(35))
    _database(story, "orders-db", requests * calls, story.steps(22, (20, 30)), story.steps(18, noise=0.03))
    _spans(story, calls, latency)
    story.add("topology", {"caller": "checkout", "callee": "orders-db", "weight": 1.0, "source": "configuration"})
    story.logs("checkout", "INFO", "order history of customer {n} served", 180, 6)
    story.logs("orders-db", "INFO", "checkpoint complete after {n} pages", 180, 1)
    _deploy(story, 21)
    return story.case()
