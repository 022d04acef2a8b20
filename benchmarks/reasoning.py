"""`python -m benchmarks.reasoning --cases DIR --model NAME|none`: the analyst on public incidents, and the defence.

Every case goes through the product's own road: stored, analysed, investigated in turns and probes, concluded. The
truth is read only after everything was answered. `--behaviour gullible|fabricating` instead measures what a model
can bring about that obeys planted orders, or invents; it needs no further argument.
"""

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autopilot.incident.investigation import Limits
from autopilot.observability import configure
from autopilot.reasoning.replaying import asked_model
from autopilot.settings import load
from benchmarks import reasoning_defence
from benchmarks.accuracy import PROCESSES, read_truth
from benchmarks.cases import find_cases
from benchmarks.reasoning_answers import Job, Setup, answers
from benchmarks.reasoning_cases import VARIANTS
from benchmarks.reasoning_scores import figures, table

PER_SET = 10
"""Cases of each set from which healthy and unanswerable ones are derived."""
DEFENCES = {"gullible": reasoning_defence.gullible, "fabricating": reasoning_defence.fabricating}


def jobs(cases: Sequence[Path], per_set: int) -> list[Job]:
    """Every case as it is, and the first ones of each set as derived cases."""
    by_set: dict[str, list[Path]] = defaultdict(list)
    for folder in cases:
        by_set[folder.parent.name].append(folder)
    some = [folder for folders in by_set.values() for folder in folders[:per_set]]
    whole: list[Job] = [(folder, "whole") for folder in cases]
    return whole + [(folder, variant) for variant in VARIANTS[1:] for folder in some]


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Answer, then read the truth, then score. Raises FileNotFoundError when there are no cases or no truth."""
    cases = [c for c in find_cases(args.cases) if not args.sets or c.parent.name in args.sets]
    cases = cases[: args.limit] if args.limit else cases
    accepted: Path = args.truth or args.cases / "truth.jsonl"
    if not cases or not accepted.exists():
        raise FileNotFoundError(f"no case of these sets, or no {str(accepted)!r}; name it with --truth")
    model = asked_model(load().model, args.model, args.base_url)
    changes = {"timeout": args.call_seconds, "max_prompt_tokens": args.prompt_tokens}
    limits = Limits(rounds=args.rounds, seconds=max(args.call_seconds * 4, Limits().seconds))
    setup = Setup(
        model.model_copy(update={k: v for k, v in changes.items() if v}), limits, attempt_seconds=args.call_seconds
    )
    processes = args.processes if args.model == "none" else 1
    found = list(answers(jobs(cases, args.derived), setup, processes))
    if args.out:
        lines = [json.dumps(a.line(), ensure_ascii=False) for a in found]
        args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    truths = read_truth(accepted)
    return figures(found, {truth.id: truth for some in truths.values() for truth in some})


def main() -> int:
    """Read the arguments and run."""
    parser = _parser()
    args = parser.parse_args()
    if args.cases is None and args.behaviour is None:  # the public sets are not part of the repository
        print("reasoning: name a folder with --cases, or a --behaviour; see docs/benchmarks.md", file=sys.stderr)
        return 0
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # one thread each for the processes that are about to start
    configure("WARNING", readable=False)
    try:
        found = DEFENCES[args.behaviour]() if args.behaviour else measure(args)
    except FileNotFoundError as error:
        parser.error(str(error))
    print(reasoning_defence.table(found) if args.behaviour else table(found))
    if args.json:
        print(json.dumps(found))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reasoning", description=__doc__)
    parser.add_argument("--cases", type=Path, help="folder with one folder per set")
    parser.add_argument("--truth", type=Path, help="accepted answers (default: DIR/truth.jsonl)")
    parser.add_argument("--model", default="none", help="which model to ask; none (default): the built-in analyst")
    parser.add_argument("--base-url", help="its server (default: that of the settings)")
    parser.add_argument("--behaviour", choices=tuple(DEFENCES), help="measure the defence instead")
    parser.add_argument("--sets", nargs="*", default=[], help="only these sets")
    parser.add_argument("--limit", type=int, default=0, help="only the first N cases (default: all)")
    parser.add_argument("--derived", type=int, default=PER_SET, help="healthy and unanswerable cases from each set")
    parser.add_argument("--rounds", type=int, default=Limits().rounds, help="turns of the analyst at most")
    parser.add_argument("--call-seconds", type=float, default=45.0, help="time for one call of the model")
    parser.add_argument("--prompt-tokens", type=int, default=0, help="limit of the dossier's tables in a prompt")
    parser.add_argument("--processes", type=int, choices=range(1, PROCESSES + 1), default=PROCESSES)
    parser.add_argument("--out", type=Path, help="also write the answers, one JSON object per line")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
