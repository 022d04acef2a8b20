"""Log lines of traces: which span wrote them, and what they have in common whatever their parameters are.

A line's shape is its place in the code, where the line tells it, else its first words without anything that
holds a digit. That is coarser than a template and needs no mining: lines of one span differ by their wording's
beginning, parameters follow.
"""

import polars as pl

from autopilot.analysis.traces.call_tree import CallTree
from autopilot.case.schema import SEVERE_LEVELS

_LENGTH = 200
_PLACE = (
    r"^\s*(?:\S+\s+){0,3}?([\w$.\[\]/-]{2,80}(?:#|\.(?:java|kt|py|go|js|ts|rb|cs|php|rs|c|cpp|cc|scala):)\d+)\b"
)
"""`Class#12` or `file.py:12` among the first words."""
_WORDS = r"^\s*((?:\S+\s+){0,3}\S+)"
_VARIABLE = r"\S*\d\S*|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b"
"""What differs from call to call, among the first words: whatever holds a digit, and the names in dates."""
_SCHEMA = {"row": pl.Int64, "shape": pl.String, "severe": pl.Boolean, "sample": pl.String}


def lines_of(tree: CallTree, logs: pl.DataFrame) -> pl.DataFrame:
    """Lines that belong to spans: `row` of the span, `shape`, `severe`, `sample` (the text's beginning).

    A line that names no span belongs to the first span of its service in its trace.
    """
    traced = logs.filter((pl.col("trace_id") != "") & (pl.col("message") != "") & (pl.col("kind") != "access"))
    if traced.is_empty() or not tree.size:
        return pl.DataFrame(schema=_SCHEMA)
    lines = traced.select(
        "trace_id", "span_id", "service", "message", severe=pl.col("level").str.to_uppercase().is_in(SEVERE_LEVELS)
    )
    distinct = lines.select("message").unique().with_columns(_shape())
    named = lines.join(tree.ids, on=["trace_id", "span_id"], how="left").join(distinct, on="message", how="left")
    first = _first_spans(tree)
    nameless = named.filter(pl.col("row").is_null()).drop("row").join(first, on=["trace_id", "service"])
    found = pl.concat([named.filter(pl.col("row").is_not_null()), nameless.select(named.columns)])
    return found.select("row", "shape", "severe", "sample")


def _shape() -> list[pl.Expr]:
    raw = pl.col("message").str.slice(0, 4 * _LENGTH)
    record = pl.when(raw.str.starts_with("{") & raw.str.ends_with("}")).then(raw)
    said = pl.coalesce(record.str.json_path_match("$.message"), record.str.json_path_match("$.msg"), raw).str.slice(
        0, _LENGTH
    )
    place = said.str.extract(_PLACE).fill_null("")
    words = said.str.extract(_WORDS).fill_null("").str.replace_all(_VARIABLE, "<n>")
    return [pl.when(place != "").then(place).otherwise(words).alias("shape"), said.alias("sample")]


def _first_spans(tree: CallTree) -> pl.DataFrame:
    """The first span of each service in each trace; spans are in the order of their start."""
    services = pl.Series(tree.services, dtype=pl.String)
    return (
        tree.ids.with_columns(service=services.gather(tree.service))
        .group_by("trace_id", "service").agg(pl.col("row").min())
    )  # fmt: skip
