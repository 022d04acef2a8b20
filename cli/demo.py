"""`demo`: one incident of a simulated company, from alert to review, on real parts."""

import argparse
import asyncio
import signal
import sys
import time

from rich.console import Console

from autopilot.incident.ports import Failure
from autopilot.incident.state import IncidentState
from autopilot.settings import Settings, Temporal
from cli.main import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, print_json
from cli.story import ending, result, tell
from demo.company import Durations
from demo.oncall import Choose, scripted
from demo.play import FAULTS, Play
from demo.saas.model import BEHAVIOURS
from demo.scenarios import NAMES
from demo.stage import StageError
from starter import Incidents, connect

LIMIT = 91.0
"""Seconds for a run that nobody types in, from the first process to the review."""
PATIENCE = 900.0
"""The same when a person decides at the terminal."""
LOOK = 0.8
AT_TERMINAL = Durations(remind=300, page_secondary=450, hand_over=600, manual_watch=120)
FAULT_CHOICES = {"no-data": "1,manual", "self-heal": "none", "kill-worker-between-steps": "3"}
"""What is chosen when nobody says: the fault needs it to show."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("--scenario", choices=NAMES, default=NAMES[0])
    parser.add_argument("--seed", type=int, default=1, help="another seed is another night (default 1)")
    parser.add_argument(
        "--choose",
        metavar="A,B,…",
        help="answers to successive plans: 1, 2, 3, manual, reanalyse:TEXT, none; the last one repeats",
    )
    parser.add_argument("--mode", choices=("observe", "advise", "autonomous"), default="advise")
    parser.add_argument(
        "--fault", choices=sorted(FAULTS), metavar="NAME", default="",
        help="let something go wrong: " + "; ".join(f"{name}: {what}" for name, what in FAULTS.items()),
    )  # fmt: skip
    parser.add_argument(
        "--model", choices=BEHAVIOURS, metavar="BEHAVIOUR",
        help="ask a stand-in for a language model that is " + ", ".join(BEHAVIOURS) + " (default: no model)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end")


def run(args: argparse.Namespace) -> int:
    """Play it; exit code 0 only when the workflow completed and the review is stored."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    console = Console(stderr=args.json)
    try:
        scripts = _scripts(args)
    except ValueError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    play = Play(
        scenario=args.scenario,
        seed=args.seed,
        fault=args.fault,
        mode=args.mode,
        choose=scripted(scripts) if scripts else _asking(console),
        say=lambda text: console.print(f"[dim]{text}[/dim]", highlight=False),
        durations=Durations() if scripts else AT_TERMINAL,
        model=args.model,
    )
    _stop_cleanly()
    try:
        async with play:
            return await _watch(args, play, console, LIMIT if scripts else PATIENCE)
    except asyncio.CancelledError:
        print("Stopped; everything that was started has ended.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except (StageError, Failure) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED


def _scripts(args: argparse.Namespace) -> tuple[str, ...]:
    """The answers; empty when a person at this terminal is to be asked."""
    if args.choose is None and not args.fault and not args.json and sys.stdin.isatty():
        return ()
    given = tuple(part.strip() for part in (args.choose or FAULT_CHOICES.get(args.fault, "1")).split(","))
    for part in given:
        if part not in ("1", "2", "3", "manual", "none") and not part.startswith("reanalyse"):
            raise ValueError(f"--choose: {part!r} is not a choice; use 1, 2, 3, manual, reanalyse:TEXT or none.")
    return given


def _asking(console: Console) -> Choose:
    async def choose(_question: int) -> str:
        await asyncio.sleep(3 * LOOK)  # the options are printed first
        console.print("\n[bold]What shall be done?[/bold] 1, 2, 3, manual, or reanalyse:TEXT", highlight=False)
        while True:
            answer = (await asyncio.to_thread(input, "> ")).strip()
            if answer in ("1", "2", "3", "manual") or answer.startswith("reanalyse"):
                return answer
            console.print("Please type 1, 2, 3, manual, or reanalyse: and what to look for.")

    return choose


def _stop_cleanly() -> None:
    """SIGTERM and Ctrl-C end the run and every process with it; a second one must not disturb the cleaning up."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    asked: list[int] = []

    def stop(number: int) -> None:
        if not asked and task is not None:
            task.cancel()
        asked.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)


async def _watch(args: argparse.Namespace, play: Play, console: Console, limit: float) -> int:
    address = play.stage.temporal_address
    settings = Settings(temporal=Temporal(address=address))
    incidents = Incidents(await connect(settings), settings.temporal.task_queue)
    console.print(
        f"Slack: {play.company.slack.url}   Temporal UI: {play.stage.ui_url}", highlight=False, soft_wrap=True
    )
    state = await _follow(incidents, console, play.started + limit)
    rows = await incidents.list()
    row = next((r for r in rows if state is not None and state.incident_id.startswith(f"{r.group}.")), None)
    completed = row is not None and row.status == "completed"
    stored = state is not None and state.report is not None and state.phase == "closed"
    if state is not None:
        ending(console, state, play)
    if args.keep:
        console.print("Everything is left running; Ctrl-C ends it.")
        await _forever()
    if args.json:
        joined = [r.group for r in rows if r.outcome == "joined"]
        print_json(result(state, play, joined))
    if not (completed and stored):
        what = "its review is not stored" if completed else f"it did not complete within {limit:.0f} s"
        print(f"The incident is not closed as it should be: {what}. Logs: {play.folder}", file=sys.stderr)
    return 0 if completed and stored else EXIT_FAILED


async def _forever() -> None:
    await asyncio.Event().wait()


async def _follow(incidents: Incidents, console: Console, deadline: float) -> IncidentState | None:
    """Print what happens as it happens, until the incident is closed."""
    told, state, group, joined = set[str](), None, "", set[str]()
    while time.monotonic() < deadline:
        await asyncio.sleep(LOOK)
        try:
            group = group or await _main_group(incidents, joined)
            state = (await incidents.show(group) if group else None) or state
        except Failure:
            continue  # a process is being killed and started again: that is the show
        if state is None:
            continue
        if state.outcome == "joined":
            joined.add(group)
            group, state = "", None
            continue
        tell(console, state, told)
        if state.phase == "closed":
            # The last search attributes are written in the task that closes the run.
            await asyncio.sleep(LOOK)
            return state
    return state


async def _main_group(incidents: Incidents, joined: set[str]) -> str:
    """The oldest incident that has not joined another."""
    rows = [row for row in await incidents.list() if row.outcome != "joined" and row.group not in joined]
    return min(rows, key=lambda row: row.opened_at).group if rows else ""
