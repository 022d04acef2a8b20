"""`doctor`: check configuration and every configured connection, and say what to do about what is wrong."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.search_attributes import TYPES, missing
from autopilot.incident.ports import Failure
from autopilot.settings import Settings, SettingsError, load
from cli.checks import probes
from cli.main import EXIT_FAILED, print_json
from cli.probe import Broken, Probe, Skipped
from starter import connect

LIMIT = 20.0
"""Seconds that one check may take."""
CALL = timedelta(seconds=5)
AT_ONCE = 6
POLLED_WITHIN = 90.0
"""A worker's poll lasts a minute: one that was not heard of for longer is gone."""

Status = Literal["ok", "failed", "skipped"]
COLOURS: dict[Status, str] = {"ok": "green", "failed": "red", "skipped": "dim"}


@dataclass(frozen=True)
class Result:
    """What became of a check."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")


def run(args: argparse.Namespace) -> int:
    """Check everything; exit code 0 only when nothing failed."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    console = Console(stderr=args.json, soft_wrap=True)
    found: list[Result] = []
    async for result in results(args.config):
        _show(console, result)
        found.append(result)
    failed = [result.name for result in found if result.status == "failed"]
    console.print(f"\nFailed: {', '.join(failed)}" if failed else "\nNothing failed.", highlight=False)
    if args.json:
        print_json({"checks": [asdict(result) for result in found]})
    return EXIT_FAILED if failed else 0


def _show(console: Console, result: Result) -> None:
    console.print(f"[{COLOURS[result.status]}]{result.status:<8}[/] ", end="")
    console.print(f"{result.name}: {result.detail}", markup=False, highlight=False)
    if result.remedy:
        console.print(f"         -> {result.remedy}", markup=False, highlight=False)


async def results(config: Path | None) -> AsyncIterator[Result]:
    """All checks are under way at once; each result is told as soon as those before it are."""
    try:
        settings = load(config)
    except SettingsError as error:
        yield Result(
            "configuration", "failed", str(error), "Correct what is named; every key is in docs/operations.md."
        )
        yield Result("everything else", "skipped", "not checked before the configuration can be read")
        return
    yield Result("configuration", "ok", "readable, no unknown keys")
    # Threads of its own: a call that hangs must not hold up the end of the command.
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doctor")
    asked = [_ended(probe, _off_loop(threads, probe.ask)) for probe in probes(settings)]
    for task in [asyncio.create_task(check) for check in (*_temporal_checks(settings), *asked)]:
        yield await task


async def _off_loop(threads: ThreadPoolExecutor, ask: Callable[[], str]) -> str:
    return await asyncio.get_running_loop().run_in_executor(threads, ask)


async def _ended(probe: Probe, answer: Coroutine[Any, Any, str]) -> Result:
    """The answer as a result, whatever it is."""
    try:
        async with asyncio.timeout(LIMIT):
            return Result(probe.name, "ok", await answer)
    except Skipped as reason:
        return Result(probe.name, "skipped", str(reason))
    except Broken as found:
        return Result(probe.name, "failed", found.detail, found.remedy)
    except TimeoutError:
        return Result(probe.name, "failed", f"no answer within {LIMIT:g} s", "Check the network and the address.")
    except (Failure, SettingsError) as error:
        return Result(probe.name, "failed", str(error), probe.remedy)


# --- Temporal ----------------------------------------------------------------------------------------


def _temporal_checks(settings: Settings) -> list[Coroutine[Any, Any, Result]]:
    """Reachable, prepared, and served by a worker; all three over one connection."""
    connected = asyncio.create_task(_connected(settings))
    return [
        _ended(Probe("temporal", str), _reachable(connected)),
        _ended(Probe("search attributes", str), _registered(connected)),
        _ended(Probe("worker", str), _polled(connected, settings)),
    ]


Connected = asyncio.Task[Client | Failure]


async def _connected(settings: Settings) -> Client | Failure:
    try:
        return await connect(settings)
    except Failure as failure:
        return failure


async def _usable(connected: Connected) -> Client:
    """The client; a check that needs it is skipped without one. Raises Skipped."""
    client = await asyncio.shield(connected)
    if isinstance(client, Failure):
        raise Skipped("Temporal does not answer")
    return client


async def _reachable(connected: Connected) -> str:
    client = await asyncio.shield(connected)
    if isinstance(client, Failure):
        raise Broken(str(client), "Start Temporal, or set temporal.address or TEMPORAL_ADDRESS to where it runs.")
    try:
        await client.count_workflows(rpc_timeout=CALL)
    except RPCError as error:
        raise Broken(
            f"Temporal refuses namespace {client.namespace!r}: {error.message}",
            "Create the namespace, or set temporal.namespace.",
        ) from error
    return f"{client.service_client.config.target_host}, namespace {client.namespace}"


async def _registered(connected: Connected) -> str:
    client = await _usable(connected)
    remedy = "python starter.py register"
    try:
        absent = await missing(client)
    except RPCError as error:
        raise Broken(f"Temporal does not list its search attributes: {error.message}", remedy) from error
    if absent:
        raise Broken(f"not registered: {', '.join(absent)}", remedy)
    return f"all {len(TYPES)} are registered"


async def _polled(connected: Connected, settings: Settings) -> str:
    """Whether a worker asks for work on our task queue, for workflows and for activities."""
    client, queue = await _usable(connected), settings.temporal.task_queue
    remedy = "Start one: python worker.py"
    ages = [
        await _last_poll(client, queue, kind)
        for kind in (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
    ]
    if None in ages:
        raise Broken(f"No worker polls task queue {queue!r}.", remedy)
    oldest = max(age for age in ages if age is not None)
    if oldest > POLLED_WITHIN:
        raise Broken(f"No worker has polled task queue {queue!r} for {oldest:.0f} s.", remedy)
    return f"polls task queue {queue!r} (last heard of {oldest:.0f} s ago)"


async def _last_poll(client: Client, queue: str, kind: "TaskQueueType.ValueType") -> float | None:
    """Seconds since the last poll; None when nobody polls. Raises Broken."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    try:
        answer = await client.workflow_service.describe_task_queue(request, timeout=CALL)
    except RPCError as error:
        raise Broken(f"Temporal does not describe task queue {queue!r}: {error.message}", "Try again.") from error
    now = datetime.now(UTC)
    heard = [now - poller.last_access_time.ToDatetime(tzinfo=UTC) for poller in answer.pollers]
    return min((age.total_seconds() for age in heard), default=None)
