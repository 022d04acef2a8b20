"""`check`: are playbooks, schedules and people right? For continuous integration; asks no other system."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from autopilot.playbooks.checking import DAYS, Checked, check
from cli.main import EXIT_FAILED, print_json

MOST_DAYS = 1_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument("path", type=Path, metavar="PATH", help="folder or file")
    parser.add_argument(
        "--days", type=_days, default=DAYS, metavar="N",
        help=f"for how many days somebody has to be on call (default {DAYS}; 0: not looked at)",
    )  # fmt: skip
    parser.add_argument(
        "--from", dest="since", type=_day, metavar="DATE", help="the first of those days, UTC (default now)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _days(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(MOST_DAYS)) or int(text) > MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 0 to {MOST_DAYS}")
    return int(text)


def _day(text: str) -> datetime:
    given = datetime.fromisoformat(text)
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def run(args: argparse.Namespace) -> int:
    """Tell what is wrong; 1 when anything is."""
    found = check(args.path, args.since or datetime.now(UTC), args.days)
    if args.json:
        print_json(_as_json(found))
    else:
        _tell(found)
    return EXIT_FAILED if found.problems else 0


def _as_json(found: Checked) -> dict[str, object]:
    return {
        "ok": not found.problems,
        "problems": [problem.as_json() for problem in found.problems],
        "notes": [note.as_json() for note in found.notes],
        "documents": [
            {"kind": w.kind, "name": w.name, "file": w.file, "line": w.tree.line()} for w in found.rules.written
        ],
        "digest": found.digest,
        "commit": found.rules.commit,
    }


def _tell(found: Checked) -> None:
    for note in found.notes:
        print(f"note: {note}")
    for problem in found.problems:
        print(problem)
    wrong = f"{len(found.problems)} problems" if found.problems else "no problem"
    print(f"{len(found.rules.written)} documents, {wrong}, {len(found.notes)} notes; digest {found.digest[:16]}")
