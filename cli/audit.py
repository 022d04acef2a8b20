"""`audit`: the record of queries, model calls, decisions and actions as JSON lines."""

import argparse
import sys
from datetime import UTC, datetime
from typing import get_args

from autopilot.audit.sqlite import SqliteAudit
from autopilot.incident.audit import Kind
from autopilot.settings import load
from cli.main import EXIT_FAILED


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("--incident", default="", metavar="ID", help="of this incident only")
    parser.add_argument("--kind", choices=get_args(Kind), help="of this kind only")
    parser.add_argument("--since", type=_moment, metavar="TIME", help="such as 2026-03-01T03:00:00Z")
    parser.add_argument("--verify", action="store_true", help="check that no entry was changed or taken out")


def run(args: argparse.Namespace) -> int:
    """Print entries, oldest first; with --verify say whether the record is whole."""
    audit = SqliteAudit(load(args.config).audit)
    if not args.verify:
        for entry in audit.entries(incident_id=args.incident, kind=args.kind, since=args.since):
            print(entry.model_dump_json())
        return 0
    broken = audit.broken()
    if broken is None:
        print("The record is whole: every entry follows from the one before.")
        return 0
    print(f"Entry {broken} does not follow from the one before it: it was changed afterwards.", file=sys.stderr)
    return EXIT_FAILED


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write it as 2026-03-01T03:00:00Z") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
