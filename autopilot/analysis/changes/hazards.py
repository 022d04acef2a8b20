"""Hazards: what edits are known to do to running services. They are data, in `rules/hazards.yaml`.

A table of experience, not of any code base. It has two halves: which words of symptoms speak of which trouble, and
which sorts of edits are known for which trouble.
"""

import re
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from autopilot.incident.cause import Mechanism

Topic = Literal[
    "crash", "deadline", "retries", "work", "memory", "connections", "locks", "cache", "trust", "access", "address",
    "throttling", "data", "cpu", "backlog", "settings", "disk", "slowness", "failures",
]  # fmt: skip
"""What symptoms speak of."""
ALL_TOPICS: tuple[Topic, ...] = get_args(Topic)
SLOWING: frozenset[Topic] = frozenset({"work", "locks", "cpu", "connections", "cache", "backlog", "memory"})
"""Troubles that show as slowness where nothing says more."""
FAILING: frozenset[Topic] = frozenset(
    {"crash", "deadline", "retries", "trust", "access", "address", "data", "settings", "throttling"}
)
"""Troubles that show as failures where nothing says more."""
Move = Literal["added", "removed", "edited", "lowered", "raised", "in_loop", "kept"]


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return pattern


_Pattern = Annotated[str, AfterValidator(_compiles)]


class Hazard(BaseModel):
    """A sort of edit and the troubles it is known for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    does: str
    """What the edit does, as the end of a sentence."""
    move: Move
    """added or removed: more lines with the pattern on that side; edited: a line with it on either side; lowered or
    raised: the number after it; in_loop: an added call; kept: something added to what outlives the request."""
    patterns: tuple[_Pattern, ...] = Field(min_length=1)
    topics: tuple[Topic, ...] = Field(min_length=1)
    strength: float = Field(gt=0, le=1)
    """How surely the edit leads to the trouble, before symptoms are asked."""
    mechanism: Mechanism = "code_defect"
    grows: bool = False
    """The harm grows with time: its onset may come hours later."""

    @property
    def pattern(self) -> str:
        """All its patterns as one."""
        return "|".join(self.patterns)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    topics: Mapping[Topic, tuple[_Pattern, ...]]
    hazards: tuple[Hazard, ...]
    bounds: tuple[_Pattern, ...]


def read_hazards(text: str) -> tuple[dict[Topic, str], tuple[Hazard, ...], str]:
    """Topics with the words of their symptoms, the hazards, and what bounds a collection.

    Raises:
        ValueError: the document is not what the head of `rules/hazards.yaml` describes; the message says where.
    """
    try:
        found = _Document.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise ValueError(f"The hazards cannot be read; correct the file: {error}") from error
    return {topic: "|".join(found.topics[topic]) for topic in found.topics}, found.hazards, "|".join(found.bounds)


TOPICS, HAZARDS, BOUNDS = read_hazards(
    resources.files("autopilot.analysis").joinpath("rules/hazards.yaml").read_text("utf-8")
)
