"""The published implementations that speed and quality are compared with, behind typed functions.

They are development packages (extra `bench`); the product never imports them.
"""

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt


class _Cluster(Protocol):
    cluster_id: int


class _Drain(Protocol):
    def add_log_message(self, content: str) -> tuple[_Cluster, str]: ...


class _DrainModule(Protocol):
    def Drain(self) -> _Drain: ...  # noqa: N802 - the package's name


class _Frame(Protocol):
    def __setitem__(self, name: str, values: npt.NDArray[np.float64]) -> None: ...


class _FrameModule(Protocol):
    def DataFrame(self, data: npt.NDArray[np.float64], columns: Sequence[str]) -> _Frame: ...  # noqa: N802 - the package's name


class _BaroModule(Protocol):
    def robust_scorer(self, data: _Frame, inject_time: int) -> dict[str, list[str]]: ...


def drain3_groups(lines: Sequence[str]) -> list[int]:
    """The group of each line by drain3's own loop with its defaults, one line at a time, without masking.

    Its masking is left out: it would only add to drain3's time.
    """
    tree = cast("_DrainModule", importlib.import_module("drain3.drain")).Drain()
    return [tree.add_log_message(line)[0].cluster_id for line in lines]


class BaroInput:
    """Series as the package wants them: a data frame with a column per series and `time`."""

    def __init__(self, series: npt.NDArray[np.float64], split: int) -> None:
        """`series` is one row per series; the incident begins at sample `split`."""
        frames = cast("_FrameModule", importlib.import_module("pandas"))
        self._module = cast("_BaroModule", importlib.import_module("baro.root_cause_analysis"))
        self._split = split
        self._frame = frames.DataFrame(series.T, columns=[str(number) for number in range(len(series))])
        self._frame["time"] = np.arange(series.shape[1], dtype=np.float64)

    def ranks(self) -> list[int]:
        """Numbers of the series, the most suspicious first, by the package's robust scorer."""
        found = self._module.robust_scorer(self._frame, inject_time=self._split)
        return [int(name) for name in found["ranks"]]
