"""Known failure signatures: what software says when it fails. They are data, in `rules/signatures.yaml`.

First match wins. Patterns are bounded: every repeat has a limit and none stands on a group, so the work of a search
grows with the length of the text only, and no text can make it explode.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from math import prod
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from autopilot.incident.cause import MECHANISMS, CauseKind, Mechanism

_LOOKED_AT = 1_000
"""Characters of a text that are searched."""
_WORK = 20_000
"""The product of a pattern's repeats; a search takes at most as many steps per character of the text."""
_RANGE = re.compile(r"\{\d*,(\d*)\}")
_UNBOUNDED = re.compile(r"(?<!\\)(?:\\\\)*[*+]|\{\d*,\}")
_REPEATED_GROUP = re.compile(r"(?<!\\)(?:\\\\)*\)[{*+]")
_LOOKAROUND = re.compile(r"\\[1-9]|\(\?[^:]")
_CLASS = re.compile(r"\[(?:\\.|[^\]\\])*\]")


def _bounded(pattern: str) -> str:
    """A pattern that no text can make slow. Raises ValueError with what to write instead."""
    bare = _CLASS.sub("x", pattern)
    if _UNBOUNDED.search(bare):
        raise ValueError(
            f"{pattern!r} repeats without a bound; write {{0,40}} instead of * and {{1,40}} instead of +"
        )
    if _REPEATED_GROUP.search(bare):
        raise ValueError(f"{pattern!r} repeats a group; repeat single characters only")
    if _LOOKAROUND.search(bare):
        raise ValueError(f"{pattern!r} looks around or refers back; say it in plain alternatives")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    if prod(int(low_high[1] or 1) for low_high in _RANGE.finditer(bare)) > _WORK:
        raise ValueError(f"{pattern!r} repeats too much; the bounds of its repeats may multiply to {_WORK:,}")
    return pattern


class _Entry(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=60)
    cause: CauseKind | None = None
    mechanism: Mechanism | None = None
    patterns: tuple[Annotated[str, AfterValidator(_bounded)], ...] = Field(min_length=1)
    points_outward: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> "_Entry":
        if (self.cause is None) == (self.mechanism is None):
            raise ValueError(
                f"signature {self.name!r} needs either a cause or a mechanism, which implies its cause"
            )
        return self

    @property
    def signature(self) -> "Signature":
        cause = MECHANISMS[self.mechanism][0] if self.mechanism else self.cause
        return Signature(
            self.name, cause or "unknown", "|".join(self.patterns), self.points_outward, self.mechanism
        )


@dataclass(frozen=True)
class Signature:
    """A pattern (case-insensitive) over a log message or event, and the cause it speaks of."""

    name: str
    cause: CauseKind
    """`unknown` where the words prove a failure and leave its cause open."""
    pattern: str
    points_outward: bool = False
    """The writer is the victim: the cause lies in what it calls."""
    mechanism: Mechanism | None = None
    """What exactly is wrong, where the words say that much; it belongs to the cause."""


def read_signatures(text: str) -> tuple[Signature, ...]:
    """The signatures of a YAML list, in its order.

    Raises:
        ValueError: an entry is not what the head of `rules/signatures.yaml` describes; the message names it.
    """
    try:
        entries = TypeAdapter(tuple[_Entry, ...]).validate_python(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise ValueError(f"The failure signatures cannot be read; correct the file: {error}") from error
    names = [entry.name for entry in entries]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"Failure signatures need different names; {twice[0]!r} stands twice.")
    return tuple(entry.signature for entry in entries)


SIGNATURES: tuple[Signature, ...] = read_signatures(
    resources.files("autopilot.analysis").joinpath("rules/signatures.yaml").read_text("utf-8")
)
_COMPILED = tuple((re.compile(signature.pattern), signature) for signature in SIGNATURES)


@lru_cache(maxsize=4_096)
def _found(lowered: str) -> Signature | None:
    return next((signature for pattern, signature in _COMPILED if pattern.search(lowered)), None)


def signature_of(text: str) -> Signature | None:
    """The first signature that a text matches."""
    return _found(text[:_LOOKED_AT].lower())
