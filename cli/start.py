"""`start --alert FILE|-`: start an incident from a JSON alert."""

import argparse
import asyncio
import sys
from pathlib import Path

from autopilot.incident.alert import Alert
from autopilot.triggers.api import read_alert
from cli.connection import incidents
from cli.main import print_json

MAX_BYTES = 262_144


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("--alert", required=True, help="a JSON file with the alert; - reads standard input")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Validate, start, say where it went."""
    text = sys.stdin.read(MAX_BYTES) if args.alert == "-" else Path(args.alert).read_text()[:MAX_BYTES]
    return asyncio.run(_run(args, read_alert(text)))


async def _run(args: argparse.Namespace, alert: Alert) -> int:
    _, open_incidents = await incidents(args)
    started = await open_incidents.start(alert)
    if args.json:
        print_json(started.model_dump())
    else:
        print(f"{started.group} took the alert (incident {started.incident_id or 'none: resolved'})")
        print(f"Follow it with: python starter.py show {started.group}")
    return 0
