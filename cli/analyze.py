"""`analyze CASE`: analyse a stored case again, on this machine, without a model and without touching anything."""

import argparse
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from polars.exceptions import PolarsError
from pydantic import ValidationError

from autopilot.analysis.dossier import analyze
from autopilot.analysis.text_table import text_table
from autopilot.case.case import Case
from autopilot.case.reading import load_case
from autopilot.incident.evidence import TABLES
from autopilot.incident.ports import Failure
from autopilot.plots.case import Plot, draw_case
from cli.main import print_json
from cli.stored import find_case

T = TypeVar("T")

_QUIET = 2.0
"""Seconds without a word on stderr."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments."""
    parser.add_argument(
        "case", help="an incident id, a case's manifest or folder, or its address in the case store (s3://… too)"
    )
    parser.add_argument("--revision", type=int, help="which revision of the case (default: the newest)")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="also write pictures into this folder")
    parser.add_argument("--json", action="store_true", help="print the whole dossier as one JSON object")
    parser.add_argument("--width", type=int, default=110, help="columns of the table (default 110)")


def run(args: argparse.Namespace) -> int:
    """Read, analyse, print, draw."""
    with _progress("reading the case"):
        store, manifest = find_case(args.case, args.revision, args.config)
        case = _read(lambda: load_case(store, manifest))
    with _progress(f"analysing {_size(case)}"):
        dossier = _read(lambda: analyze(case))
    if not args.json:
        width = min(max(args.width, 60), 200)
        print(textwrap.fill(f"Case: {_size(case)}", width), end="\n\n")
        print(text_table(dossier, width), end="")
    plots: list[Plot] = []
    if args.plot is not None:
        with _progress("drawing"):
            plots = draw_case(case, dossier, args.plot)
    for plot in plots:
        told = f"{plot.path}: {plot.said}" if plot.path else f"no plot of {plot.name}: {plot.said}"
        print(told, file=sys.stderr if args.json else sys.stdout)
    if args.json:
        print_json(dossier.model_dump(mode="json"))
    return 0


def _read(step: Callable[[], T]) -> T:
    """A step over the rows of a case. Raises Failure where they are not what a case holds."""
    try:
        return step()
    except (PolarsError, ValidationError) as error:
        raise Failure(
            f"The case cannot be analysed: {type(error).__name__}: {error!s:.300}. Collect it again, or report it "
            "with the case.",
            who="developer",
        ) from error


def _size(case: Case) -> str:
    """What was collected, in the words of its tables."""
    rows = [(table, case.table(table).height) for table in TABLES]
    there = ", ".join(f"{count:,} {table}" for table, count in rows if count)
    lacking = ", ".join(table for table, count in rows if not count)
    return (there or "nothing") + (f"; no {lacking}" if lacking else "")


@contextmanager
def _progress(what: str) -> Generator[None]:
    """Say on stderr what is going on, once it has taken longer than anybody likes to wait for a sign."""
    timer = threading.Timer(_QUIET, lambda: print(f"{what} …", file=sys.stderr, flush=True))
    timer.daemon = True
    started = time.monotonic()
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if time.monotonic() - started > _QUIET:
        print(f"{what}: {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
