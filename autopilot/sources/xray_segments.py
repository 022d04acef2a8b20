"""X-Ray segment documents as spans and calls."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from autopilot.sources.aws import Resources
from autopilot.sources.json_shape import document, items, mapping

MAX_DEPTH = 20
MAX_SPANS_PER_SEGMENT = 200
_AWS_TARGETS = (
    ("table_name", "table"),
    ("function_name", "function"),
    ("queue_url", "queue"),
    ("topic_arn", "topic"),
)


@dataclass(frozen=True)
class Span:
    """One (sub)segment. `remote`: it is the caller's side of a call to `callee`."""

    row: dict[str, Any]
    callee: str


def _status(segment: dict[str, Any]) -> str:
    if segment.get("throttle"):
        return "throttled"
    return "error" if segment.get("fault") or segment.get("error") else "ok"


def _operation(segment: dict[str, Any]) -> str:
    """The AWS operation, else the HTTP method and path, else the (sub)segment's name."""
    if operation := mapping(segment.get("aws")).get("operation"):
        return str(operation)
    request = mapping(mapping(segment.get("http")).get("request"))
    path = re.sub(r"^https?://[^/]+", "", str(request.get("url", ""))).split("?")[0]
    return f"{request.get('method', '')} {path}".strip() or str(segment.get("name", ""))


def _service(segment: dict[str, Any], resources: Resources) -> str:
    """The service that a segment is: API Gateway names its segments `<api>/<stage>`."""
    name, origin = str(segment.get("name", "")), str(segment.get("origin", ""))
    api = name.partition("/")[0]
    if origin.startswith("AWS::Lambda"):
        return resources.service("function", name)
    if origin == "AWS::ApiGateway::Stage" or ("api", api) in resources.services:
        return resources.service("api", api)
    if origin.startswith("AWS::ECS"):
        return resources.service("container", name)
    return name


def _callee(segment: dict[str, Any], resources: Resources) -> str:
    """Whom an aws or remote subsegment calls; empty for local work."""
    if segment.get("namespace") not in {"aws", "remote"}:
        return ""
    call = mapping(segment.get("aws"))
    for field, kind in _AWS_TARGETS:
        if value := str(call.get(field) or ""):
            return resources.service(kind, re.split(r"[/:]", value)[-1])
    return str(segment.get("name", ""))


def _version(segment: dict[str, Any]) -> str:
    annotated = mapping(segment.get("annotations")).get("version")
    return str(annotated or mapping(segment.get("service")).get("version") or "")


def _walk(segment: dict[str, Any], parent: str, depth: int = 0) -> Iterator[tuple[dict[str, Any], str]]:
    """The segment and everything below it, each with its parent's id."""
    yield segment, str(segment.get("parent_id") or parent)
    if depth < MAX_DEPTH:
        for child in items(segment.get("subsegments")):
            yield from _walk(mapping(child), str(segment.get("id", "")), depth + 1)


def spans(documents: Iterable[str], region: str, resources: Resources) -> list[Span]:
    """The spans of one trace. Segments that X-Ray inferred from a caller's subsegment would count it twice."""
    segments = [document(text) for text in documents]
    own = [segment for segment in segments if not segment.get("inferred")]
    answered = {str(segment.get("parent_id", "")) for segment in own}
    found: list[Span] = []
    for segment in own:
        service, version = _service(segment, resources), _version(segment)
        trace = str(segment.get("trace_id", ""))
        for number, (part, parent) in enumerate(_walk(segment, "")):
            start, end = part.get("start_time"), part.get("end_time")
            if number == MAX_SPANS_PER_SEGMENT or not isinstance(start, (int, float)):
                break
            callee = _callee(part, resources)
            # Without a segment of its own the callee is seen through its caller's eyes only.
            silent = bool(callee) and str(part.get("id", "")) not in answered
            row = {
                "trace_id": trace,
                "span_id": str(part.get("id", "")),
                "parent_id": parent,
                "service": callee if silent else service,
                "operation": _operation(part)[:200],
                "region": region,
                "start": datetime.fromtimestamp(start, UTC),
                "duration": max(0.0, end - start) if isinstance(end, (int, float)) else None,
                "status": _status(part),
                "version": "" if silent else _version(part) or version,
            }
            found.append(Span(row, callee))
    return found


def calls(found: Iterable[Span]) -> Counter[tuple[str, str]]:
    """How often which service called which: by parent and child, whatever segment they are in."""
    rows = [span.row for span in found]
    owners = {row["span_id"]: row["service"] for row in rows}
    pairs = ((owners.get(row["parent_id"], ""), str(row["service"])) for row in rows)
    return Counter((caller, callee) for caller, callee in pairs if caller and callee and caller != callee)
