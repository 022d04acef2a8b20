"""Synthetic log lines of known templates: the words of services, with the parameters that real lines carry.

The truth of a line is the template it was printed from, as a program's source would tell.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl

Random = np.random.Generator
_ACTORS = (
    "Scheduler", "OrderService", "c.s.basket.Store", "http.server", "PaymentClient", "[worker-pool]", "cache:",
    "kafka.consumer", "AuthFilter", "SessionRegistry", "inventory.sync", "grpc-server", "MailQueue", "billing/job",
    "o.a.c.core.Engine", "pricing", "TaxRules", "search.indexer", "Gateway:", "[main]", "ledger", "RiskScorer",
)  # fmt: skip
_VERBS = (
    "accepted", "finished", "started", "skipped", "retried", "loaded", "stored", "removed", "expired", "validated",
    "forwarded", "received", "flushed", "rejected", "scheduled", "released", "acquired", "compacted", "published",
    "refreshed", "restored", "merged", "resolved", "dropped",
)  # fmt: skip
_NOUNS = (
    "request", "batch", "order", "payment", "session", "message", "snapshot", "page", "price", "basket", "replica",
    "upload", "chunk", "token", "lease", "segment", "shard", "cursor", "invoice", "refund", "voucher", "stream",
    "checkpoint", "leader", "follower", "heartbeat", "partition", "schema", "tenant", "catalog", "document",
    "image",
    "thumbnail", "policy", "rule", "window", "buffer", "channel", "callback", "transaction",
)  # fmt: skip
_JOINTS = (
    "for",
    "from",
    "with",
    "after",
    "before",
    "during",
    "because of",
    "instead of",
    "without",
    "behind",
    "next to",
)
_TAILS = (
    "for user <user>", "from <ip>", "in <ms> ms", "status <code> took <ms> ms", "partition <n> offset <n>",
    "to <url>", "by <uuid>", "key=<hex> size=<size>", "customer <n> attempt <n>", "at <path>",
    'because "<words>"', "(<n> of <n>)",
)  # fmt: skip
_LEVELS = ("INFO", "INFO", "INFO", "INFO", "DEBUG", "WARN")
_USERS = tuple(f"{first}.{last}" for first, last in product(
    ("ada", "grace", "alan", "edsger", "barbara", "ken"), ("moss", "hill", "stone", "ford", "wood", "lake")
))  # fmt: skip
_WORDS = ("stock is low", "limit reached", "no such coupon", "tax unknown", "address incomplete", "slot taken")


def _pick(values: tuple[str, ...]) -> Callable[[Random, int], pl.Series]:
    return lambda random, count: pl.Series(values).gather(random.integers(len(values), size=count))


def _number(low: int, high: int) -> Callable[[Random, int], pl.Series]:
    return lambda random, count: pl.Series(random.integers(low, high, size=count)).cast(pl.String)


def _shaped(form: str, *bounds: int) -> Callable[[Random, int], pl.Series]:
    def draw(random: Random, count: int) -> pl.Series:
        parts = [pl.Series(random.integers(bound, size=count)).cast(pl.String) for bound in bounds]
        return pl.select(pl.format(form, *parts)).to_series()

    return draw


def _hexadecimal(random: Random, count: int) -> pl.Series:
    return pl.Series([f"{int(value):016x}" for value in random.integers(1 << 62, size=count)], dtype=pl.String)


def _uuid(random: Random, count: int) -> pl.Series:
    digits = _hexadecimal(random, count)
    parts = (
        digits.str.slice(0, 8), digits.str.slice(8, 4), digits.str.slice(1, 3), digits.str.slice(4, 3),
        digits.str.slice(4, 12),
    )  # fmt: skip
    return pl.select(pl.format("{}-{}-4{}-a{}-{}", *parts)).to_series()


_PARAMETERS: dict[str, Callable[[Random, int], pl.Series]] = {
    "<user>": _pick(_USERS), "<words>": _pick(_WORDS), "<n>": _number(0, 100_000), "<ms>": _number(1, 5_000),
    "<code>": _pick(("200", "201", "204", "304", "404")), "<ip>": _shaped("10.{}.{}.{}", 250, 250, 250),
    "<hex>": _hexadecimal, "<uuid>": _uuid, "<size>": _shaped("{}.{}KB", 900, 10),
    "<url>": _shaped("https://api-{}.example.com/v1/items/{}", 9, 90_000),
    "<path>": _shaped("/var/lib/app-{}/part-{}.bin", 20, 9_000),
}  # fmt: skip


@dataclass(frozen=True)
class Lines:
    """Messages with the number of the template each was printed from."""

    message: pl.Series
    level: pl.Series
    truth: pl.Series


def templates(count: int) -> list[str]:
    """Different templates with `<…>` for parameters: a writer, what it did to what, and up to two parameters."""
    random = np.random.default_rng(7)
    found: dict[str, None] = {}
    while len(found) < count:
        words = [_one(random, _ACTORS), _one(random, _VERBS), _one(random, _NOUNS)]
        for _ in range(int(random.integers(0, 4))):
            words += [_one(random, _JOINTS), _one(random, _NOUNS)]
        words += [_one(random, _TAILS) for _ in range(int(random.integers(0, 3)))]
        found[" ".join(words)] = None
    return list(found)


def _one(random: Random, values: tuple[str, ...]) -> str:
    return values[int(random.integers(len(values)))]


def draw_lines(random: Random, count: int, kinds: int) -> Lines:
    """Lines in a random order; frequencies fall as in real logs (Zipf), and every template has a line."""
    weights = 1 / np.arange(1, kinds + 1)
    drawn = random.choice(kinds, size=max(count - kinds, 0), p=weights / weights.sum())
    truth = random.permutation(np.concatenate([np.arange(kinds), drawn])[:count])
    frame = pl.DataFrame({"truth": truth, "message": pl.Series(templates(kinds)).gather(truth)})
    for token, draw in _PARAMETERS.items():
        for _ in range(4):  # a template has a parameter four times at most
            rows = frame["message"].str.contains(token, literal=True).arg_true()
            if rows.is_empty():
                break
            told = pl.DataFrame({"message": frame["message"].gather(rows), "value": draw(random, len(rows))})
            filled = told.select(pl.col("message").str.replace(token, pl.col("value"), literal=True)).to_series()
            frame = frame.with_columns(frame["message"].scatter(rows, filled))
    levels = pl.Series(_LEVELS).gather(truth % len(_LEVELS))
    return Lines(frame["message"], levels, frame["truth"])
