"""Numbers with their units, as digits or as words, in English and Korean; when two of them say the same. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from autopilot.reasoning.judging.number_words import WORDED, worded

Dimension = Literal["", "count", "time", "bytes", "percent", "ratio", "rate"]
"""`count` is a number of things by its source; "" says that no unit was given."""

_TIME = {
    "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "밀리초": 1e-3,
    "s": 1.0, "sec": 1.0, "second": 1.0, "초": 1.0, "microsecond": 1e-6, "nanosecond": 1e-9,
    "m": 60.0, "min": 60.0, "minute": 60.0, "분": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "시간": 3600.0,
    "d": 86400.0, "day": 86400.0, "일": 86400.0, "week": 604800.0,
}  # fmt: skip
_BYTES = {"b": 1.0, "byte": 1.0, "kb": 1e3, "kib": 1024.0, "mb": 1e6, "mib": 1024.0**2, "gb": 1e9, "gib": 1024.0**3,
          "tb": 1e12, "tib": 1024.0**4, "kilobyte": 1e3, "megabyte": 1e6, "gigabyte": 1e9}  # fmt: skip
_SHARE = ("%", "percent", "pct", "percentage point", "퍼센트", "프로")
_RATIO = ("x", chr(0xD7), "times", "fold", "배")
_SCALE = {"k": 1e3, "thousand": 1e3, "million": 1e6, "billion": 1e9, "천": 1e3, "만": 1e4, "백만": 1e6, "억": 1e8}
_SPAN = {"second": 1.0, "sec": 1.0, "s": 1.0, "초": 1.0, "minute": 60.0, "min": 60.0, "분": 60.0, "hour": 3600.0,
         "h": 3600.0}  # fmt: skip

_NUMBER = r"(?P<number>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_TIMES_SIGN = chr(0xD7)
_UNIT = (
    r"(?P<unit>%|퍼센트|프로|per ?cent|pct|percentage points?|milliseconds?|microseconds?|nanoseconds?|msec|ms|us"
    r"|ns|밀리초|seconds?|secs?|s|초|minutes?|mins?|m|분|hours?|hrs?|h|시간|days?|d|일|weeks?|kilobytes?|megabytes?"
    rf"|gigabytes?|bytes?|[kmgt]i?b|b|x|{_TIMES_SIGN}|times|-?fold|배|thousand|million|billion|k|백만|천|만|억)"
)
_WRITTEN = re.compile(
    rf"(?<![\w.])(?P<factor>[x{_TIMES_SIGN}])?{_NUMBER}(?:[ -]?{_UNIT}(?![A-Za-z0-9]))?"
    r"(?:(?: (?!within|in|for|over|about)[a-z]+)?\s?(?:/|per |a |an |each )"
    r"(?P<span>second|minute|hour|sec|min|s|h)\b)?",
    re.IGNORECASE,
)
_FOLLOWING = re.compile(rf"(?: an? |[ -])?{_UNIT}(?![A-Za-z0-9])", re.IGNORECASE)
"""A unit behind a number word, such as in `half an hour`."""


@dataclass(frozen=True)
class Quantity:
    """A number as it was written, and what it means in the base unit of its dimension."""

    text: str
    number: float
    """In the unit in which it was written."""
    dimension: Dimension = ""
    value: float = 0.0
    """In seconds, bytes, percent, per second; the number itself where there is no unit."""
    step: float = 0.5
    """Half of the last digit that was written, in the base unit: how far it may be rounded."""
    start: int = 0
    end: int = 0
    vague: tuple[float, float] | None = None
    """From and to, of words such as `hundreds`."""


def _unit(text: str) -> tuple[Dimension, float]:
    """The dimension of a unit and its size in the base unit."""
    unit = text.lower().removeprefix("-")
    single = unit if unit in ("s", "times", "ms", "us", "ns") else unit.removesuffix("s")
    if unit.replace(" ", "") in ("percent", *_SHARE) or single in _SHARE:
        return "percent", 1.0
    if unit in _RATIO:
        return "ratio", 1.0
    if single in _SCALE:
        return "", _SCALE[single]
    if single in _TIME:
        return "time", _TIME[single]
    return ("bytes", _BYTES[single]) if single in _BYTES else ("", 1.0)


def unit_of(name: str) -> tuple[Dimension, float]:
    """The dimension and size of a unit as a source names it, such as `Milliseconds` or `Count/Second`."""
    low = name.strip().lower()
    if low in ("", "none", "unknown"):
        return "", 1.0
    if low in ("count", "per request"):
        return "count", 1.0
    head, _, per = low.replace(" per ", "/").partition("/")
    if per and per.strip().removesuffix("s") in _SPAN:
        return "rate", 1.0 / _SPAN[per.strip().removesuffix("s")]
    return _unit(head)


def _zeros(number: float) -> int:
    digits = str(int(number))
    return len(digits) - len(digits.rstrip("0"))


def _written(text: str) -> Iterator[Quantity]:
    for found in _WRITTEN.finditer(text):
        digits = found["number"]
        number = float(digits.replace(",", ""))
        unit = (found["unit"] or "").lower()
        dimension, size = _unit(unit) if unit else ("", 1.0)
        if found["factor"]:
            dimension, size = "ratio", 1.0
        fraction = digits.partition(".")[2]
        step = 0.5 * 10 ** -len(fraction) if "e" not in digits.lower() else number * 0.05
        if number >= 1_000 and number % 10 == 0 and not fraction:  # three digits count: 1,240 stands for 1,238
            step = min(0.5 * 10 ** (len(str(int(number))) - 3), 0.5 * 10 ** _zeros(number))
        end = found.end("unit") if found["unit"] else found.end("number")
        if found["span"] and (dimension in ("", "count") or unit == "times"):
            dimension, size = "rate", size / _SPAN[found["span"].lower()]
            end = found.end()
        whole = text[found.start() : end]
        yield Quantity(whole, number, dimension, number * size, step * size, found.start(), end)


def _spoken(text: str) -> Iterator[Quantity]:
    for word in WORDED.finditer(text):
        number = worded(word[0])
        if number is None:
            continue
        unit = _FOLLOWING.match(text, word.end())
        dimension, size = _unit(unit["unit"]) if unit else (number.dimension, 1.0)
        start, end = word.start(), unit.end() if unit else word.end()
        step = (0.01 if dimension != "ratio" else 0.3 if number.value >= 2 else 0.03) * size
        yield Quantity(
            text[start:end], number.value, dimension, number.value * size, step, start, end, number.vague
        )


def quantities(text: str) -> list[Quantity]:
    """Every quantity of a text in its order, written in digits or in words."""
    found = list(_written(text))
    taken = [(q.start, q.end) for q in found]
    spoken = [q for q in _spoken(text) if not any(a < q.end and q.start < b for a, b in taken)]
    return sorted([*found, *spoken], key=lambda q: q.start)


def _close(said: float, known: float, step: float, about: bool) -> bool:
    if said == 0:
        return abs(known) < 1e-9
    room = max(step, abs(known) * 0.06 if about else 0.0)
    return abs(abs(said) - abs(known)) <= room * (1 + 1e-9) + 1e-12


def _share(quantity: Quantity) -> float:
    return quantity.value if quantity.dimension == "percent" else quantity.value * 100


def _same_number(said: Quantity, known: Quantity, about: bool) -> bool:
    """Compared as written, where one side has no unit."""
    step = said.step * (said.number / said.value if said.value and said.dimension else 1.0)
    return _close(said.number if said.dimension else said.value, known.number, step, about)


def same(said: Quantity, known: Quantity, *, about: bool = False) -> bool:
    """Whether a stated quantity is a known one, in the same or in another unit of the same dimension.

    Args:
        said: What a statement says.
        known: What was measured.
        about: Whether the statement says `about`, which allows coarser rounding.
    """
    dimensions = {said.dimension, known.dimension}
    if said.vague:
        return said.vague[0] <= abs(known.number) <= said.vague[1]
    if len(dimensions) == 1:
        return _close(said.value, known.value, said.step, about)
    if "percent" in dimensions and dimensions <= {"percent", "ratio", "", "count"}:
        other = known if said.dimension == "percent" else said
        step = said.step if said.dimension == "percent" else said.step * 100
        if other.value <= 1 and _close(_share(said), _share(known), step, about):
            return True
        return said.dimension == "" and _same_number(said, known, about)
    if said.dimension == "ratio":
        return False  # "three pods" does not say that anything tripled
    return ("" in dimensions or dimensions == {"count", "rate"}) and _same_number(said, known, about)


def beyond(said: Quantity, known: Quantity, *, above: bool) -> bool:
    """Whether `over 1 s` or `below 1 s` is a fair way to tell a known quantity: true, and not far off."""
    if {said.dimension, known.dimension} == {"ratio", "percent"}:
        a, b = _share(said), _share(known)
    elif said.dimension == known.dimension:
        a, b = said.value, known.value
    else:
        a, b = (said.number, known.number) if "" in (said.dimension, known.dimension) else (0.0, 0.0)
    if said.vague or not a:
        return False
    return a <= b <= 1.5 * a if above else a / 1.5 <= b <= a
