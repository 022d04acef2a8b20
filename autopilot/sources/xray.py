"""X-Ray: a bounded sample of traces over baseline and incident, errors preferred, healthy ones never forgotten."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from autopilot.case.schema import frame
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import AwsSource, console, pages
from autopilot.sources.base import Budget, BudgetExceeded, Collected
from autopilot.sources.deadline import each
from autopilot.sources.xray_segments import calls, spans

if TYPE_CHECKING:
    from mypy_boto3_xray.type_defs import TraceSummaryTypeDef

SLICES = 6
"""Parts of each window; every part contributes its share, so that a sample covers the whole of it."""
SLICE_PAGES = 2
BASELINE_TRACES, INCIDENT_TRACES = 100, 200
BATCH = 5
"""Traces per BatchGetTraces call, AWS's limit."""
LONGEST = timedelta(hours=6)
"""AWS refuses longer time ranges for trace summaries."""


class XRay(AwsSource):
    """Traces: who called whom, how long it took, how it ended."""

    name = "xray"
    reads = ("xray:BatchGetTraces", "xray:GetTraceSummaries")

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Summaries of both windows, then the whole of a sample."""
        chosen: list[str] = []
        for window, most in ((scope.incident, INCIDENT_TRACES), (scope.baseline, BASELINE_TRACES)):
            chosen += self._choose(region, window, most, budget, into)
        if not chosen:
            into.miss(
                "no_data",
                f"no traces in {region}",
                "Turn on X-Ray tracing for the services, or ignore this.",
            )
            return
        self._fetch(region, list(dict.fromkeys(chosen)), budget, into)

    def _choose(self, region: str, window: TimeWindow, most: int, budget: Budget, into: Collected) -> list[str]:
        """Trace ids, evenly over the window."""
        share, chosen, seen, cut = most // SLICES, list[str](), 0, False
        parts = _slices(window)
        for _, (summaries, more) in each(lambda part: self._summaries(region, part, budget), parts):
            picked = _pick(summaries, share)
            chosen += picked
            seen += len(summaries)
            cut = cut or more or len(picked) < len(summaries)
        link = console(region, "cloudwatch/home#xray:traces/query")
        into.asked(f"xray GetTraceSummaries, {len(parts)} equal slices", window, seen, link=link)
        if cut:
            span = f"{window.start:%H:%M} to {window.end:%H:%M}"
            what = f"{len(chosen)} of {seen} or more traces in {region} from {span} were read, errors preferred"
            into.miss("truncated", what, "Take shares of errors from metrics.")
        return chosen

    def _summaries(
        self, region: str, window: TimeWindow, budget: Budget
    ) -> "tuple[list[TraceSummaryTypeDef], bool]":
        """Some summaries of a time range, and whether there are more."""
        listing = (
            self.clients.xray(region)
            .get_paginator("get_trace_summaries")
            .paginate(StartTime=window.start, EndTime=window.end, TimeRangeType="Event", Sampling=False)
        )
        found: list[TraceSummaryTypeDef] = []
        more = False
        for page in pages(budget, listing, "NextToken", SLICE_PAGES):
            found += page.get("TraceSummaries", [])
            more = bool(page.get("NextToken"))
        return found, more

    def _fetch(self, region: str, chosen: Sequence[str], budget: Budget, into: Collected) -> None:
        resources = self.account.resources(region, budget)
        client = self.clients.xray(region)
        rows: list[dict[str, Any]] = []
        edges: Counter[tuple[str, str]] = Counter()
        missing = 0
        batches = [chosen[n : n + BATCH] for n in range(0, len(chosen), BATCH)]

        def get(batch: Sequence[str]) -> tuple[list[list[str]], int]:
            listing = client.get_paginator("batch_get_traces").paginate(TraceIds=list(batch))
            answers = list(pages(budget, listing, "NextToken"))
            traces = [
                [segment.get("Document", "") for segment in trace.get("Segments", [])]
                for answer in answers
                for trace in answer.get("Traces", [])
            ]
            return traces, sum(len(answer.get("UnprocessedTraceIds", [])) for answer in answers)

        try:
            for _, (traces, unprocessed) in each(get, batches):
                missing += unprocessed
                for documents in traces:
                    found = spans(documents, region, resources)
                    rows += [span.row for span in found]
                    edges.update(calls(found))
        except BudgetExceeded:
            into.miss("budget", f"not all of {len(chosen)} traces in {region} were read")
        if missing:
            into.miss("failed", f"X-Ray did not return {missing} of {len(chosen)} traces in {region}")
        into.asked(f"xray BatchGetTraces of {len(chosen)} traces", None, len(rows))
        into.add("spans", frame("spans", rows))
        into.add(
            "topology",
            frame(
                "topology",
                [{"caller": a, "callee": b, "weight": float(n), "source": "trace"} for (a, b), n in edges.items()],
            ),
        )


def _slices(window: TimeWindow) -> list[TimeWindow]:
    count = max(SLICES, -(-int(window.seconds) // int(LONGEST.total_seconds())))
    step = (window.end - window.start) / count
    return [TimeWindow(start=window.start + step * n, end=window.start + step * (n + 1)) for n in range(count)]


def _pick(summaries: "Sequence[TraceSummaryTypeDef]", share: int) -> list[str]:
    """At most half are bad ones while there are healthy ones to compare with; each half is spread evenly."""
    bad: list[str] = []
    good: list[str] = []
    for summary in summaries:
        harmed = summary.get("HasFault") or summary.get("HasError") or summary.get("HasThrottle")
        (bad if harmed else good).append(summary.get("Id", ""))
    of_bad = min(len(bad), max(share // 2, share - len(good)))
    return _spread(bad, of_bad) + _spread(good, share - of_bad)


def _spread(items: list[str], most: int) -> list[str]:
    if len(items) <= most:
        return items
    return [items[n * len(items) // most] for n in range(most)]
