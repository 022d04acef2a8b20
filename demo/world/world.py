"""The simulated world: traffic meets the cloud as it really is, and telemetry tells of it."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypedDict

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from demo.cloud import Cloud
from demo.scenarios import Scenario
from demo.world.model import CloudState, Health, equilibrium, traffic
from demo.world.observation import Observer
from demo.world.provision import Provisioner
from demo.world.scaling import Scaler
from demo.world.telemetry import Telemetry

log = structlog.get_logger()

LEAD = timedelta(seconds=8)
"""T lies this far after the world's creation: time to build and seed."""
HISTORY = timedelta(hours=3, minutes=15)
QUIET = timedelta(minutes=6)
"""What lies further back than this from T is seeded as history; the rest is what sets off the alarms."""
TICK = 1.0
INERTIA = 1.2
"""Seconds in which the world covers two thirds of the way to its new equilibrium."""
SUBSIDES_WITHIN = 3.0
REPAIR_FACTOR = 2.2
SCALER = "application-autoscaling"


class Truth(TypedDict):
    """How the world really is."""

    latency_ms: float
    error_share: float
    throttle_share: float


class World:
    """One story in one cloud. All times hang on `zero`, the moment T at which the alarms are due.

    `fault`: `wrong-fix` makes the deploy a data migration, so that older releases scan. The other disturbances are
    methods, because somebody outside knows when they are due.
    """

    def __init__(self, cloud: Cloud, scenario: Scenario, seed: int, fault: str | None = None) -> None:
        self.zero = datetime.now(UTC) + LEAD
        self.scenario, self.conditions = scenario, scenario.conditions(seed, fault)
        self.deployed_at = self.zero - timedelta(seconds=self.conditions.deploy_before)
        self._cloud = cloud
        self._provisioner = Provisioner(cloud, scenario, self.zero, self.deployed_at)
        self._telemetry = Telemetry(cloud, scenario, self.conditions, random.Random(f"telemetry/{seed}"))
        self._observer = Observer(cloud, scenario)
        self._scaler = Scaler()
        self._seeded_until = self.zero - HISTORY
        self._now: Health | None = None
        self._subsiding_since: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def seed_history(self, alert_endpoint: str) -> None:
        """Build the account and its past; leaves the cloud in the present with the alarm topic subscribed."""
        await asyncio.to_thread(self._seed)
        self._cloud.present()
        await asyncio.to_thread(self._provisioner.subscribe, alert_endpoint)

    async def start(self) -> None:
        """Publish the last minutes, which sets off the alarms, and keep the world going until stopped."""
        await asyncio.to_thread(self._catch_up)
        self._task = asyncio.create_task(self._live())

    async def stop(self) -> None:
        """Freeze the world."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def health(self) -> Truth:
        """The model's truth at this moment, whatever telemetry says. Raises RuntimeError before `start`."""
        if self._now is None:
            raise RuntimeError("The world has not been started.")
        return Truth(
            latency_ms=self._now.api_ms,
            error_share=self._now.error_share,
            throttle_share=self._now.throttle_share,
        )

    def let_subside(self) -> None:
        """From now on the rise in traffic goes away by itself, within seconds."""
        self._subsiding_since = self._subsiding_since or time.monotonic()

    def stop_telemetry(self) -> None:
        """The telemetry agents stop publishing; the world goes on."""
        self._telemetry.silent = True

    def engineer_repairs(self) -> None:
        """An engineer makes sure by hand that the table has ample capacity. Blocks for two API calls."""
        ample = round(self.conditions.read_capacity * REPAIR_FACTOR)
        if self._observer.look().state.read_capacity < ample:
            self._provisioner.resize(ample)

    def _past_state(self, at: datetime) -> CloudState:
        release = self.scenario.suspect if at >= self.deployed_at else self.scenario.previous
        number = self.scenario.releases.index(release) + 1
        return CloudState(
            shares={release.name: 1.0},
            versions={release.name: str(number)},
            read_capacity=self.conditions.read_capacity,
            write_capacity=self.conditions.write_capacity,
            layout=self._layout(at),
        )

    def _layout(self, at: datetime) -> int:
        return self.conditions.layout if at >= self.deployed_at else 1

    def _settled(self, state: CloudState, at: datetime) -> Health:
        gone = 0.0
        if self._subsiding_since is not None:
            gone = min((time.monotonic() - self._subsiding_since) / SUBSIDES_WITHIN, 1.0)
        rate = traffic(self.conditions, (at - self.zero).total_seconds(), gone)
        return equilibrium(self.scenario, state, rate)

    def _intervals(self, until: datetime, seconds: float) -> Iterator[tuple[datetime, CloudState, Health]]:
        """(start, state, health) of each full interval that was not seeded yet."""
        step = timedelta(seconds=seconds)
        while self._seeded_until + step <= until:
            at = self._seeded_until
            state = self._past_state(at + step / 2)
            yield at, state, self._settled(state, at + step / 2)
            self._seeded_until = at + step

    def _seed(self) -> None:
        self._provisioner.build()
        self._telemetry.rest_api = self._provisioner.rest_api
        self._seeded_until = self._seeded_until.replace(second=0, microsecond=0)
        # The first minutes bring the alarms from "insufficient data" to OK, hours before the story.
        opening = self._seeded_until + timedelta(minutes=5)
        self._cloud.set_clock(opening)
        self._telemetry.history(self._intervals(opening, 60.0), 60.0)
        self._provisioner.deploy_suspect()
        quiet = self.zero - QUIET
        self._cloud.set_clock(quiet)
        self._telemetry.history(self._intervals(quiet, 60.0), 60.0)

    def _catch_up(self) -> None:
        now = datetime.now(UTC)
        minutes = list(self._intervals(now, 60.0))
        self._telemetry.history(minutes, 60.0)
        seconds = list(self._intervals(now, TICK))
        self._telemetry.history(seconds, TICK)
        self._now = self._settled(self._past_state(now), now)

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                await asyncio.to_thread(self._tick)
            except (BotoCoreError, ClientError) as error:
                # A telemetry agent does not die of one refused call; the next tick tries again.
                log.warning("world tick failed", error=str(error))
            due = max(due + TICK, loop.time())
            await asyncio.sleep(due - loop.time())

    def _tick(self) -> None:
        observed = self._observer.look()
        at = datetime.now(UTC)
        elapsed = min((at - self._seeded_until).total_seconds(), 10.0)
        state = replace(observed.state, layout=self._layout(at))
        target = self._settled(state, at)
        self._now = (self._now or target).towards(target, 1 - 2.718 ** (-elapsed / INERTIA))
        wanted = self._scaler.decide(observed.policy, state.read_capacity, self._now.reads_served, time.monotonic())
        if wanted is not None:
            self._scale(wanted, state.write_capacity)
        self._telemetry.interval(at - timedelta(seconds=elapsed), elapsed, state, self._now)
        self._seeded_until = at

    def _scale(self, read_capacity: int, write_capacity: int) -> None:
        self._cloud.clients(SCALER).dynamodb.update_table(
            TableName=self.scenario.resources.table,
            ProvisionedThroughput={"ReadCapacityUnits": read_capacity, "WriteCapacityUnits": write_capacity},
        )
