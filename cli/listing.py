"""`list`: the incidents, newest first."""

import argparse
import asyncio

from rich.console import Console
from rich.table import Table

from cli.connection import incidents
from cli.main import print_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("--limit", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print them."""
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    _, found = await incidents(args)
    rows = await found.list(args.limit)
    if args.json:
        print_json({"incidents": [row.model_dump(mode="json") for row in rows]})
        return 0
    table = Table("incident", "service", "severity", "phase", "status", "outcome", "opened (UTC)")
    for row in rows:
        opened = row.opened_at.strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(row.group, row.service, row.severity, row.phase, row.status, row.outcome, opened)
    Console().print(table if rows else "No incidents yet.")
    return 0
