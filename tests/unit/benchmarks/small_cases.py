"""Tiny cases in the public layout, written by the tests themselves."""

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

START = 1_700_000_000


def write_case(folder: Path, **told: Any) -> Path:
    """A case folder with its `case.json`."""
    folder.mkdir(parents=True)
    case = {"id": folder.name, "dataset": folder.parent.name, "candidates": ["web", "db"],
            "symptom": {"service": "web", "metric": "latency.Average", "text": "slow"}} | told  # fmt: skip
    (folder / "case.json").write_text(json.dumps(case))
    return folder


def write_samples(path: Path, rows: Iterable[tuple[float, str, str, float]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        file.write("time,service,metric,value\n")
        file.writelines(f"{time},{service},{metric},{value}\n" for time, service, metric, value in rows)


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def write_json(path: Path, told: Any) -> None:
    with gzip.open(path, "wt") as file:
        json.dump(told, file)


def fault(service: str, *, normal: int = 120, faulty: int = 60) -> list[tuple[float, str, str, float]]:
    """Two services at one sample a second; `service` uses far more processor once the fault begins."""
    return [
        (START + t, name, "cpu", 10.0 + t % 3 + (80.0 if name == service and t >= normal else 0.0))
        for t in range(normal + faulty)
        for name in ("web", "db")
    ]
