"""Feature flags as their systems keep them, in one shape."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from autopilot.clients.http import Answer

Spend = Callable[[], None]
MAX_MOVES = 20
"""Entries of a flag's history that are read."""


@dataclass(frozen=True)
class FlagNow:
    """A flag in the configured environment."""

    key: str
    on: bool
    percent: float | None = None
    """Share of those without a rule of their own that get it; None when that is not one number."""
    of: str = ""
    """What the share is of: `variation/other variation`, or the id of the strategy."""
    note: str = ""
    """Why there is no such share."""
    archived: bool = False


@dataclass(frozen=True)
class FlagMove:
    """Something that was done to a flag."""

    id: str
    at: datetime
    what: str
    by: str


class FlagSystem(Protocol):
    """One system of feature flags, in one project and environment."""

    @property
    def name(self) -> str:
        """Such as `unleash`."""
        ...

    @property
    def place(self) -> str:
        """`project/environment`."""
        ...

    @property
    def flags(self) -> Mapping[str, Sequence[str]]:
        """Service → flags that may be switched during its incidents."""
        ...

    def read(self, key: str, spend: Spend | None = None) -> tuple[FlagNow, Answer]:
        """The flag now. Raises Failure."""
        ...

    def history(self, key: str, spend: Spend | None = None) -> tuple[list[FlagMove], Answer]:
        """What was done to it lately, newest first. Raises Failure."""
        ...

    def switch(self, key: str, on: bool, why: str) -> None:
        """Turn it on or off. Raises Failure."""
        ...

    def roll(self, now: FlagNow, percent: float, why: str) -> None:
        """Give it to this share. Raises Failure."""
        ...
