"""What every trigger shares: a refusal that says what to do, and what to assume where an alert is silent."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from autopilot.incident.base import Time, clean

Headers = Mapping[str, str]
"""Request headers with lower-case names."""
Clock = Callable[[], Time]
Fetch = Callable[[str], bytes]
"""Reads a URL that was checked before; raises `Failure`."""

RAW_LIMIT = 16_000
FUTURE = timedelta(minutes=10)
PAST = timedelta(days=30)


class Refused(Exception):
    """A request that is not accepted. Everything in it may be shown to the sender; it never holds a secret."""

    def __init__(self, status: int, error: str, *, field: str = "", remedy: str = "") -> None:
        """`status` is the HTTP answer, `field` names the part at fault, `remedy` the next step."""
        super().__init__(error)
        self.status = status
        self.error = error
        self.field = field
        self.remedy = remedy

    def answer(self) -> dict[str, str]:
        """The JSON body of the refusal."""
        return {"error": self.error, "field": self.field, "remedy": self.remedy}


@dataclass(frozen=True)
class Ignored:
    """A genuine notification that starts nothing: acknowledged, and the reason recorded."""

    reason: str


@dataclass(frozen=True)
class Site:
    """What is assumed where an alert does not say."""

    environment: str = "production"
    region: str = ""


def utc_now() -> datetime:
    """The time of receipt."""
    return datetime.now(UTC)


def text(value: object, limit: int = 200) -> str:
    """A field of foreign JSON as harmless text; anything that is not a scalar becomes empty."""
    return clean(value, limit) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def table(value: object) -> dict[str, object]:
    """A field of foreign JSON as an object; anything else becomes empty."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def rows(value: object, limit: int = 50) -> list[object]:
    """A field of foreign JSON as a list of at most `limit` entries; anything else becomes empty."""
    return cast("list[object]", value)[:limit] if isinstance(value, list) else []


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def json_object(body: bytes | str, what: str) -> dict[str, object]:
    """Parse a JSON object.

    Raises:
        Refused: 400, with the place of the mistake.
    """
    try:
        parsed: object = json.loads(body, parse_constant=_no_constant)
    except (UnicodeDecodeError, RecursionError) as error:
        raise Refused(
            400, f"{what} is not valid UTF-8 JSON ({type(error).__name__}).", remedy="Send one JSON object."
        ) from error
    except ValueError as error:
        place = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "body"
        raise Refused(
            400, f"{what} is not JSON: {clean(error, 200)}.", field=place, remedy="Send one JSON object."
        ) from error
    if not isinstance(parsed, dict):
        raise Refused(
            400, f"{what} must be a JSON object, not {type(parsed).__name__}.", remedy='Send {"title": …}.'
        )
    return cast("dict[str, object]", parsed)


def raw_text(body: bytes | str) -> str:
    """The payload as it came, bounded for `Alert.raw`."""
    shown = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    return shown if len(shown) <= RAW_LIMIT else shown[: RAW_LIMIT - 1] + "…"


def same_secret(given: str, expected: str) -> bool:
    """Compare in constant time, whatever the lengths and characters are."""

    def fingerprint(value: str) -> bytes:
        return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()

    return bool(expected) and hmac.compare_digest(fingerprint(given), fingerprint(expected))


def stamp(value: object) -> datetime | None:
    """An ISO 8601 time (`Z`, `+0000`, `+00:00`) as UTC; None when absent, not a time, or without an offset."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo and 1970 < parsed.year < 9999 else None


def plausible(at: datetime | None, now: datetime) -> datetime:
    """When an alert started: as told, unless that is unknown, in the future or longer ago than an alert can be."""
    return at if at is not None and now - PAST <= at <= now + FUTURE else now
