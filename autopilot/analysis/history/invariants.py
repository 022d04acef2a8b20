"""Invariants that say a number, held against what was measured: "p99 latency < 300 ms".

Only what can be compared without guessing is: the signal and statistic of the series, in a unit of the same
dimension. Everything else is left to the reader.
"""

import re
from collections.abc import Sequence

from autopilot.analysis.clue import Clue, Signal, amount, clock

_RULE = re.compile(
    r"(?P<what>[a-z][\w \-/]{2,60}?)\s*(?:is|are|stays?|must be|must stay|should be|should stay)?\s*"
    r"(?P<order><=?|>=?|≤|≥|\b(?:below|under|less than|at most|above|over|more than|at least))\s*"
    r"(?P<number>\d{1,12}(?:\.\d{1,6})?)\s*(?P<unit>%|[a-zµ]{1,12})?",
    re.IGNORECASE,
)
_LEAST = (">", ">=", "≥", "above", "over", "more than", "at least")
_STATISTIC = re.compile(r"\b(?:p\d{1,2}(?:\.\d)?|average|mean|maximum|max)\b", re.IGNORECASE)
_SAME_STATISTIC = {"mean": "average", "max": "maximum"}
_SIGNALS: tuple[tuple[str, Signal], ...] = (
    (r"latency|response time|duration", "latency"),
    (r"error|failure|fault", "errors"),
    (r"throttl", "throttling"),
    (r"availability|uptime", "availability"),
    (r"utili[sz]ation|cpu|memory", "utilisation"),
)
_UNITS: dict[str, tuple[str, float]] = {
    "ms": ("s", 0.001), "milliseconds": ("s", 0.001), "millisecond": ("s", 0.001), "s": ("s", 1.0),
    "seconds": ("s", 1.0), "second": ("s", 1.0), "us": ("s", 1e-6), "µs": ("s", 1e-6), "microseconds": ("s", 1e-6),
    "%": ("share", 0.01), "percent": ("share", 0.01), "share": ("share", 1.0),
    "": ("count", 1.0), "count": ("count", 1.0), "none": ("count", 1.0),
}  # fmt: skip
"""Unit → its dimension, and what one of it is there."""


def not_kept(text: str, service: str, facts: Sequence[Clue]) -> str:
    """How an invariant of a service is violated now; "" when it is kept or cannot be compared."""
    rule = _RULE.search(text)
    wanted = next((s for pattern, s in _SIGNALS if rule and re.search(pattern, rule["what"], re.IGNORECASE)), None)
    limit = _value(float(rule["number"]), rule["unit"] or "") if rule else None
    if rule is None or wanted is None or limit is None:
        return ""
    at_least = rule["order"].lower() in _LEAST
    statistic = _statistic(rule["what"])
    beyond: list[tuple[float, Clue]] = []
    for clue in facts:
        found = clue.finding
        if clue.signal != wanted or clue.service != service or found.metric is None or found.observed is None:
            continue
        measured = _value(found.observed, found.unit)
        if measured is None or measured[0] != limit[0] or statistic not in ("", _statistic(found.metric.statistic)):
            continue
        excess = limit[1] - measured[1] if at_least else measured[1] - limit[1]
        if excess > 0:
            beyond.append((excess, clue))
    if not beyond:
        return ""
    worst = max(beyond, key=lambda pair: (pair[0], pair[1].finding.summary))[1].finding
    ref, since = worst.metric, f" since {clock(worst.onset)}" if worst.onset else ""
    series = f"{ref.name}, {ref.statistic}" if ref else ""
    return f"not kept now: {amount(worst.observed or 0.0, worst.unit)} ({series}){since}"


def _value(number: float, unit: str) -> tuple[str, float] | None:
    """Dimension and value; None for a unit that is not known."""
    known = _UNITS.get(unit.strip().lower())
    return (known[0], number * known[1]) if known else None


def _statistic(text: str) -> str:
    """The statistic that a text names, in one spelling; "" for none."""
    found = _STATISTIC.search(text)
    name = found[0].lower() if found else ""
    return _SAME_STATISTIC.get(name, name)
