"""Edits: which hazards a change's net lines carry, and which of them meets what the symptoms speak of."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from autopilot.analysis.changes.diffs import HARM, DiffLine, Edit
from autopilot.analysis.changes.hazards import BOUNDS, HAZARDS, Hazard, Move, Topic

_UNITS: dict[str, float] = {
    "ns": 1e-9, "nanosecond": 1e-9, "us": 1e-6, "microsecond": 1e-6, "ms": 1e-3, "millis": 1e-3,
    "millisecond": 1e-3, "s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0, "k": 1e3, "kb": 1e3, "ki": 1024.0, "kib": 1024.0,
    "mb": 1e6, "mi": 1024.0**2, "mib": 1024.0**2, "g": 1e9, "gb": 1e9, "gi": 1024.0**3, "gib": 1024.0**3,
}  # fmt: skip
_NUMBER = r"(?P<number>\d[\d_]*(?:\.\d+)?)\s*\*?\s*(?:time\.|timeunit\.|duration\.)?(?P<unit>[a-z]*)"
_BETWEEN = r"[^\d\n]{0,30}?"
_UNIT_OF_NAME = re.compile(r"(ns|us|ms|millis|seconds?|secs?|minutes?|hours?|days?|_s|_m|_h)$")
_LOOP = re.compile(
    r"\b(for|foreach|while|each|map|for_each|loop)\b|\.(map|each|foreach|for_each)\s*\(", re.IGNORECASE
)
_COMMENT = re.compile(r"^\s*(//|#(?!!|include|define|if|else|endif|\[)|/\*|\*\s)")
_LASTING = re.compile(
    r"(?:(?:export |var |let |const |final )*(?:[\w.]+(?:<[^>]*>)?\s+)?|"
    r"\s*(?:\w+\s+)*static\s+(?:\w+\s+)*(?:[\w.]+(?:<.*>)?\s+))"
    r"(?P<name>\w+)\s*(?::|:?=|\[\]|map\[)"
)
"""A declaration at the left margin: it lives as long as the process."""
_OWN = re.compile(r"(self|this|cls|[a-z])\.\w+")
"""A field of an object; an object that serves requests outlives them."""
_LIVE = 0.25
"""Harm of an edit's nature from which its lines are read."""
_FAINT = 0.02
_LEAST_CHANGE = 0.01


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@lru_cache(maxsize=256)
def _amounts(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?P<key>(?:{pattern})){_BETWEEN}(?<![\w.]){_NUMBER}")


def risk(edits: Sequence[Edit], weights: Mapping[Topic, float]) -> tuple[Hazard | None, str, str, float]:
    """The hazard that meets the symptoms most, the file and line it lies in, and how much it meets them (0 to 1).

    Args:
        edits: The files of a change; those that can do next to nothing are left out.
        weights: How clearly the symptoms speak of each topic.
    """
    live = [_Sides.of(edit) for edit in edits if HARM[edit.nature] >= _LIVE]
    worths = ((h.strength * max(weights.get(topic, 0.0) for topic in h.topics), h) for h in HAZARDS)
    for worth, hazard in sorted(worths, key=lambda item: -item[0]):
        if worth < _FAINT:
            break
        at = next(((sides.path, found) for sides in live if (found := _found(hazard, sides))), None)
        if at is not None:
            return (hazard, *at, worth)
    return (None, "", "", 0.0)


@dataclass(frozen=True)
class _Sides:
    """The code of an edit, read once: what was added, what was removed, and all lines."""

    path: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    lines: tuple[DiffLine, ...]
    text: str
    """Both sides as one text, to see at once that a pattern is nowhere."""

    @classmethod
    def of(cls, edit: Edit) -> "_Sides":
        added, removed = tuple(_code(edit.net("+"))), tuple(_code(edit.net("-")))
        return cls(edit.path, added, removed, edit.lines, "\n".join([*added, *removed]).lower())


