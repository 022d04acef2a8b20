"""Is the built-in analyst right as often as it is confident? `python -m benchmarks.calibration --cases DIR`.

Every public case is stored, analysed, investigated and concluded by the product's own road without a model. The
leading hypothesis counts as right when it names the service and, where the truth says which fault it was, the kind
of cause. The map is the knowledge base's own (isotonic), here over all kinds of cause together, always fitted
without the answers it is judged on: by folds, and without the whole set. `--json` ends with one object.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from autopilot.incident.investigation import Limits
from autopilot.settings import Model
from benchmarks.accuracy import PROCESSES, read_truth
from benchmarks.calibration_figures import figures, judge, table
from benchmarks.calibration_plot import draw
from benchmarks.cases import find_cases
from benchmarks.reasoning_answers import Job, Setup, answers

_LONG = 600.0
"""Seconds: on a busy machine the clock must not decide what is concluded."""
ALONE = Setup(Model(kind="none"), Limits(seconds=_LONG), attempt_seconds=_LONG)


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer, judge, fit and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--cases", type=Path, help="folder with one folder per set; without it nothing is measured")
    parser.add_argument("--truth", type=Path, help="accepted answers (default: DIR/truth.jsonl)")
    parser.add_argument("--folds", type=int, choices=range(2, 21), default=10, help="parts of the cross validation")
    parser.add_argument("--plot", type=Path, help="write the reliability diagram there (.svg or .png)")
    parser.add_argument("--processes", type=int, choices=range(1, PROCESSES + 1), default=PROCESSES)
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    args = parser.parse_args(arguments)
    if args.cases is None:  # the public sets are not part of the repository
        print(
            "calibration: name a folder with --cases; docs/benchmarks.md says where the sets are", file=sys.stderr
        )
        return 0
    if args.plot is not None and args.plot.suffix not in (".svg", ".png"):
        parser.error(f"--plot {str(args.plot)!r}: end it in .svg or .png")
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # one thread each for the processes that are about to start
    try:
        truths = {t.id: t for some in read_truth(args.truth or args.cases / "truth.jsonl").values() for t in some}
        whole: list[Job] = [(folder, "whole") for folder in find_cases(args.cases)]
        found = figures(judge(list(answers(whole, ALONE, args.processes)), truths), args.folds)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(table(found))
    if args.plot is not None:
        draw(found, args.plot)
        print(f"\nReliability diagram: {args.plot}", file=sys.stderr)
    if args.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
