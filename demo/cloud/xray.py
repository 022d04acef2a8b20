"""A stand-in for X-Ray that speaks its REST-JSON wire format and, unlike the emulators, returns whole traces."""

import base64
import binascii
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Required, TypedDict, cast

from demo.cloud.service_map import Statistics, service_map

PAGE = 100
MAX_TRACES = 5
"""BatchGetTraces takes no more ids per call."""


class HttpPart(TypedDict, total=False):
    """`http` of a segment document."""

    request: dict[str, str]
    response: dict[str, int]


class Segment(TypedDict, total=False):
    """The fields of a segment document that we look at."""

    id: Required[str]
    trace_id: Required[str]
    parent_id: str
    name: Required[str]
    origin: str
    resource_arn: str
    start_time: Required[float]
    end_time: float
    error: bool
    fault: bool
    throttle: bool
    user: str
    http: HttpPart
    annotations: dict[str, str | float | bool]
    subsegments: list["Segment"]


class XRayError(Exception):
    """The request is refused, as X-Ray words it."""

    def __init__(self, message: str, kind: str = "InvalidRequestException") -> None:
        super().__init__(message)
        self.kind = kind


@dataclass
class Trace:
    """One trace: its documents as they came, and parsed."""

    id: str
    documents: list[str] = field(default_factory=list[str])
    segments: list[Segment] = field(default_factory=list[Segment])

    @property
    def start(self) -> float:
        """Epoch seconds of the first segment."""
        return min(segment["start_time"] for segment in self.segments)

    @property
    def duration(self) -> float:
        """Seconds from the first start to the last end."""
        return max(segment.get("end_time", segment["start_time"]) for segment in self.segments) - self.start

    @property
    def root(self) -> Segment:
        """The segment where the request came in."""
        return next((s for s in self.segments if not s.get("parent_id")), self.segments[0])

    def any(self, flag: str) -> bool:
        """Whether some segment carries `error`, `fault` or `throttle`."""
        return any(segment.get(flag, False) for segment in self.segments)


def _service_id(segment: Segment) -> dict[str, object]:
    return {"Name": segment["name"], "Names": [segment["name"]], "Type": segment.get("origin", "client")}


def _summary(trace: Trace) -> dict[str, object]:
    root = trace.root
    http = root.get("http", {})
    annotations: dict[str, list[dict[str, object]]] = defaultdict(list)
    for segment in trace.segments:
        for name, value in segment.get("annotations", {}).items():
            kind = "StringValue" if isinstance(value, str) else "NumberValue"
            annotations[name].append({"AnnotationValue": {kind: value}, "ServiceIds": [_service_id(segment)]})
    return {
        "Id": trace.id,
        "StartTime": trace.start,
        "Duration": round(trace.duration, 3),
        "ResponseTime": round(root.get("end_time", root["start_time"]) - root["start_time"], 3),
        "HasFault": trace.any("fault"),
        "HasError": trace.any("error"),
        "HasThrottle": trace.any("throttle"),
        "IsPartial": False,
        "Http": {
            "HttpURL": http.get("request", {}).get("url", ""),
            "HttpMethod": http.get("request", {}).get("method", ""),
            "HttpStatus": http.get("response", {}).get("status", 0),
        },
        "Annotations": annotations,
        "Users": [{"UserName": root["user"]}] if "user" in root else [],
        "ServiceIds": [_service_id(segment) for segment in trace.segments],
        "ResourceARNs": [{"ARN": s["resource_arn"]} for s in trace.segments if "resource_arn" in s],
        "EntryPoint": _service_id(root),
        "Revision": 1,
    }


def _condition(text: str) -> Callable[[Trace], bool]:
    """One term of a filter expression. Raises XRayError for what we do not speak."""
    term = text.strip()
    if term.startswith("!"):
        inner = _condition(term[1:])
        return lambda trace: not inner(trace)
    if term in ("fault", "error", "throttle"):
        return lambda trace: trace.any(term)
    if term == "ok":
        return lambda trace: not trace.any("fault") and not trace.any("error")
    if match := re.fullmatch(r'service\(\s*(?:id\(name:\s*)?"([^"]+)".*\)', term):
        return lambda trace: any(segment["name"] == match[1] for segment in trace.segments)
    if match := re.fullmatch(r'annotation[.\[]"?(\w+)"?\]?\s*=\s*"([^"]*)"', term):
        return lambda trace: any(s.get("annotations", {}).get(match[1]) == match[2] for s in trace.segments)
    if match := re.fullmatch(r"(?:responsetime|duration)\s*>=?\s*([\d.]+)", term):
        return lambda trace: trace.duration >= float(match[1])
    raise XRayError(f"Invalid filter expression: {term}")


def _filter(expression: str) -> Callable[[Trace], bool]:
    """AND binds terms, OR binds those."""
    groups = [
        [_condition(term) for term in re.split(r"\s+AND\s+", group, flags=re.IGNORECASE)]
        for group in re.split(r"\s+OR\s+", expression, flags=re.IGNORECASE)
    ]
    return lambda trace: any(all(holds(trace) for holds in group) for group in groups)


