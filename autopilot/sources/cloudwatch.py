"""CloudWatch metrics: every series around the scope for a case, single series for verification."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import polars as pl

from autopilot.case.schema import UTC as UTC_TIME
from autopilot.case.schema import conform
from autopilot.clients.aws_errors import AWS_ERRORS, error_kind, to_failure
from autopilot.incident.base import Time, TimeWindow
from autopilot.incident.evidence import Scope
from autopilot.incident.metric import MetricRef
from autopilot.sources.aws import AwsSource, Resources, asking, console, pages, whole
from autopilot.sources.base import Budget, Collected
from autopilot.sources.cloudwatch_series import (
    PERCENTILE,
    Series,
    described,
    question,
    statistics,
    unit,
    wanted,
)
from autopilot.sources.deadline import each

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef, MetricDataResultTypeDef

PERIOD = 60
LOOK_BACK = timedelta(minutes=3)
"""How far back a series is seen to be published within the minute."""
MAX_SERIES = 1_000
"""Series read in one collection; those of the scope's services come first."""
MAX_LIST_PAGES = 60
BATCH = 500
"""Queries per GetMetricData call, AWS's limit."""
MAX_RECORDS = 180
"""Questions recorded one by one; beyond, they are summed up."""
RECENT = timedelta(hours=3)
"""ListMetrics can leave out what was silent this long."""

Query = tuple[Series, str]
"""A series and its statistic."""


