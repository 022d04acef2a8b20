"""Places: which rows of a case a name means that was asked for, and what exists where it means none."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

import polars as pl

from autopilot.analysis.probes.probe import Answer
from autopilot.analysis.windows import Windows
from autopilot.incident.base import clean
from autopilot.incident.evidence import Table

_SHOWN = 8
"""Names told of those that exist."""
_COMPARED = 500
"""Names that are compared with the one asked for."""
_NAME = 60
_COLUMNS = ("service", "resource", "name")
"""What may carry the name, the surest first."""


@dataclass(frozen=True)
class Place:
    """What a name means in a table."""

    name: str
    """The service as the case writes it (of a resource: its own); as it was asked for where it means nothing."""
    rows: pl.DataFrame
    known: tuple[str, ...]
    """The services that the table knows."""

    def nothing(self, what: str, table: Table) -> Answer:
        """The answer when there are no rows: what there is none of, and of what there is some."""
        return unknown_name(what, self.name, self.known, table)


def find_place(table: pl.DataFrame, asked: str) -> Place:
    """The rows of a service, or of a resource by its name, its id or the last part of its id."""
    columns = [name for name in _COLUMNS if name in table.columns]
    texts = {column: names_in(table[column]) for column in columns}
    for tail in (False, True):
        for column in columns:
            found = match(asked, texts[column], tail=tail)
            if found:
                rows = table.filter(pl.col(column).cast(pl.String).is_in(found))
                owners = names_in(rows["service"])
                return Place(owners[0] if len(owners) == 1 else found[0], rows, texts["service"])
    return Place(clean(asked, _NAME), table.clear(), texts.get("service", ()))


def names_in(column: pl.Series) -> tuple[str, ...]:
    """The distinct texts of a column, in order, without the empty one."""
    return tuple(sorted(str(text) for text in column.unique().to_list() if text))


def match(asked: str, names: Iterable[str], *, tail: bool = False) -> list[str]:
    """The names that mean what was asked for: the very one, else those equal but for case and punctuation.

    Args:
        asked: The name as it was asked for.
        names: The names that exist.
        tail: Whether the last part of a name with slashes or colons is enough.
    """
    known = list(names)
    if asked in known:
        return [asked]
    wanted = _plain(asked)
    if not wanted:
        return []
    return [name for name in known if wanted == _plain(re.split(r"[/:]", name)[-1] if tail else name)]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def speaks_of(text: str, names: Iterable[str]) -> bool:
    """Whether a text has one of the names as its own word: `cart` stands neither in `cartel` nor in `cart-db`."""
    known = "|".join(re.escape(name) for name in names if name)
    return bool(known) and bool(re.search(rf"(?<![\w-])(?:{known})(?!\w|-[a-z])", text, re.IGNORECASE))


def listed(names: Iterable[str], near: str = "") -> str:
    """Some names for a reader: those most like `near` first, bounded, with the number of the rest."""
    known = sorted({name for name in names if name})
    if near:
        alike = [
            (-SequenceMatcher(None, near.lower()[:_NAME], n.lower()[:_NAME]).ratio(), n) for n in known[:_COMPARED]
        ]
        known = [name for _, name in sorted(alike)] + known[_COMPARED:]
    shown = ", ".join(clean(name, _NAME) for name in known[:_SHOWN])
    rest = len(known) - _SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown


def unknown_name(what: str, asked: str, known: Iterable[str], table: Table) -> Answer:
    """Nothing is known of a name, so the answer is what exists instead."""
    exists = listed(known, asked)
    told = f"; there are {what} of {exists}" if exists else f", and no {what} of any other"
    return Answer("unknown", f'The case has no {what} of "{clean(asked, _NAME)}"{told}', missing=(table,))


def in_windows(rows: pl.DataFrame, windows: Windows, column: str = "time") -> pl.DataFrame:
    """The rows of baseline and incident."""
    at = pl.col(column).cast(pl.Int64)
    return rows.filter((at >= windows.start) & (at < windows.end))


def during(rows: pl.DataFrame, windows: Windows, column: str = "time") -> pl.DataFrame:
    """The rows of the incident."""
    at = pl.col(column).cast(pl.Int64)
    return rows.filter((at >= windows.split) & (at < windows.end))
