"""Answers to public cases from processes that keep the evidence, so that other weights can be tried on it."""

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType

from autopilot.analysis.dossier import Evidence, conclude, gather
from autopilot.analysis.ranking.weights import WEIGHTS, Weights
from benchmarks.baselines import baselines
from benchmarks.cases import PublicCase, read_case
from benchmarks.predictions import Prediction, predict

OURS = "autopilot"
_KEPT_PLACES = 5
"""Places of an answer that any measure looks at."""
Answers = dict[str, Prediction]
"""Method → its answer to one case."""

_kept: dict[str, tuple[PublicCase, Evidence]] = {}
"""In a child: what it gathered, by case id."""


class Answerers:
    """Processes that answer cases, each keeping its share of the evidence. Use as a context manager."""

    def __init__(self, folders: Sequence[Path], processes: int) -> None:
        """Deal the case folders out to so many processes; nothing is read yet."""
        self._folders = list(folders)
        # A pool of one is a process that can be asked again and still has what it gathered.
        self._pools = [ProcessPoolExecutor(1, mp_context=get_context("spawn")) for _ in range(processes)]

    def __enter__(self) -> "Answerers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)

    def answer_all(self, *, compare: bool = False, keep: bool = False) -> Iterator[Answers]:
        """Ours and, if wanted, the baselines' answers in the order of the folders, with progress on stderr."""
        futures = [
            self._pools[number % len(self._pools)].submit(_answer, folder, compare, keep)
            for number, folder in enumerate(self._folders)
        ]
        for done, future in enumerate(futures, 1):
            answers = future.result()
            if answers[OURS].error:
                print(f"{answers[OURS].id}: {answers[OURS].error[:300]}", file=sys.stderr)
            if done % 20 == 0 or done == len(futures):
                print(f"{done} of {len(futures)} cases", file=sys.stderr, flush=True)
            yield answers

    def again(self, weights: Sequence[Weights]) -> list[dict[str, Prediction]]:
        """For each weights our answer to every case whose evidence was kept, by case id."""
        futures: list[Future[list[dict[str, Prediction]]]] = [pool.submit(_again, weights) for pool in self._pools]
        shares = [future.result() for future in futures]
        return [
            {case: answer for share in of_one for case, answer in share.items()}
            for of_one in zip(*shares, strict=True)
        ]  # fmt: skip


def _answer(folder: Path, compare: bool, keep: bool) -> Answers:
    """Our answer to one case and, if wanted, the baselines'. A failure is an empty answer that says why."""
    try:
        public = read_case(folder)
        started = time.perf_counter()
        evidence = gather(public.case)
        dossier = conclude(public.case, evidence)
        answers = {OURS: predict(public, dossier, time.perf_counter() - started)}
    except Exception as error:  # noqa: BLE001 - one broken case is a miss that is reported, not the end of the run
        return {OURS: Prediction(folder.name, folder.parent.name, (), error=f"{type(error).__name__}: {error}")}
    if keep:
        _kept[public.id] = replace(public, case=replace(public.case, tables={})), evidence
    return answers | (baselines(public) if compare else {})


def _again(weights: Sequence[Weights]) -> list[dict[str, Prediction]]:
    return [
        {name: _short(public, evidence, each) for name, (public, evidence) in _kept.items()} for each in weights
    ]


def _short(public: PublicCase, evidence: Evidence, weights: Weights = WEIGHTS) -> Prediction:
    whole = predict(public, conclude(public.case, evidence, weights=weights), 0.0)
    return replace(
        whole, ranking=whole.ranking[:_KEPT_PLACES], diagnoses=whole.diagnoses[:_KEPT_PLACES], blast_radius=()
    )
