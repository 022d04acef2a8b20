"""The reliability diagram: confidence against the share that was right, before and after calibration."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autopilot.plots.drawing import FAINT, LATER, LINE, canvas, plain


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Write the diagram; the ending of the path says whether as SVG or PNG. Raises OSError or ValueError."""
    with canvas(6.0, 5.0) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=FAINT, lw=1.0, label="perfectly calibrated")
        _points(axes, found["reliability_before"], LINE, "o", "as it is")
        _points(axes, found["reliability_after"], LATER, "s", f"fitted without {found['left_out_in_table']}")
        axes.set(xlim=(0, 1.02), ylim=(0, 1.05), xlabel="mean confidence", ylabel="share that was right (95 %)")
        axes.set_title(f"{found['n']} leading hypotheses; numbers: answers per bin", fontsize=9)
        plain(axes)
        axes.legend(loc="lower right", frameon=False)
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        figure.savefig(path, metadata=metadata)


def _points(axes: Any, rows: Sequence[Mapping[str, Any]], colour: str, marker: str, words: str) -> None:
    x, y = [row["mean"] for row in rows], [row["right"] for row in rows]
    below = [max(0.0, row["right"] - row["interval"][0]) for row in rows]
    above = [max(0.0, row["interval"][1] - row["right"]) for row in rows]
    axes.errorbar(x, y, yerr=[below, above], color=colour, marker=marker, ls="-", lw=1.1, capsize=2, label=words)
    for row in rows:
        axes.annotate(
            str(row["n"]), (row["mean"], row["right"]), textcoords="offset points", xytext=(5, -11),
            color=colour, fontsize=8,
        )  # fmt: skip