def _found(hazard: Hazard, sides: _Sides) -> str:
    """The line in which an edit shows a hazard, "" when it does not."""
    added, removed = sides.added, sides.removed
    if not _compiled(hazard.pattern).search(sides.text):
        return ""
    ways: Mapping[Move, Callable[[], str]] = {
        "added": lambda: _more(hazard.pattern, added, removed),
        "removed": lambda: _more(hazard.pattern, removed, added),
        "edited": lambda: _more(hazard.pattern, [*added, *removed], ()),
        "lowered": lambda: _moved(hazard.pattern, removed, added, upwards=False),
        "raised": lambda: _moved(hazard.pattern, removed, added, upwards=True),
        "in_loop": lambda: _in_loop(hazard.pattern, sides.lines),
        "kept": lambda: _kept(hazard.pattern, sides.lines, added),
    }
    return ways[hazard.move]()


def _code(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if not _COMMENT.match(line)]


def _more(pattern: str, here: Sequence[str], there: Sequence[str]) -> str:
    """A line with the pattern, when there are more of them here than there."""
    rule = _compiled(pattern)
    found = [line for line in here if rule.search(line.lower())]
    return found[0] if len(found) > sum(1 for line in there if rule.search(line.lower())) else ""


def _moved(pattern: str, removed: Sequence[str], added: Sequence[str], *, upwards: bool) -> str:
    """The added line whose amount is higher (or lower) than the one it replaces under a like name."""
    before = [amount for line in removed if (amount := _amount(pattern, line)) is not None]
    for line in added:
        now = _amount(pattern, line)
        if now is None:
            continue
        for then in before:
            if not then[1] or (now[0] != then[0] and now[1]):
                continue
            change = now[1] / then[1] - 1
            if change > _LEAST_CHANGE if upwards else change < -_LEAST_CHANGE:
                return line
    return ""


def _amount(pattern: str, line: str) -> tuple[bool, float] | None:
    """Whether a unit of time or size is known, and the amount in it."""
    found = _amounts(pattern).search(line.lower())
    if found is None:
        return None
    number = float(found["number"].replace("_", ""))
    told = found["unit"].lower()
    named = _UNIT_OF_NAME.search(found["key"].lower())
    unit = _UNITS.get(told) or _UNITS.get(told.rstrip("s"))
    if unit is None and named is not None:
        name = named.group(1).lstrip("_")
        unit = _UNITS.get(name) or _UNITS.get(name.rstrip("s"))
    return (unit is not None, number * (unit or 1.0))


def _in_loop(pattern: str, lines: Sequence[DiffLine]) -> str:
    """An added call in the body of a loop, or of a loop that is itself new; depth is told by indentation."""
    rule = _compiled(pattern)
    removed = sum(1 for line in lines if line.sign == "-" and line.net and rule.search(line.text.lower()))
    found: list[str] = []
    loops: list[int] = []
    for line in lines:
        if line.sign == "-" or not line.text.strip() or _COMMENT.match(line.text):
            continue
        depth = len(line.text) - len(line.text.lstrip())
        loops = [outer for outer in loops if outer < depth]
        header = _LOOP.search(line.text)
        within = bool(loops) or (header is not None and not _feeds_loop(line.text))
        if line.sign == "+" and line.net and within and rule.search(line.text.lower()):
            found.append(line.text)
        if header:
            loops.append(depth)
    return found[0] if len(found) > removed else ""


def _feeds_loop(text: str) -> bool:
    """Whether the call only feeds the loop (`for x in client.list():`), which happens once."""
    return re.search(r"\b(in|range|of)\b[^:{]*\([^()]*\)\s*[:{]?\s*$", text) is not None


def _kept(pattern: str, lines: Sequence[DiffLine], added: Sequence[str]) -> str:
    """A line that adds to a collection of the module or of a long-lived object, when nothing new bounds it."""
    if any(_compiled(BOUNDS).search(line.lower()) for line in added):
        return ""
    shown = [line.text for line in lines if line.sign != "-" and not _COMMENT.match(line.text)]
    lasting = {found["name"] for text in shown if (found := _LASTING.match(text))}
    for line in added:
        found = _compiled(pattern).search(line)
        target = next((name for name in found.groups() if name), "") if found else ""
        if target and "pool" not in target.lower() and (target.split(".")[0] in lasting or _OWN.match(target)):
            return line
    return ""