class XRay:
    """Traces in memory. Thread-safe for one writer: documents are appended whole."""

    def __init__(self) -> None:
        self._traces: dict[str, Trace] = {}

    def put(self, documents: Iterable[str]) -> list[dict[str, str]]:
        """Keep segment documents; returns the unprocessed ones as X-Ray would."""
        refused: list[dict[str, str]] = []
        for document in documents:
            try:
                segment = cast("Segment", json.loads(document))
                trace_id = segment["trace_id"]
                _ = segment["id"], segment["name"], float(segment["start_time"])
            except (ValueError, KeyError, TypeError) as error:
                refused.append({"ErrorCode": "InvalidSegment", "Message": str(error)})
                continue
            trace = self._traces.get(trace_id) or Trace(trace_id)
            trace.documents.append(document)
            trace.segments.append(segment)
            self._traces[trace_id] = trace
        return refused

    def between(self, start: float, end: float) -> list[Trace]:
        """Traces that began in the span, oldest first."""
        return sorted((t for t in list(self._traces.values()) if start <= t.start <= end), key=lambda t: t.start)

    def answer(self, path: str, body: bytes) -> dict[str, object]:
        """Answer one REST call. Raises XRayError."""
        try:
            request = cast("dict[str, object]", json.loads(body or b"{}"))
        except ValueError as error:
            raise XRayError("Request body is not JSON") from error
        operations: Mapping[str, Callable[[dict[str, object]], dict[str, object]]] = {
            "/TraceSummaries": self._summaries,
            "/Traces": self._batch,
            "/ServiceGraph": self._graph,
            "/TraceSegments": self._segments,
        }
        if path not in operations:
            raise XRayError(f"Unknown operation {path}", "UnknownOperationException")
        return operations[path](request)

    def _span(self, request: Mapping[str, object]) -> tuple[float, float]:
        try:
            start, end = float(str(request["StartTime"])), float(str(request["EndTime"]))
        except (KeyError, ValueError) as error:
            raise XRayError("StartTime and EndTime are required") from error
        if not 0 <= end - start <= 24 * 3600:
            raise XRayError("Time range must not be longer than 24 hours")
        return start, end

    def _summaries(self, request: dict[str, object]) -> dict[str, object]:
        start, end = self._span(request)
        expression = str(request.get("FilterExpression") or "")
        chosen = self.between(start, end)
        if expression:
            wanted = _filter(expression)
            chosen = [trace for trace in chosen if wanted(trace)]
        try:
            skip = int(base64.b64decode(str(request.get("NextToken") or "")) or 0)
        except (binascii.Error, ValueError) as error:
            raise XRayError("Invalid NextToken") from error
        answer: dict[str, object] = {
            "TraceSummaries": [_summary(trace) for trace in chosen[skip : skip + PAGE]],
            "ApproximateTime": end,
            "TracesProcessedCount": len(chosen),
        }
        if skip + PAGE < len(chosen):
            answer["NextToken"] = base64.b64encode(str(skip + PAGE).encode()).decode()
        return answer

    def _batch(self, request: dict[str, object]) -> dict[str, object]:
        ids = [str(one) for one in cast("list[object]", request.get("TraceIds") or [])]
        if not 1 <= len(ids) <= MAX_TRACES:
            raise XRayError(f"Between 1 and {MAX_TRACES} trace ids are allowed")
        known = [self._traces[one] for one in ids if one in self._traces]
        return {
            "Traces": [
                {
                    "Id": trace.id,
                    "Duration": round(trace.duration, 3),
                    "LimitExceeded": False,
                    "Segments": [
                        {"Id": segment["id"], "Document": document}
                        # Not strict: the world may be adding a segment right now.
                        for segment, document in zip(trace.segments, trace.documents, strict=False)
                    ],
                }
                for trace in known
            ],
            "UnprocessedTraceIds": [one for one in ids if one not in self._traces],
        }

    def _graph(self, request: dict[str, object]) -> dict[str, object]:
        start, end = self._span(request)
        services = service_map([self._visits(trace) for trace in self.between(start, end)])
        return {"StartTime": start, "EndTime": end, "Services": services, "ContainsOldGroupVersions": False}

    def _visits(self, trace: Trace) -> list[tuple[tuple[str, str], tuple[str, str] | None, Statistics, float]]:
        """(service, caller, what happened, when) of each segment."""
        owner: dict[str, Segment] = {}
        for segment in trace.segments:
            owner[segment["id"]] = segment
            owner.update({sub["id"]: segment for sub in segment.get("subsegments", []) if "id" in sub})
        visits: list[tuple[tuple[str, str], tuple[str, str] | None, Statistics, float]] = []
        for segment in trace.segments:
            caller = owner.get(segment.get("parent_id", ""))
            outcome = Statistics.of(
                segment.get("end_time", segment["start_time"]) - segment["start_time"],
                fault=segment.get("fault", False),
                error=segment.get("error", False),
                throttle=segment.get("throttle", False),
            )
            visits.append((_node(segment), _node(caller) if caller else None, outcome, segment["start_time"]))
        return visits

    def _segments(self, request: dict[str, object]) -> dict[str, object]:
        documents = cast("list[object]", request.get("TraceSegmentDocuments") or [])
        return {"UnprocessedTraceSegments": self.put(str(document) for document in documents)}


def _node(segment: Segment) -> tuple[str, str]:
    return segment["name"], segment.get("origin", "")
