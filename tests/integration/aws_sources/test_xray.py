"""X-Ray against a small server that speaks its wire format: segments become spans and calls."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import polars as pl
import pytest

from autopilot.clients.aws import AwsClients
from autopilot.settings import Aws
from autopilot.sources.aws import Account
from autopilot.sources.base import Budget, Collected
from autopilot.sources.xray import BASELINE_TRACES, INCIDENT_TRACES, XRay
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.aws_sources.shop import Cloud


def segments(number: int, at: datetime, bad: bool) -> list[dict[str, Any]]:
    """API stage → function → table, as X-Ray returns it, with the segment it infers for the table."""
    start, took = at.timestamp(), 1.2 if bad else 0.2
    trace = f"1-65a1b2c3-{number:024x}"

    def part(n: int, **more: Any) -> dict[str, Any]:
        return {"id": f"{number:012x}{n:04x}", "start_time": start, "end_time": start + took, **more}

    query = part(
        3,
        name="DynamoDB",
        namespace="aws",
        aws={"operation": "Query", "table_name": "orders"},
        throttle=bad,
        error=bad,
    )
    return [
        part(1, trace_id=trace, name="checkout-api/prod", origin="AWS::ApiGateway::Stage", fault=bad,
             http={"request": {"method": "POST", "url": "https://shop.example/checkout?token=secret"}}),
        part(2, trace_id=trace, parent_id=f"{number:012x}0001", name="checkout", origin="AWS::Lambda::Function",
             fault=bad, annotations={"version": "2"}, subsegments=[part(4, name="work", subsegments=[query])]),
        part(5, trace_id=trace, parent_id=query["id"], name="DynamoDB", inferred=True),
    ]  # fmt: skip


class Wire(ThreadingHTTPServer):
    """Remembers traces and what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.traces: dict[str, tuple[datetime, bool, list[dict[str, Any]]]] = {}
        self.batches: list[int] = []

    def fill(self, count: int, start: datetime, step: timedelta, bad_each: int) -> None:
        for _ in range(count):
            number = len(self.traces)
            at, bad = start + step * (number % count), bad_each > 0 and number % bad_each == 0
            documents = segments(number, at, bad)
            self.traces[str(documents[0]["trace_id"])] = (at, bad, documents)


class Handler(BaseHTTPRequestHandler):
    @property
    def wire(self) -> Wire:
        assert isinstance(self.server, Wire)
        return self.server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.summaries(body) if self.path == "/TraceSummaries" else self.whole(body)
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def summaries(self, body: dict[str, Any]) -> dict[str, Any]:
        inside = [
            {"Id": trace, "HasFault": bad, "HasError": False, "HasThrottle": bad}
            for trace, (at, bad, _) in self.wire.traces.items()
            if float(body["StartTime"]) <= at.timestamp() < float(body["EndTime"])
        ]
        start = int(body.get("NextToken") or 0)
        more = {"NextToken": str(start + 10)} if start + 10 < len(inside) else {}
        return {"TraceSummaries": inside[start : start + 10], **more}

    def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        self.wire.batches.append(len(body["TraceIds"]))
        known = [trace for trace in body["TraceIds"] if not trace.endswith("7")]
        traces = [
            {"Id": t, "Segments": [{"Id": d["id"], "Document": json.dumps(d)} for d in self.wire.traces[t][2]]}
            for t in known
        ]
        return {"Traces": traces, "UnprocessedTraceIds": [t for t in body["TraceIds"] if t not in known]}

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Quiet."""


@pytest.fixture
def wire() -> Iterator[Wire]:
    server = Wire()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def xray(credentials: pytest.MonkeyPatch, shop: Cloud, wire: Wire) -> XRay:
    credentials.setenv("AWS_ENDPOINT_URL", shop.url)
    credentials.setenv("AWS_ENDPOINT_URL_XRAY", f"http://127.0.0.1:{wire.server_port}")
    settings = Aws(retries=1)
    return XRay(Account(settings, AwsClients(settings)))


def gathered(xray: XRay, calls: int = 300) -> Collected:
    into = Collected("xray")
    xray.collect(scope_now(), Budget(calls=calls, seconds=30), into)
    return into


def test_segments_become_spans_of_the_right_services(xray: XRay, wire: Wire) -> None:
    wire.fill(2, datetime.now(UTC) - timedelta(minutes=5), timedelta(seconds=1), bad_each=2)
    into = gathered(xray)
    spans = pl.concat([data for table, data in into.frames if table == "spans"])
    bad = spans.filter(pl.col("trace_id") == "1-65a1b2c3-" + "0" * 24)
    by_service = {row["service"]: row for row in bad.iter_rows(named=True) if row["operation"] != "work"}
    assert bad.height == 4, "the inferred segment is not counted again"
    assert by_service["checkout-api"]["operation"] == "POST /checkout"
    assert by_service["checkout"]["version"] == "2"
    assert (by_service["orders"]["operation"], by_service["orders"]["status"]) == ("Query", "throttled")
    assert by_service["checkout"]["status"] == "error"
    assert by_service["checkout"]["parent_id"] == by_service["checkout-api"]["span_id"]
    assert by_service["orders"]["duration"] == pytest.approx(1.2, abs=1e-3)
    edges = next(data for table, data in into.frames if table == "topology").sort("caller")
    assert edges.select("caller", "callee", "weight").rows() == [
        ("checkout", "orders", 2.0),
        ("checkout-api", "checkout", 2.0),
    ]
    assert not into.gaps


def test_a_large_window_is_a_bounded_sample_that_covers_all_of_it(xray: XRay, wire: Wire) -> None:
    scope = scope_now()
    wire.fill(300, scope.baseline.start + timedelta(minutes=1), timedelta(seconds=19), bad_each=0)
    wire.fill(300, scope.incident.start + timedelta(seconds=30), timedelta(seconds=3.8), bad_each=2)
    into = gathered(xray)
    spans = pl.concat([data for table, data in into.frames if table == "spans"])
    baseline = spans.filter(pl.col("start") < scope.incident.start)
    incident = spans.filter(pl.col("start") >= scope.incident.start)
    assert 50 < baseline["trace_id"].n_unique() <= BASELINE_TRACES
    assert 80 < incident["trace_id"].n_unique() <= INCIDENT_TRACES
    assert (baseline["start"].max() - baseline["start"].min()) > timedelta(minutes=80)  # type: ignore[operator] - datetimes
    healthy = incident.filter(pl.col("service") == "checkout-api")["status"].value_counts()
    assert healthy.height == 2, "healthy and bad traces are both there"
    assert max(wire.batches) == 5
    kinds = {gap.kind for gap in into.gaps}
    assert kinds == {"truncated", "failed"}, "a sample and traces that did not come are both said"


def test_no_traces_is_no_data(xray: XRay) -> None:
    into = gathered(xray)
    assert [gap.kind for gap in into.gaps] == ["no_data"]
    assert not into.frames


def test_an_interrupted_fetch_keeps_the_traces_it_has(xray: XRay, wire: Wire) -> None:
    wire.fill(60, datetime.now(UTC) - timedelta(minutes=5), timedelta(seconds=1), bad_each=3)
    into = gathered(xray, calls=20)
    assert any(gap.kind == "budget" for gap in into.gaps)
    assert any(table == "spans" for table, _ in into.frames)
