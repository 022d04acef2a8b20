"""What every domain model shares: frozen, tolerant of newer fields, bounded text."""

import re
import unicodedata
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

from autopilot.incident.invisible import without_invisible

_UNWANTED = {"Cc", "Cf", "Cs", "Co", "Cn"}


class Model(BaseModel):
    """A frozen record. Unknown fields are ignored: an older worker may read what a newer one wrote."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_timedelta="float")


Time = AwareDatetime
"""Always timezone-aware; UTC by convention."""

Scalar = str | int | float | bool | None
"""A JSON scalar: what a tool's argument or a setting may be."""


def clean(text: object, limit: int, *, lines: bool = False) -> str:
    """Make outside text harmless to show: no control or invisible characters, at most `limit` characters.

    A cut is marked with an ellipsis, so that nobody takes a part for the whole; so is a text that was hidden in
    invisible characters (`invisible.HIDDEN`).
    """
    given = str(text)
    seen = without_invisible(given[: limit * 4])
    # isprintable() knows all unwanted characters and works at once on the whole: most texts have none.
    kept = seen
    if not (seen.replace("\n", "").replace("\t", "") if lines else seen).isprintable():
        kept = "".join(
            char if unicodedata.category(char) not in _UNWANTED or (lines and char in "\n\t") else " "
            for char in seen
        )
    kept = kept.strip() if lines else re.sub(r"\s+", " ", kept).strip()
    whole = len(kept) <= limit and len(given) <= limit * 4
    return kept if whole else kept[: limit - 1] + "…"


def _line(limit: int) -> BeforeValidator:
    return BeforeValidator(lambda value: clean(value, limit) if isinstance(value, str) else value)


def _block(limit: int) -> BeforeValidator:
    return BeforeValidator(lambda value: clean(value, limit, lines=True) if isinstance(value, str) else value)


Name = Annotated[str, _line(200)]
"""An identifier-like text: a service, a resource, a metric."""
Line = Annotated[str, _line(400)]
"""One sentence."""
Block = Annotated[str, _block(8_000)]
"""Some lines of text."""
Query = Annotated[str, _block(1_000)]
"""A question as it was asked of a source, as far as it is worth keeping."""


class TimeWindow(Model):
    """A half-open span of time, [start, end)."""

    start: Time
    end: Time

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return (self.end - self.start).total_seconds()

    def contains(self, at: Time) -> bool:
        """Whether `at` lies in the window."""
        return self.start <= at < self.end


class Link(Model):
    """A place where a person can look for himself."""

    title: Line
    url: str
