"""One question of `doctor`, and the two ways in which it ends besides an answer."""

from collections.abc import Callable
from dataclasses import dataclass


class Broken(Exception):
    """A check that failed, with its remedy."""

    def __init__(self, detail: str, remedy: str) -> None:
        """`detail` is what was found, `remedy` the next step."""
        super().__init__(detail)
        self.detail, self.remedy = detail, remedy


class Skipped(Exception):
    """Nothing to check; the text says why."""


@dataclass(frozen=True)
class Probe:
    """`ask` returns what was found; it may block, and raises Broken, Skipped, Failure or SettingsError."""

    name: str
    ask: Callable[[], str]
    remedy: str = ""
    """For a Failure or SettingsError, whose own words say what happened."""


def not_configured(section: str) -> Callable[[], str]:
    """The question about a part that settings do not name."""

    def ask() -> str:
        raise Skipped(f"{section} is not configured")

    return ask
