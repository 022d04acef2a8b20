"""What the company's agents record about the world: metrics, logs and traces from one and the same health."""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from demo.cloud import Cloud
from demo.scenarios import Conditions, Scenario
from demo.world.journal import Line, lines
from demo.world.metrics import Gauge, data_points
from demo.world.model import CloudState, Health
from demo.world.publisher import Publisher
from demo.world.requests import draw_visit
from demo.world.tracing import Tracer

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef

LOGGED_PER_MINUTE = 9.0
"""Requests that are logged at the traffic before the rise; the rest is sampled away."""
TRACED = 0.33
"""Of the logged ones."""


class Telemetry:
    """Turns health into records and publishes them. `silent` stops all of it."""

    def __init__(self, cloud: Cloud, scenario: Scenario, conditions: Conditions, seeded: random.Random) -> None:
        self.silent = False
        self.rest_api = ""
        self._publisher = Publisher(cloud)
        self._scenario, self._conditions, self._seeded = scenario, conditions, seeded
        self._sampling = LOGGED_PER_MINUTE / 60 / conditions.base_rate

    def history(self, intervals: Iterable[tuple[datetime, CloudState, Health]], seconds: float) -> None:
        """Publish many intervals of equal length, given as (start, state, health)."""
        points: list[tuple[str, MetricDatumTypeDef]] = []
        written: list[Line] = []
        documents: list[str] = []
        for start, state, health in intervals:
            self._record(start, seconds, state, health, points, written, documents)
        self._publish(points, written, documents)

    def interval(self, start: datetime, seconds: float, state: CloudState, health: Health) -> None:
        """Publish one interval."""
        self.history([(start, state, health)], seconds)

    def _record(
        self,
        start: datetime,
        seconds: float,
        state: CloudState,
        health: Health,
        points: "list[tuple[str, MetricDatumTypeDef]]",
        written: list[Line],
        documents: list[str],
    ) -> None:
        gauge = Gauge(self._seeded, self._conditions.noise, start, seconds)
        points += data_points(self._scenario, state, health, gauge)
        tracer = Tracer(self._scenario, self.rest_api, self._seeded)
        for _ in range(gauge.events(health.rate * self._sampling)):
            at = start + timedelta(seconds=self._seeded.uniform(0, seconds))
            visit = draw_visit(self._scenario, state, health, at, self._seeded)
            written += lines(self._scenario, visit, self._seeded)
            if self._seeded.random() < TRACED:
                documents += tracer.documents(visit)

    def _publish(
        self, points: "list[tuple[str, MetricDatumTypeDef]]", written: list[Line], documents: list[str]
    ) -> None:
        if self.silent:
            return
        self._publisher.metrics(points)
        self._publisher.lines(written)
        self._publisher.traces(documents)
