"""Lines of a place by what they say, how grave they are, and whether they tell of failures at all."""

import polars as pl

from autopilot.analysis.logs.messages import WARN, templates
from autopilot.analysis.logs.signatures import signature_of
from autopilot.case.schema import SEVERE_LEVELS

_READ = 8_000
"""Characters of a line that are searched."""
_SORTS = 2_000
"""Templates of a service whose meaning is looked at."""


def containing(lines: pl.DataFrame, text: str) -> pl.DataFrame:
    """The lines with the text; blanks are alike, and of a text that was too long its beginning counts."""
    wanted = text.removesuffix("…").lower()
    if not wanted:
        return lines
    said = pl.col("message").str.slice(0, _READ).str.to_lowercase().str.replace_all(r"\s+", " ")
    return lines.filter(said.str.contains(wanted, literal=True))


def meaning(written: pl.DataFrame, text: str) -> pl.DataFrame:
    """Where a text names a known failure (`timeout`): the lines that tell of the same one in other words."""
    lines = templates(written)
    known = signature_of(text)
    if known is None:
        return lines.clear()
    samples = (
        lines.group_by("template").agg(pl.col("text").min(), n=pl.len()).sort("n", "template", descending=True)
    )
    alike = [name for name, said, _ in samples.head(_SORTS).iter_rows() if signature_of(said) == known]
    return lines.filter(pl.col("template").is_in(alike))


def of_level(lines: pl.DataFrame, level: str) -> pl.DataFrame:
    """The lines (as `templates` gives them) of a least severity: any, warning or error."""
    if level == "any":
        return lines
    severe = pl.col("level").is_in(SEVERE_LEVELS) | (pl.col("traced") & (pl.col("level") == ""))
    return lines.filter(severe if level == "error" else severe | pl.col("level").is_in(WARN))


def complains(written: pl.DataFrame) -> bool:
    """Whether any line warns or fails: who never does so in its lines tells nothing by their silence."""
    return not of_level(templates(written), "warning").is_empty()