class CloudWatchMetrics(AwsSource):
    """Metrics of the account's resources."""

    name = "cloudwatch"
    reads = ("cloudwatch:GetMetricData", "cloudwatch:ListMetrics")

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """List what exists, choose, read baseline and incident at one minute's resolution."""
        resources = self.account.resources(region, budget)
        for listing, problem in resources.problems.items():
            with asking(into, f"{listing} in {region}, needed to tell whose metric is whose"):
                raise problem
        chosen = self._choose(scope, self._list(scope, region, resources, budget, into), region, into)
        queries = [(series, statistic) for series in chosen for statistic in statistics(series.metric)]
        percentile = [query for query in queries if query[1] == PERCENTILE]
        plain = [query for query in queries if query[1] != PERCENTILE]
        rows = self._read(scope, region, plain, budget, into)
        # Percentiles apart: where an endpoint cannot compute them, the rest must not suffer.
        with asking(into, f"percentiles of {len(percentile)} series in {region}"):
            rows += self._read(scope, region, percentile, budget, into)
        if not rows:
            into.miss("no_data", f"no metric in {region} had samples in the time range")

    def _list(
        self, scope: Scope, region: str, resources: Resources, budget: Budget, into: Collected
    ) -> list[Series]:
        """Every series of the namespaces we know and of the account's own."""
        paginator = self.clients.cloudwatch(region).get_paginator("list_metrics")
        recent = datetime.now(UTC) - scope.incident.start < RECENT
        listing = paginator.paginate(RecentlyActive="PT3H") if recent else paginator.paginate()
        found: dict[Series, None] = {}
        count = 0
        for page in pages(budget, listing, "NextToken", MAX_LIST_PAGES):
            count += 1
            for metric in page.get("Metrics", []):
                namespace = metric.get("Namespace", "")
                if not wanted(namespace):
                    continue
                dimensions = {d.get("Name", ""): d.get("Value", "") for d in metric.get("Dimensions", [])}
                found[described(namespace, metric.get("MetricName", ""), dimensions, resources)] = None
        if count == MAX_LIST_PAGES:
            into.miss("truncated", f"only the first {MAX_LIST_PAGES} pages of metric names in {region} were listed")
        return list(found)

    def _choose(self, scope: Scope, found: Sequence[Series], region: str, into: Collected) -> list[Series]:
        """The scope's services first, then everything else while it is not too much."""

        def rank(series: Series) -> tuple[bool, bool, bool]:
            near = any(name in series.service or series.service in name for name in scope.services)
            return series.service not in scope.services, not near, not series.namespace.startswith("AWS/")

        if len(found) > MAX_SERIES:
            into.miss(
                "truncated",
                f"{len(found)} metrics in {region}, {MAX_SERIES} were read, those of the scope's services first",
                "Name more services in the alert, or re-analyse with a hint.",
            )
        return sorted(found, key=rank)[:MAX_SERIES]

    def _read(self, scope: Scope, region: str, queries: Sequence[Query], budget: Budget, into: Collected) -> int:
        """Read in batches and keep what has samples; returns the number of samples."""
        window, total = whole(scope), 0
        batches = [queries[n : n + BATCH] for n in range(0, len(queries), BATCH)]
        for batch, samples in each(lambda b: self._batch(region, b, window, PERIOD, budget), batches):
            into.add("metrics", _table(batch, samples, region))
            total += sum(len(values) for values in samples)
            self._record(batch, samples, window, region, into)
        return total

    def _record(
        self,
        batch: Sequence[Query],
        samples: Sequence[Sequence[tuple[datetime, float]]],
        window: TimeWindow,
        region: str,
        into: Collected,
    ) -> None:
        """Each question exactly as asked, while there is room; the rest as one line."""
        room = max(0, MAX_RECORDS - len(into.queries))
        for (series, statistic), values in list(zip(batch, samples, strict=True))[:room]:
            link = _link(region, series, statistic, window)
            into.asked(question(series, statistic, PERIOD), window, len(values), link=link)
        if len(batch) > room:
            rows = sum(len(values) for values in samples[room:])
            into.asked(f"cloudwatch GetMetricData, {len(batch) - room} more series {PERIOD}s", window, rows)

    def _batch(
        self, region: str, batch: Sequence[Query], window: TimeWindow, period: int, budget: Budget
    ) -> list[list[tuple[datetime, float]]]:
        """The samples of up to 500 queries, in the order of the queries, oldest first."""
        asked = [_query(n, series, statistic, period) for n, (series, statistic) in enumerate(batch)]
        listing = (
            self.clients.cloudwatch(region)
            .get_paginator("get_metric_data")
            .paginate(
                MetricDataQueries=asked, StartTime=window.start, EndTime=window.end, ScanBy="TimestampAscending"
            )
        )
        answers = pages(budget, listing, "NextToken")
        return _sorted(len(batch), (r for page in answers for r in page.get("MetricDataResults", [])))

    def read_metric(self, metric: MetricRef, window: TimeWindow) -> Sequence[tuple[Time, float]]:
        """See `ReadsMetrics`. Sums and sample counts are scaled to one minute, whatever the resolution.

        Raises:
            Failure: CloudWatch did not answer.
        """
        series = Series(metric.namespace, metric.name, tuple(sorted(metric.dimensions.items())), "", "")
        region = metric.region or self.clients.regions[0]
        per_minute = metric.statistic in {"Sum", "SampleCount"}
        for period in _periods(window):
            exact = TimeWindow(start=_floor(window.start, period), end=_floor(window.end, period))
            before = exact.model_copy(update={"start": exact.start - LOOK_BACK})
            lately = self._fine(region, (series, metric.statistic), before, period)
            if found := [(at, value) for at, value in lately if at >= exact.start]:
                return _per_minute(found, exact, period) if per_minute else found
            if any(at.timestamp() % PERIOD for at, _ in lately):
                return []  # published within the minute until lately: the minute's mean would be stale
        aligned = TimeWindow(start=_floor(window.start, PERIOD) - timedelta(seconds=PERIOD), end=window.end)
        found = self._fine(region, (series, metric.statistic), aligned, PERIOD)
        return _in_window(found, window, whole_minutes=per_minute)

    def _fine(self, region: str, query: Query, window: TimeWindow, period: int) -> list[tuple[datetime, float]]:
        """One series; nothing when CloudWatch refuses the resolution, as for metrics published once a minute."""
        try:
            return self._batch(region, [query], window, period, Budget(calls=20, seconds=15.0))[0]
        except AWS_ERRORS as error:
            if period < PERIOD and error_kind(error) == "invalid":
                return []
            raise to_failure(error, f"reading {question(*query, period)!r}") from error


