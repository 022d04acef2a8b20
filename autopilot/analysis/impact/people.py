"""Who was hit: people, customers, accounts or sessions named in failing log lines, and access logs as a count."""

import re
from dataclasses import dataclass
from functools import reduce

import polars as pl

from autopilot.analysis.onset import Onset
from autopilot.analysis.windows import Windows
from autopilot.case.schema import SEVERE_LEVELS

_STATUS = ("status", "statusCode", "status_code", "responseStatus", "http_status")
_IDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("user", ("user", "user_id", "userId", "userid", "uid", "sub", "principalId")),
    ("customer", ("customer", "customer_id", "customerId", "tenant", "tenant_id", "tenantId")),
    ("account", ("account", "account_id", "accountId")),
    ("session", ("session", "session_id", "sessionId")),
)
"""Fields that name whom a request was for, the best kind of name first."""
_NOBODY = ["", "-", "null", "none", "unknown", "anonymous", "n/a", "undefined"]
_LENGTH = 4_000
_LINES = 2_000_000


@dataclass(frozen=True)
class Access:
    """Requests that access logs told of since the onset."""

    requests: int
    failed: int


@dataclass(frozen=True)
class People:
    """Distinct names in lines that failed."""

    count: int
    kind: str
    """user, customer, account or session."""


def _field(names: tuple[str, ...]) -> pl.Expr:
    """The first of some fields in a JSON line, else in `key=value` text."""
    text = pl.col("text")
    looks = text.str.starts_with("{") & text.str.ends_with("}")
    body = pl.when(looks).then(text)
    keys = "|".join(re.escape(name) for name in names)
    pair = text.str.extract(rf"(?i)(?:^|[\s,;&?(\[])(?:{keys})=\"?([A-Za-z0-9_.@:+-]{{1,80}})")
    return pl.coalesce([*(body.str.json_path_match(f"$.{name}") for name in names), pair])


def _late(logs: pl.DataFrame, focus: frozenset[str], onset: Onset, windows: Windows) -> pl.DataFrame:
    at = pl.col("time").cast(pl.Int64)
    kept = pl.col("service").is_in(sorted(focus)) & (at >= onset.at) & (at < windows.end)
    return (
        logs.filter(kept & (pl.col("kind") != "audit")).head(_LINES)
        .select("kind", "level", text=pl.col("message").str.slice(0, _LENGTH))
    )  # fmt: skip


def read_access(
    logs: pl.DataFrame, focus: frozenset[str], onset: Onset, windows: Windows
) -> tuple[Access | None, People | None]:
    """What lines since the onset say about requests and about whom they failed; None where they say nothing."""
    lines = _late(logs, focus, onset, windows)
    status = _field(_STATUS).cast(pl.Int64, strict=False)
    access = lines.filter(pl.col("kind") == "access").with_columns(status=status)
    read = access.filter(pl.col("status").is_between(100, 599))
    severe = lines.filter((pl.col("kind") != "access") & pl.col("level").str.to_uppercase().is_in(SEVERE_LEVELS))
    failing = pl.concat([read.filter(pl.col("status") >= 500).select("text"), severe.select("text")])
    counted = Access(read.height, read.filter(pl.col("status") >= 500).height) if read.height else None
    return counted, _people(failing)


def _people(failing: pl.DataFrame) -> People | None:
    named = failing.select(_field(fields).str.slice(0, 200).alias(kind) for kind, fields in _IDS)
    counts = [
        People(named.filter(~pl.col(kind).fill_null("").str.to_lowercase().is_in(_NOBODY))[kind].n_unique(), kind)
        for kind, _ in _IDS
    ]
    return reduce(lambda best, other: best or (other if other.count else None), counts, None)
