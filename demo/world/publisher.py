"""Sends telemetry to the cloud in large batches."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from demo.cloud import Cloud
from demo.world.journal import Line

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

METRICS_PER_CALL = 1000
LINES_PER_CALL = 2500
"""Below AWS's limit of one megabyte per call with our line lengths."""


class Publisher:
    """The telemetry agents of the company. Synchronous."""

    def __init__(self, cloud: Cloud) -> None:
        self._clients, self._xray = cloud.clients(), cloud.xray

    def metrics(self, points: "Iterable[tuple[str, MetricDatumTypeDef]]") -> None:
        """Put data points, given as (namespace, point)."""
        by_namespace: dict[str, list[MetricDatumTypeDef]] = defaultdict(list)
        for namespace, point in points:
            by_namespace[namespace].append(point)
        for namespace, data in by_namespace.items():
            for first in range(0, len(data), METRICS_PER_CALL):
                self._clients.cloudwatch.put_metric_data(
                    Namespace=namespace, MetricData=data[first : first + METRICS_PER_CALL]
                )

    def lines(self, lines: Iterable[Line]) -> None:
        """Put log lines in the order of their times."""
        by_group: dict[str, list[InputLogEventTypeDef]] = defaultdict(list)
        for group, at, text in sorted(lines, key=lambda line: line[1]):
            by_group[group].append({"timestamp": int(at.timestamp() * 1000), "message": text})
        for group, events in by_group.items():
            for first in range(0, len(events), LINES_PER_CALL):
                self._clients.logs.put_log_events(
                    logGroupName=group, logStreamName="all", logEvents=events[first : first + LINES_PER_CALL]
                )

    def traces(self, documents: Iterable[str]) -> None:
        """Put segment documents."""
        self._xray.put(documents)
