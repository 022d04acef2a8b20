"""Whether a stated quantity was measured, or follows from what was. Pure."""

import re
from collections.abc import Iterable

from autopilot.reasoning.judging.evidence import Evidence
from autopilot.reasoning.judging.quantities import Quantity, beyond, same

HEDGE = r"(?:about|around|roughly|nearly|almost|some)"
_ABOUT = re.compile(rf"(?:{HEDGE}|approximately|close to|ca\.?|~|{chr(0x2248)}|약)\s*$", re.IGNORECASE)
_ABOVE = re.compile(r"(?:over|above|more than|exceed\w*|at least|greater than|beyond)\s*$", re.IGNORECASE)
_BELOW = re.compile(r"(?:under|below|less than|fewer than|at most|within)\s*$", re.IGNORECASE)
_EXTRA = re.compile(rf"\b(?:another|extra|additional)\s*{HEDGE}?\s*$", re.IGNORECASE)
_MOVED_BY = re.compile(rf"\bby\s*{HEDGE}?\s*$", re.IGNORECASE)
_CHANGED = re.compile(
    r"^\s*(?:more|less|fewer|higher|lower|longer|slower|faster|increase|decrease|rise|drop|extra)"
)
_THINGS = re.compile(r"^ (?:[a-z]+ ){0,2}[a-z]+s\b|^개|^ ?(?:군데|가지)", re.IGNORECASE)
"""Things that are counted."""
_SHARE_OF = re.compile(r" of (?:the |its )?(?:usual|baseline|normal|former|previous|level)", re.IGNORECASE)
_LAG = re.compile(r"^\W*(?:\w+\W+){0,2}?(?:after|before|later|earlier|ago|long|into|since|old)\b", re.IGNORECASE)
_LASTED = re.compile(rf"\b(?:for|lasted|within|after|took|over|during|only)\s*{HEDGE}?\s*$", re.IGNORECASE)


def told(said: Quantity, text: str, evidence: Evidence) -> bool:
    """Whether a quantity of a text was measured, or follows from what was."""
    before, after = text[: said.start], text[said.end :]
    about = bool(_ABOUT.search(before))
    level = said.dimension not in ("ratio", "percent")
    # `A quarter of the requests` is a share of them, not how a level changed.
    compared = (said.dimension == "ratio" and not after.startswith(" of ")) or bool(
        _MOVED_BY.search(before) or _CHANGED.search(after) or _SHARE_OF.match(after)
    )

    def among(known: Iterable[Quantity]) -> bool:
        return any(same(said, q, about=about) for q in known)

    if level and _MOVED_BY.search(before):
        return f"by {said.text}" in evidence.text or among(evidence.differences)
    return (
        among(evidence.quantities)
        or (not level and compared and among(q for q in evidence.derived if q.text != "difference"))
        or (bool(_EXTRA.search(before) or _CHANGED.search(after)) and among(evidence.differences))
        or (bool(_LAG.search(after) or _LASTED.search(before)) and _lag(said, evidence))
        or (said.dimension == "" and bool(_THINGS.match(after)) and said.number in evidence.counts)
        or (bool(_ABOVE.search(before)) and any(beyond(said, q, above=True) for q in evidence.quantities))
        or (bool(_BELOW.search(before)) and any(beyond(said, q, above=False) for q in evidence.quantities))
    )


def _lag(said: Quantity, evidence: Evidence) -> bool:
    """Whether a time is that between two cited moments, or the length of a window."""
    room = max(said.step, 30.0 if said.value >= 120 else 0.0)
    return said.dimension == "time" and any(abs(q.value - said.value) <= room for q in evidence.lags)
