"""`freeze`, `thaw`: stop all changes at once, in every incident, and allow them again."""

import argparse
import asyncio

from activities.freeze import FreezeSwitch
from autopilot.settings import load
from cli.connection import note
from cli.main import print_json
from starter import connect


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; everybody is told")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Switch, and wait until every worker sees it."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    settings = load(args.config)
    switch = FreezeSwitch(await connect(settings), settings.temporal.task_queue)
    now = await switch.set(note(settings, args.reason), frozen=args.command == "freeze")
    if args.json:
        print_json(now.model_dump(mode="json"))
    else:
        print(now.words or "Changes are allowed again.")
    return 0
