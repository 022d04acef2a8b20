"""Speed of the analysis: time and memory of a large case, growth with its size, and the references beside it.

    python -m benchmarks.analysis [--json] [--keep DIR]

Each size is written as a case into a folder store and analysed by a fresh process through the product's own path
(`load_case`, `analyze`); writing it is not counted. `--json` ends with one object.
"""

import argparse
import json
import math
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.speed_ratios import logs_ratio, metrics_ratio
from benchmarks.telemetry import FULL, LIVE, Size, write_case

_SHARES = (16, 4, 1)
"""The sizes of the growth series, as parts of the full one."""
_MODALITIES = ("metrics", "logs", "spans")


@dataclass(frozen=True)
class Run:
    """One analysis in its own process."""

    seconds: float
    """Loading and analysing; starting Python and importing are not counted."""
    processor_seconds: float
    """Of all threads: what a quiet machine needs at least, shared by its cores."""
    peak_mib: float
    """Largest resident memory of the process, with Python and its packages."""
    findings: int


def measure(size: Size, folder: Path) -> Run:
    """Write a case of that size below a folder and analyse it in a fresh process.

    Raises:
        subprocess.CalledProcessError: the analysis failed; its traceback is on stderr.
    """
    # In a process of its own: what this one ever held would count as the peak of every child of it.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as writer:
        manifest = writer.submit(write_case, folder, size).result()
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.analysis_run", str(folder), manifest.uri],
        check=True, stdout=subprocess.PIPE, text=True,
    ).stdout  # fmt: skip
    return Run(**json.loads(told))


def only(size: Size, modality: str, part: int) -> Size:
    """A part of one modality of a case, and nothing of the others; there are fewer series, not shorter ones."""
    return replace(
        size,
        series=size.series // part if modality == "metrics" else 0,
        lines=size.lines // part if modality == "logs" else 0,
        spans=size.spans // part if modality == "spans" else 0,
    )


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The exponent of growth: the least-squares line through both logarithms."""
    x, y = [math.log(s) for s in sizes], [math.log(s) for s in seconds]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return above / sum((a - mean_x) ** 2 for a in x)


def _growth(folder: Path, modality: str) -> tuple[float, list[Run]]:
    runs = [measure(only(FULL, modality, part), folder / f"{modality}-{part}") for part in _SHARES]
    return slope([1 / part for part in _SHARES], [run.processor_seconds for run in runs]), runs


def _row(name: str, run: Run) -> str:
    return f"{name:<28}{run.seconds:>10.2f}{run.processor_seconds:>12.2f}{run.peak_mib:>10.0f}{run.findings:>10}"


def _tell(words: str) -> None:
    print(words, flush=True)


def run_all(folder: Path) -> Mapping[str, object]:
    """Every measurement, told line by line; the figures at the end."""
    _tell(f"{'case':<28}{'seconds':>10}{'processor s':>12}{'peak MiB':>10}{'findings':>10}")
    whole = measure(FULL, folder / "whole")
    _tell(_row("whole", whole))
    live = measure(LIVE, folder / "live")
    _tell(_row(f"live, {LIVE.services} services", live))
    growth: dict[str, float] = {}
    for modality in _MODALITIES:
        growth[modality], runs = _growth(folder, modality)
        for part, run in zip(_SHARES, runs, strict=True):
            _tell(_row(f"{modality} alone, 1/{part}", run))
        _tell(f"{modality}: grows with exponent {growth[modality]:.2f}")
    by_logs, by_metrics = logs_ratio(), metrics_ratio()
    _tell(by_logs.sentence)
    _tell(by_metrics.sentence)
    return {
        "seconds": round(whole.seconds, 2), "peak_mib": round(whole.peak_mib),
        "ratio_metrics": round(by_metrics.ratio, 1), "ratio_logs": round(by_logs.ratio, 1),
        "growth": {name: round(exponent, 2) for name, exponent in growth.items()},
        "processor_seconds": round(whole.processor_seconds, 2), "live_seconds": round(live.seconds, 2),
        "same_ranks": by_metrics.same, "grouping_accuracy": by_logs.detail, "size": asdict(FULL),
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--keep", type=Path, help="folder for the cases; without it they are deleted")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="analysis-speed-") as scratch:
        figures = run_all(options.keep or Path(scratch))
    if options.json:
        print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
