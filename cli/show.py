"""`show ID`: one incident as a tired person wants to read it."""

import argparse
import asyncio
import sys

from rich.console import Console
from rich.markdown import Markdown

from autopilot.incident.view import incident_view
from cli.connection import incidents
from cli.main import EXIT_FAILED, print_json
from workflows.console import details


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("id", help="incident id or group")
    parser.add_argument("--json", action="store_true", help="print the whole state as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print it."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    _, found = await incidents(args)
    state = await found.show(args.id)
    if state is None:
        print(f"No incident {args.id!r}; `python starter.py list` shows what there is.", file=sys.stderr)
        return EXIT_FAILED
    if args.json:
        print_json(state.model_dump(mode="json"))
        return 0
    console = Console()
    console.print(Markdown(details(incident_view(state))))
    for entry in state.timeline:
        console.print(f"{entry.at:%H:%M:%S}  {entry.kind:<12} {entry.text}", markup=False, highlight=False)
    return 0
