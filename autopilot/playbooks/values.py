"""Values as people write them in playbooks: durations, shares, severities, hours, names of sources and channels."""

import re
from collections.abc import Callable
from datetime import datetime, time
from difflib import get_close_matches
from typing import Annotated, Any, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from autopilot.incident.alert import SEVERITIES, Severity
from autopilot.incident.hours import WEEKDAYS, Weekday

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


class Shape(BaseModel):
    """camelCase keys; a key that is not known is an error, never silently ignored."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=False, use_attribute_docstrings=True
    )


def _seconds(value: object) -> object:
    """`30s`, `1h30m` or a number of seconds; anything else is left for the type to refuse."""
    if not isinstance(value, str):
        return value
    parts = _DURATION.findall(value.strip())
    if not parts or "".join(n + u for n, u in parts) != value.strip():
        raise ValueError(f"{value!r} is not a duration; write it as 30s, 10m, 1h30m or a number of seconds")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


_AS_DURATION = WithJsonSchema(
    {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"}]}
)
Duration = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=31_536_000), _AS_DURATION]
"""Seconds."""
Delay = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=31_536_000), _AS_DURATION]
"""Seconds, possibly none."""


def _percent(value: object) -> object:
    """`70%` or a number; below or equal to 1 without a sign, a number is a share."""
    if isinstance(value, bool):
        raise ValueError(f"{value} is not a share; write it as 70%")
    if isinstance(value, int | float):
        return value * 100 if value <= 1 else value
    text = value.strip() if isinstance(value, str) else ""
    number = text.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(number):
        raise ValueError(f"{value!r} is not a share; write it as 70%")
    return float(number) if text.endswith("%") else _percent(float(number))


_AS_PERCENT = WithJsonSchema(
    {
        "anyOf": [
            {"type": "number", "minimum": 0, "maximum": 100},
            {"type": "string", "pattern": r"^\d+(\.\d+)? ?%?$"},
        ]
    }
)
Percent = Annotated[float, BeforeValidator(_percent), Field(ge=0, le=100), _AS_PERCENT]
"""0 to 100."""


def _severity(value: object) -> object:
    """Ours, with or without `severity-` before it, and the usual P1 to P4 or SEV1 to SEV4."""
    if not isinstance(value, str):
        return value
    word = re.sub(r"^(?:severity|sev|p)[-_ :]?", "", value.strip().casefold()) or value
    word = SEVERITIES[int(word) - 1] if word in ("1", "2", "3", "4") else word
    if word not in SEVERITIES:
        raise ValueError(f"{value!r} is not a severity; use {', '.join(SEVERITIES)}")
    return word


SeverityWord = Annotated[
    Severity,
    BeforeValidator(_severity),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(?i:(severity|sev|p)?[-_ :]?(critical|high|medium|low|[1-4]))$"}
    ),
]


def _clock(value: object) -> object:
    """`22:00`; unquoted, YAML 1.1 reads that as a number of minutes."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1_440:
        return time(value // 60, value % 60)
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a time of day; write it as '22:00'")
    return time(int(found[1]), int(found[2]))


Clock = Annotated[
    time,
    BeforeValidator(_clock),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^([01]?\d|2[0-3]):[0-5]\d$"}, {"type": "integer"}]}),
]


def _weekday(value: object) -> object:
    word = value.strip().casefold()[:3] if isinstance(value, str) else ""
    if word not in WEEKDAYS:
        raise ValueError(f"{value!r} is not a weekday; use {', '.join(WEEKDAYS)}")
    return word


Day = Annotated[Weekday, BeforeValidator(_weekday), WithJsonSchema({"type": "string"})]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write it as Europe/Berlin or UTC") from error
    return name


def _moment(value: object) -> object:
    """A date or time; a bare number would silently become one of 1970."""
    if isinstance(value, int | float):
        raise ValueError(f"{value} is not a time; write it as 2026-01-31T08:00:00Z")
    return value


Moment = Annotated[datetime, BeforeValidator(_moment)]
"""A time; without a zone it is read in the zone that stands beside it."""
Zone = Annotated[str, AfterValidator(_zone), Field(max_length=64)]


def mapping(value: object) -> dict[object, object] | None:
    """A mapping out of YAML, which is untyped until its shape is checked; None for anything else."""
    return cast("dict[object, object]", value) if isinstance(value, dict) else None


def sequence(value: object) -> list[object] | None:
    """A list out of YAML; None for anything else."""
    return cast("list[object]", value) if isinstance(value, list) else None


def _several(value: object) -> object:
    """One name, or a list of names."""
    return [value] if isinstance(value, str) else value


def listed(value: object) -> object:
    """One mapping, or a list of them."""
    keys = mapping(value)
    return value if keys is None else [keys]


def merged(value: object) -> object:
    """A list of mappings as one mapping, the way some tools write actions; a repeated key is refused."""
    items = sequence(value)
    if items is None:
        return value
    together: dict[object, object] = {}
    for item in items:
        if (keys := mapping(item)) is None:
            raise ValueError(
                "each item has to be a mapping such as `autoRollback: {enabled: true}`; correct the item"
            )
        for key, content in keys.items():
            if key in together:
                raise ValueError(f"{key!r} stands twice; remove one of them")
            together[key] = content
    return together


class Reads:
    """Reads what is written more loosely than its type; the published schema says so too."""

    def __init__(self, read: Callable[[object], object], also: Literal["one", "many"]) -> None:
        """`also`: a list may be written as `one` item, or a mapping as `many` parts of it."""
        self._read, self._also = read, also

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, JsonValue]:
        strict: dict[str, JsonValue] = handler(schema)
        loose: JsonValue = (
            strict.get("items", {}) if self._also == "one" else {"type": "array", "items": dict(strict)}
        )
        either: list[JsonValue] = [strict, loose]
        return {"anyOf": either}


Several = Reads(_several, "one")
"""Names: one, or a list."""
Listed = Reads(listed, "one")
"""Mappings: one, or a list."""


def near(word: str, known: list[str]) -> str:
    """What to do about a word that is not known."""
    found = get_close_matches(word, known, 1)
    return f"did you mean {found[0]!r}?" if found else f"known here: {', '.join(known)}"
