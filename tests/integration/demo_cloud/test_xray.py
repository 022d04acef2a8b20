"""The X-Ray stand-in over the wire, read by boto3."""

import asyncio
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from demo.cloud import Cloud
from tests.integration.demo_cloud.account import product

LONG_AGO = time.time() - 40 * 86_400
"""Far from the requests of any world in the same account."""


def _documents(number: int, *, fault: bool = False) -> list[str]:
    trace = f"1-{int(LONG_AGO):08x}-{number:024x}"
    start = LONG_AGO - 5
    front = {
        "trace_id": trace, "id": f"{number:08x}aaaaaaaa", "name": "shop-api/prod",
        "origin": "AWS::ApiGateway::Stage",
        "start_time": start, "end_time": start + 0.5, "fault": fault,
        "http": {"request": {"method": "GET", "url": "https://shop.example/x"}, "response": {"status": 200}},
        "subsegments": [{"id": f"{number:08x}bbbbbbbb", "name": "Lambda", "start_time": start, "end_time": start}],
    }  # fmt: skip
    back = {
        "trace_id": trace, "id": f"{number:08x}cccccccc", "parent_id": f"{number:08x}bbbbbbbb", "name": "shop",
        "origin": "AWS::Lambda::Function", "start_time": start + 0.1, "end_time": start + 0.4,
        "annotations": {"version": "v1"},
    }  # fmt: skip
    return [json.dumps(front), json.dumps(back)]


async def test_traces_put_are_summarised_paged_filtered_fetched_and_mapped(cloud: Cloud) -> None:
    def act() -> dict[str, Any]:
        xray = product(cloud, "xray", "")
        documents = [text for number in range(120) for text in _documents(number, fault=number % 10 == 0)]
        answer = xray.put_trace_segments(TraceSegmentDocuments=documents)
        assert answer["UnprocessedTraceSegments"] == []
        span = {"StartTime": LONG_AGO - 60, "EndTime": LONG_AGO}
        pages = list(xray.get_paginator("get_trace_summaries").paginate(**span))
        ids = [summary["Id"] for page in pages for summary in page["TraceSummaries"]]
        return {
            "pages": pages,
            "ids": ids,
            "faults": xray.get_trace_summaries(**span, FilterExpression='service("shop") AND fault'),
            "version": xray.get_trace_summaries(**span, FilterExpression='annotation.version = "v2"'),
            "traces": xray.batch_get_traces(TraceIds=[*ids[:2], "1-00000000-000000000000000000000000"]),
            "graph": xray.get_service_graph(**span)["Services"],
        }

    found = await asyncio.to_thread(act)
    assert len(found["pages"]) == 2
    assert len(set(found["ids"])) == 120
    assert len(found["faults"]["TraceSummaries"]) == 12
    assert found["version"]["TraceSummaries"] == []
    first = found["pages"][0]["TraceSummaries"][0]
    assert first["Http"]["HttpStatus"] == 200
    assert first["ResponseTime"] == pytest.approx(0.5, abs=0.01)
    assert first["Annotations"]["version"][0]["AnnotationValue"] == {"StringValue": "v1"}
    assert [len(trace["Segments"]) for trace in found["traces"]["Traces"]] == [2, 2]
    assert json.loads(found["traces"]["Traces"][0]["Segments"][1]["Document"])["name"] == "shop"
    assert len(found["traces"]["UnprocessedTraceIds"]) == 1
    front, back = found["graph"]
    assert (front["Name"], front["Root"], back["Name"], back["Root"]) == ("shop-api/prod", True, "shop", False)
    assert front["Edges"][0]["ReferenceId"] == back["ReferenceId"]
    assert front["SummaryStatistics"]["FaultStatistics"]["TotalCount"] == 12
    assert front["Edges"][0]["SummaryStatistics"]["TotalCount"] == 120


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("batch_get_traces", {"TraceIds": [f"1-00000000-{number:024x}" for number in range(6)]}),
        ("get_trace_summaries", {"StartTime": 0, "EndTime": 100, "FilterExpression": "nonsense ="}),
        ("get_trace_summaries", {"StartTime": 0, "EndTime": 200_000}),
        ("get_groups", {}),
    ],
)
async def test_what_x_ray_would_refuse_is_refused(cloud: Cloud, operation: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="Exception"):
        await asyncio.to_thread(lambda: getattr(product(cloud, "xray", ""), operation)(**arguments))


async def test_broken_documents_are_returned_unprocessed(cloud: Cloud) -> None:
    def put() -> Any:
        return product(cloud, "xray", "").put_trace_segments(TraceSegmentDocuments=["{", '{"id": "1"}'])

    assert len((await asyncio.to_thread(put))["UnprocessedTraceSegments"]) == 2
