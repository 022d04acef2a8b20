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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from autopilot.analysis.dossier import analyze
from benchmarks.baselines import baselines
from benchmarks.cases import find_cases, read_case
from benchmarks.predictions import Prediction, predict
from benchmarks.scoring import Truth, score_set

OURS = "autopilot"
PROCESSES = 2
_INTERNAL = ("low", "high", "joint_low", "joint_high", "commit_low", "commit_high")
_COUNTS = ("n", "decoys", "abstained")
Answers = dict[str, Prediction]
Scores = dict[str, dict[str, float]]


def answer(folder: Path, compare: bool) -> Answers:
    """Our answer to one case and, if wanted, the baselines'. A failure is an empty answer that says why."""
    try:
        public = read_case(folder)
        started = time.perf_counter()
        dossier = analyze(public.case)
        answers = {OURS: predict(public, dossier, time.perf_counter() - started)}
    except Exception as error:  # noqa: BLE001 - one broken case is a miss that is reported, not the end of the run
        return {OURS: Prediction(folder.name, folder.parent.name, (), error=f"{type(error).__name__}: {error}")}
    return answers | (baselines(public) if compare else {})


def answer_all(folders: Sequence[Path], compare: bool, processes: int) -> Iterator[Answers]:
    """The answers in the order of the folders, with progress on stderr."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for done, answers in enumerate(pool.map(answer, folders, [compare] * len(folders), chunksize=4), 1):
            if answers[OURS].error:
                print(f"{answers[OURS].id}: {answers[OURS].error[:300]}", file=sys.stderr)
            if done % 20 == 0 or done == len(folders):
                print(f"{done} of {len(folders)} cases", file=sys.stderr, flush=True)
            yield answers


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


def table(scores: Mapping[str, Scores]) -> str:
    """All sets and methods as one Markdown table."""
    lines = [
        "| set | method | n | AC@1 (95 %) | AC@3 | Avg@5 | joint A@1 (95 %) | joint A@3 | s per case |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in sorted(scores[OURS]):
        lines += [_row(name, method, sets[name]) for method, sets in scores.items() if name in sets]
    commits = [_commit_row(name, found) for name, found in scores[OURS].items() if "commit_pass" in found]
    if commits:
        heading = "| set | n | commit pass (95 %) | decoys hit | blamed no commit | remediation right |"
        lines += ["", heading, "|---|---|---|---|---|---|", *commits]
    return "\n".join(lines)


def _row(name: str, method: str, found: Mapping[str, float]) -> str:
    first = f"{found['ac1']:.3f} ({found['low']:.2f} to {found['high']:.2f})"
    joint, joint3 = "", ""
    if method == OURS and "joint_a1" in found:
        joint = f"{found['joint_a1']:.3f} ({found['joint_low']:.2f} to {found['joint_high']:.2f})"
        joint3 = f"{found['joint_a3']:.3f}"
    seconds = f"{found['seconds_per_case']:.2f}" if method == OURS else ""
    cells = (name, method, f"{found['n']:.0f}", first, f"{found['ac3']:.3f}", f"{found['avg5']:.3f}")
    return f"| {' | '.join((*cells, joint, joint3, seconds))} |"


def _commit_row(name: str, found: Mapping[str, float]) -> str:
    passed = f"{found['commit_pass']:.3f} ({found['commit_low']:.2f} to {found['commit_high']:.2f})"
    counted = f"{found['decoys']:.0f} | {found['abstained']:.0f} | {found['remediation']:.3f}"
    return f"| {name} | {found['n']:.0f} | {passed} | {counted} |"


def as_json(found: Scores) -> str:
    """Our measures of each set as one object; counts are whole numbers, the rest has four digits."""
    told = {
        name: {
            key: int(value) if key in _COUNTS else round(value, 4)
            for key, value in measures.items() if key not in _INTERNAL
        }
        for name, measures in found.items()
    }  # fmt: skip
    return json.dumps(told)


def main() -> int:
    """Answer every case, score what has a truth, print the table. 1 when no truth was found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--cases", type=Path, required=True, help="folder with one folder per set")
    parser.add_argument("--truth", type=Path, help="accepted answers (default: DIR/truth.jsonl)")
    parser.add_argument("--out", type=Path, default=Path("predictions.jsonl"), help="where the answers go")
    parser.add_argument("--baselines", action="store_true", help="published scorers in the same table")
    parser.add_argument("--processes", type=int, choices=range(1, PROCESSES + 1), default=PROCESSES)
    parser.add_argument("--json", action="store_true", help="end with one JSON object of our measures")
    args = parser.parse_args()
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # one thread each for the processes that are about to start
    started = time.perf_counter()
    answers = list(answer_all(find_cases(args.cases), args.baselines, args.processes))
    lines = [json.dumps(given[OURS].line(), ensure_ascii=False) for given in answers]
    args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(answers)} answers in {time.perf_counter() - started:.0f} s: {args.out}", file=sys.stderr)
    truth = args.truth or args.cases / "truth.jsonl"
    if not truth.exists():
        print(f"{str(truth)!r} is not there: nothing to score; name it with --truth", file=sys.stderr)
        return 1
    scores = score_all(read_truth(truth), answers)
    print(table(scores))
    if args.json:
        print(as_json(scores[OURS]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
