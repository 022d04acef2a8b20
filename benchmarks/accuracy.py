"""`python -m benchmarks.accuracy --cases DIR`: root-cause analysis without a model, on public incidents.

Prints one table over all sets below DIR, and writes the answers to `predictions.jsonl`. The truth is read only
after everything was answered.
"""

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.answering import OURS, Answerers, Answers
from benchmarks.cases import find_cases
from benchmarks.crossvalidation import changes, cross_validate
from benchmarks.predictions import Prediction
from benchmarks.reliability import judge, reliability
from benchmarks.report import Scores, as_json, compared, misses, table
from benchmarks.scoring import Truth, score_set

PROCESSES = 2


def read_truth(path: Path) -> dict[str, list[Truth]]:
    """The accepted answers by set. Raises OSError or ValueError when the file is missing or broken."""
    by_set: dict[str, list[Truth]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            truth = Truth.of(json.loads(line))
            by_set[truth.dataset].append(truth)
    return by_set


def score_all(truths: Mapping[str, Sequence[Truth]], answers: Iterable[Answers]) -> dict[str, Scores]:
    """Method → set → measures. A method that could not answer a whole set has no row for it."""
    by_method: dict[str, dict[str, Prediction]] = defaultdict(dict)
    for given in answers:
        for method, prediction in given.items():
            by_method[method][prediction.id] = prediction
    here = {prediction.dataset for prediction in by_method[OURS].values()}
    return {
        method: {
            name: score_set(truths[name], predictions)
            for name in sorted(here & set(truths))
            if method == OURS or all(truth.id in predictions for truth in truths[name])
        }
        for method, predictions in by_method.items()
    }


def report(args: argparse.Namespace, answerers: Answerers) -> int:
    """Answer every case, score what has a truth, print the tables. 1 when no truth was found."""
    started = time.perf_counter()
    answers = list(answerers.answer_all(compare=args.baselines, keep=args.cross_validate))
    lines = [json.dumps(given[OURS].line(), ensure_ascii=False) for given in answers]
    args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(answers)} answers in {time.perf_counter() - started:.0f} s: {args.out}", file=sys.stderr)
    truth = args.truth or args.cases / "truth.jsonl"
    if not truth.exists():
        print(f"{str(truth)!r} is not there: nothing to score; name it with --truth", file=sys.stderr)
        return 1
    ours = {given[OURS].id: given[OURS] for given in answers}
    sets = {prediction.dataset for prediction in ours.values()}
    truths = {name: told for name, told in read_truth(truth).items() if name in sets}
    scores = score_all(truths, answers)
    print(table(scores))
    print(f"\n{reliability(judge(truths, ours))}")
    if args.cross_validate:
        print(f"\n{refitted(truths, scores[OURS], answerers)}")
        print(f"everything in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    if args.misses:
        print(f"\n{misses(truths, ours)}")
    if args.json:
        print(as_json(scores[OURS]))
    return 0


def refitted(truths: Mapping[str, Sequence[Truth]], plain: Scores, answerers: Answerers) -> str:
    """The figures with weights refitted without the scored group, and what a fit on everything would change."""
    found = cross_validate(truths, answerers.again)
    scores = {name: score_set(told, found.answers) for name, told in truths.items()}
    wanted = "; ".join(changes(found.fitted)) or "nothing"
    return f"{compared(plain, scores, found.left_out)}\n\nA fit on all cases would change: {wanted}."


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--cases", type=Path, help="folder with one folder per set; without it nothing is measured")
    parser.add_argument("--truth", type=Path, help="accepted answers (default: DIR/truth.jsonl)")
    parser.add_argument("--out", type=Path, default=Path("predictions.jsonl"), help="where the answers go")
    parser.add_argument("--baselines", action="store_true", help="published scorers in the same table")
    parser.add_argument("--cross-validate", action="store_true", help="also refit the weights without each group")
    parser.add_argument("--misses", action="store_true", help="also list what was answered wrongly")
    parser.add_argument("--processes", type=int, choices=range(1, PROCESSES + 1), default=PROCESSES)
    parser.add_argument("--json", action="store_true", help="end with one JSON object of our measures")
    args = parser.parse_args()
    if args.cases is None:  # as `make bench` calls it: the public sets are not part of the repository
        print("accuracy: name a folder with --cases; docs/benchmarks.md says where the sets are", file=sys.stderr)
        return 0
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # one thread each for the processes that are about to start
    try:
        cases = find_cases(args.cases)
    except FileNotFoundError as error:
        parser.error(str(error))
    with Answerers(cases, args.processes) as answerers:
        return report(args, answerers)


if __name__ == "__main__":
    sys.exit(main())
