"""One run of the demo: the company lives, the product works, somebody clicks, things go wrong as asked."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.company import Company, Durations
from demo.oncall import Choose, OnCall
from demo.saas.model import Behaviour
from demo.stage import Stage
from demo.world.world import World

FAULTS: dict[str, str] = {
    "wrong-fix": "the chosen option makes things worse: it is undone and another one is tried",
    "model-down": "the language model answers errors: the built-in analyst takes over",
    "source-down": "traces and past incidents cannot be read: listed gaps",
    "self-heal": "the symptom goes away before anybody decides",
    "no-data": "telemetry falls silent when somebody acts",
    "kill-worker": "the worker dies after the cloud has acted and before it heard so",
    "kill-worker-before-send": "the worker dies before its request reaches the cloud",
    "kill-worker-between-steps": "the worker dies between two steps of an option",
    "kill-worker-thinking": "the worker dies when the model's answer has just been stored",
    "kill-worker-waiting": "the worker dies while people decide",
    "kill-temporal": "the Temporal server dies while people decide",
    "kill-gateway": "the gateway dies while people decide",
}
FAULT_MODELS: dict[str, Behaviour] = {"model-down": "down", "kill-worker-thinking": "sound"}
"""Faults that need a model, and how it behaves."""
RUNS = Path(".autopilot") / "demo"
KEPT_RUNS = 5
OWNER = "owner.pid"
STARTING = 60.0
"""Seconds."""
Say = Callable[[str], None]


def _forget_old_runs() -> None:
    """Keep the newest finished runs; one that is still going is nobody's to remove."""
    finished = [folder for folder in RUNS.iterdir() if folder.is_dir() and not _alive(folder)]
    for old in sorted(finished, key=lambda folder: folder.stat().st_mtime)[:-KEPT_RUNS]:
        shutil.rmtree(old, ignore_errors=True)


def _alive(folder: Path) -> bool:
    try:
        os.kill(int((folder / OWNER).read_text()), 0)
    except (OSError, ValueError):
        # Without an owner yet, it was made a moment ago by a run that is starting.
        return not (folder / OWNER).exists() and time.time() - folder.stat().st_mtime < STARTING
    return True


@dataclass
class Play:
    """A run and everything needed to tell of it."""

    scenario: str
    seed: int
    fault: str
    mode: str
    choose: Choose
    say: Say
    durations: Durations = field(default_factory=Durations)
    model: Behaviour | None = None
    """The stand-in for a language model; None: the product works without one."""

    def __post_init__(self) -> None:
        RUNS.mkdir(parents=True, exist_ok=True)
        _forget_old_runs()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.scenario}-{self.seed}-", dir=RUNS)).resolve()
        (self.folder / OWNER).write_text(str(os.getpid()))
        self.stage = Stage(self.folder)
        self.company = Company(self.scenario, self.seed, self.fault, self.model or FAULT_MODELS.get(self.fault))
        self.person = OnCall(self.company.slack, self.choose, self._before_click)
        self.started = time.monotonic()
        self.deaths: list[str] = []
        """Which worker was killed, and when."""
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[Any]] = []
        self._world: World | None = None

    async def __aenter__(self) -> "Play":
        """Bring everything up and let the alarms go off."""
        try:
            await self._raise_curtain()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every process that was started."""
        await self._end()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.stage.stop()
        await self._stack.aclose()

    async def _raise_curtain(self) -> None:
        self.say("Starting Temporal, a simulated AWS account, GitHub, ServiceNow, Jira, Slack and PagerDuty ...")
        temporal = asyncio.create_task(self.stage.start_temporal())
        await self._stack.enter_async_context(self.company)
        stage, company = self.stage, self.company
        company.connect_to(stage.gateway_url)
        company.write_configuration(
            self.folder, stage.gateway_port, stage.temporal_address, stage.ui_url, self.mode, self.durations
        )
        await temporal
        stage.start_product(company.environment(self.folder))
        self.say("Starting the worker and the gateway; the company's last three hours are being written ...")
        live = asyncio.create_task(company.live())
        self._tasks.append(live)
        await stage.product_ready()
        self._world = await live
        if self.fault == "kill-worker-thinking":
            self._tasks.append(asyncio.create_task(self._kill_in_thought()))
        deploy = self._world.conditions.deploy_before / 60
        self.say(
            f"It is a quiet night. {deploy:.0f} minutes ago somebody deployed {self.company.scenario.suspect.name}."
        )
        self._tasks.append(asyncio.create_task(self.person.work()))

    async def _before_click(self, choice: str) -> None:
        """What goes wrong while a person reads the options."""
        first = len(self.person.chosen) == 1
        world = self._world
        if world is None or not first:
            return
        if self.fault == "self-heal":
            world.let_subside()
        elif self.fault == "no-data":
            world.stop_telemetry()
        elif self.fault == "kill-worker-waiting":
            await self._replace_worker("while people decide")
        elif self.fault == "kill-gateway":
            self._tasks.append(asyncio.create_task(self._lose_gateway()))
            await asyncio.sleep(0.3)
        elif self.fault == "kill-temporal":
            self._tasks.append(asyncio.create_task(self._lose_temporal()))
            await asyncio.sleep(0.3)
        elif self.fault in ("kill-worker", "kill-worker-before-send", "kill-worker-between-steps"):
            self._tasks.append(asyncio.create_task(self._kill_in_the_act()))
        if choice == "manual":
            self._tasks.append(asyncio.create_task(self._repair_soon()))

    async def _repair_soon(self) -> None:
        await asyncio.sleep(4.0)
        self.say("The engineer raises the table's capacity by hand.")
        await self.company.engineer_repairs()

    async def _kill_in_the_act(self) -> None:
        """Hold a write of the product, kill the worker, let the write go, start another worker."""
        cloud = self.company.cloud
        if self.fault == "kill-worker-between-steps":
            before = cloud.hold_next_write("response")
            await before.wait()
            held = cloud.hold_next_write("request")
            before.release()
        else:
            held = cloud.hold_next_write("response" if self.fault == "kill-worker" else "request")
        call = await held.wait()
        self.say(f"{call.action} is on its way; the worker is killed (SIGKILL).")
        await self._replace_worker("in the middle of an action", held.release)

    async def _kill_in_thought(self) -> None:
        """Kill the worker as soon as an answer of the model is stored, before anything was made of it."""
        while not self._answered():  # noqa: ASYNC110 - files tell nobody
            await asyncio.sleep(0.01)
        await self._replace_worker("with the model's answer just stored")

    def _answered(self) -> bool:
        stored = self.folder.glob("cases/*/documents/answers/*.json")
        return any(not path.name.startswith("ledger") for path in stored)

    async def _replace_worker(self, when: str, then: Callable[[], None] = lambda: None) -> None:
        worker = self.stage.worker
        if worker is None:
            return
        await asyncio.to_thread(worker.kill)
        self.deaths.append(f"worker, {when}")
        then()
        self.say(f"The worker is dead {when}; another one is started.")
        worker.start()

    async def _lose_gateway(self) -> None:
        gateway = self.stage.gateway
        if gateway is None:
            return
        await asyncio.to_thread(gateway.kill)
        self.say("The gateway is dead; a click now is answered as failed. It is started again.")
        await asyncio.sleep(1.5)
        gateway.start()

    async def _lose_temporal(self) -> None:
        await asyncio.to_thread(self.stage.temporal.kill)
        self.say("The Temporal server is dead; a click now is answered as failed. It is started again.")
        await asyncio.sleep(1.5)
        await self.stage.start_temporal()