def _periods(window: TimeWindow) -> tuple[int, ...]:
    """High resolution is worth it for short windows only: some samples, not hundreds."""
    fine = next((period for period in (1, 5, 10, 30) if window.seconds / period <= 12), PERIOD)
    return (fine,) if fine < PERIOD else ()


def _floor(at: datetime, period: int) -> datetime:
    """The start of the bucket that `at` lies in."""
    return datetime.fromtimestamp(at.timestamp() // period * period, UTC)


def _per_minute(
    found: Sequence[tuple[datetime, float]], window: TimeWindow, period: int
) -> list[tuple[Time, float]]:
    """Sums scaled to a minute. A bucket without a sample counted nothing: leaving it out would double the rate."""
    values = dict(found)
    starts = (window.start + timedelta(seconds=period * n) for n in range(int(window.seconds // period)))
    return [(at, values.get(at, 0.0) * PERIOD / period) for at in starts]


def _in_window(
    found: Sequence[tuple[datetime, float]], window: TimeWindow, *, whole_minutes: bool
) -> list[tuple[Time, float]]:
    """The minutes that overlap the window. A sum over an unfinished minute is too small to compare: left out."""
    minute = timedelta(seconds=PERIOD)
    ended = [(at, value) for at, value in found if not whole_minutes or at + minute <= window.end]
    return [(at, value) for at, value in ended if at + minute > window.start]


def _query(number: int, series: Series, statistic: str, period: int) -> "MetricDataQueryTypeDef":
    return {
        "Id": f"q{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": series.namespace,
                "MetricName": series.metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in series.dimensions],
            },
            "Period": period,
            "Stat": statistic,
        },
    }


def _sorted(count: int, results: "Iterable[MetricDataResultTypeDef]") -> list[list[tuple[datetime, float]]]:
    """Samples per query. A series may be spread over several pages, and emulators ignore the order asked for."""
    samples: list[dict[datetime, float]] = [{} for _ in range(count)]
    for result in results:
        number = int(result.get("Id", "q0")[1:])
        pairs = zip(result.get("Timestamps", []), result.get("Values", []), strict=False)
        if number < count:
            samples[number] |= {at.astimezone(UTC): value for at, value in pairs if math.isfinite(value)}
    return [sorted(found.items()) for found in samples]


def _frames(
    batch: Sequence[Query], samples: Sequence[Sequence[tuple[datetime, float]]], region: str
) -> Iterator[pl.DataFrame]:
    for (series, statistic), values in zip(batch, samples, strict=True):
        if values:
            yield pl.DataFrame(
                {"time": [at for at, _ in values], "value": [value for _, value in values]},
                schema={"time": UTC_TIME, "value": pl.Float64},
            ).with_columns(
                service=pl.lit(series.service),
                resource=pl.lit(series.resource),
                region=pl.lit(region),
                namespace=pl.lit(series.namespace),
                metric=pl.lit(series.metric),
                statistic=pl.lit(statistic),
                dimensions=pl.lit(series.dimensions_json),
                unit=pl.lit(unit(series.metric, statistic)),
                source=pl.lit(CloudWatchMetrics.name),
            )


def _table(
    batch: Sequence[Query], samples: Sequence[Sequence[tuple[datetime, float]]], region: str
) -> pl.DataFrame:
    frames = list(_frames(batch, samples, region))
    return conform("metrics", pl.concat(frames) if frames else pl.DataFrame())


def _link(region: str, series: Series, statistic: str, window: TimeWindow) -> str:
    """The graph of the series in the console, over the same time."""
    coordinates = [
        series.namespace,
        series.metric,
        *(part for dimension in series.dimensions for part in dimension),
        {"stat": statistic},
    ]
    graph = {
        "metrics": [coordinates],
        "region": region,
        "period": PERIOD,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
    }
    return console(region, f"cloudwatch/home#metricsV2?graph={quote(json.dumps(graph, separators=(',', ':')))}")
