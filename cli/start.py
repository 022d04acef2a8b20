"""`start --alert FILE|-`: start an incident from a JSON alert."""

import argparse
import asyncio
import sys
from pathlib import Path

from autopilot.incident.alert import Alert
from autopilot.triggers.api import MAX_TEXT, read_alert
from autopilot.triggers.base import Refused
from cli.connection import incidents
from cli.main import print_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("--alert", required=True, help="a JSON file with the alert; - reads standard input")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Validate, start, say where it went."""
    return asyncio.run(_run(args, read_alert(_text(args.alert))))


def _text(given: str) -> str:
    """The alert as written. Raises Refused when it cannot be read."""
    try:
        # One character more than allowed: a cut alert would be refused for the wrong reason.
        return sys.stdin.read(MAX_TEXT + 1) if given == "-" else Path(given).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(400, f"The alert {given!r} cannot be read: {error}.", remedy="Name a JSON file.") from error


async def _run(args: argparse.Namespace, alert: Alert) -> int:
    _, open_incidents = await incidents(args)
    started = await open_incidents.start(alert)
    if args.json:
        print_json(started.model_dump())
    else:
        print(f"{started.group} took the alert (incident {started.incident_id or 'none: resolved'})")
        print(f"Follow it with: python starter.py show {started.group}")
    return 0
