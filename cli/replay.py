"""`replay CASE`: conclude about a stored case again, offline, and say what differs from the diagnosis of record."""

import argparse
import sys
from collections.abc import Iterator

from polars.exceptions import PolarsError
from pydantic import ValidationError

from autopilot.incident.investigation import Limits
from autopilot.incident.ports import Failure
from autopilot.reasoning.comparing import Difference, Moved, Side
from autopilot.reasoning.replaying import asked_model, replay
from autopilot.remediation.overview import listed_tools
from autopilot.settings import load
from cli.main import EXIT_FAILED, EXIT_USAGE, print_json
from cli.stored import find_case

LEFT_OUT = (
    "Replayed options are those of the built-in planner, not inspected, whichever model analyses; "
    "of what people said, only the remark that asked for this revision is tested."
)
"""What a reader must know of a comparison."""
SHOWN = 8
"""Findings named on each side; the rest is counted."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument(
        "case", help="an incident id, a case's manifest or folder, or its address in the case store (s3://… too)"
    )
    parser.add_argument("--revision", type=int, help="which revision of the case (default: the newest)")
    parser.add_argument("--model", default="none", help="which model to ask (default: none)")
    parser.add_argument("--base-url", help="its server (default: that of the settings)")
    parser.add_argument(
        "--seconds", type=float, default=Limits().seconds, help="time for the investigation (default %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the comparison as one JSON object")


def run(args: argparse.Namespace) -> int:
    """0 when the leading cause is that of record, 1 when it is another one, 2 when nothing can be compared."""
    settings = load(args.config)
    try:
        store, manifest = find_case(args.case, args.revision, args.config)
        found = replay(
            store,
            manifest,
            asked_model(settings.model, args.model, args.base_url),
            listed_tools(settings),
            limits=Limits(seconds=args.seconds),
            progress=lambda what: print(f"{what} …", file=sys.stderr, flush=True),
        )
    except (Failure, PolarsError, ValidationError) as error:
        # A failure must not look like a changed cause, which is what exit code 1 says.
        print(f"{args.case!r} cannot be replayed: {error!s:.600}", file=sys.stderr)
        return EXIT_USAGE
    if args.json:
        print_json(found.model_dump(mode="json"))
    else:
        print("\n".join(table(found)))
    return 0 if found.same_cause else EXIT_FAILED


def table(found: Difference) -> Iterator[str]:
    """The comparison for people, line by line."""
    yield f"Replay of {found.incident_id}, case revision {found.revision}"
    yield ""
    columns = zip(ROWS, _cells(found.record), _cells(found.replay), strict=True)
    rows = [("", "of record", "replayed"), *columns]
    first, second = (max(len(row[column]) for row in rows) + 2 for column in (0, 1))
    yield from (f"{name:<{first}}{then:<{second}}{now}".rstrip() for name, then, now in rows)
    yield ""
    yield from _moved("hypotheses", found.hypotheses)
    yield from _moved("findings", found.findings)
    yield from _moved("tools of options", found.tools)
    yield ""
    yield LEFT_OUT
    yield "The leading cause is the same." if found.same_cause else "THE LEADING CAUSE DIFFERS."


ROWS = ("cause", "service", "change", "standing", "confidence", "tools", "tokens", "cost", "analyst")


def _cells(side: Side) -> tuple[str, ...]:
    """The column of one side."""
    best = side.leading
    return (
        best.cause_kind or "none",
        best.service or "none",
        best.change_id or "none",
        best.standing or "none",
        "none" if best.confidence is None else f"{best.confidence:.2f}",
        "unknown" if side.tools is None else ", ".join(side.tools) or "none",
        f"{side.tokens:,}",
        _cost(side),
        side.analyst,
    )


def _cost(side: Side) -> str:
    """Nothing where nothing was asked; a model without a price costs an unknown amount."""
    if not side.tokens:
        return "$0"
    return "unknown" if side.cost_usd is None else f"${side.cost_usd:.4f}"


def _moved(what: str, moved: Moved | None) -> Iterator[str]:
    if moved is None:
        yield f"{what}: not compared, the other side is not known here"
        return
    for sign, names in (("+", moved.added), ("-", moved.lost)):
        yield from (f"{sign} {what}: {name}" for name in names[:SHOWN])
        if len(names) > SHOWN:
            yield f"{sign} {what}: {len(names) - SHOWN} more"
    if not (moved.added or moved.lost):
        yield f"{what}: the same"
