"""How incidents, steps and digests are named. One function per name, used everywhere."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel


def digest(*parts: object) -> str:
    """A short stable hash (16 hex digits) of JSON-like parts and models; key order does not matter."""

    def plain(value: object) -> object:
        return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)

    text = json.dumps(parts, default=plain, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "unknown"


def group_id(labels: Mapping[str, str]) -> str:
    """The workflow id of a group: readable by its service, unique by its labels."""
    return f"incident-{_slug(labels.get('service', ''))}-{digest(dict(labels))[:10]}"


def incident_id(group: str, first_execution_run_id: str) -> str:
    """Unique per opening of a group; stable over retry, reset and continue-as-new."""
    return f"{group}.{first_execution_run_id.replace('-', '')[:12]}"


def idempotency_key(
    incident: str, revision: int, option: int, step: int, kind: Literal["do", "undo"] = "do"
) -> str:
    """The key under which one step takes effect at most once, wherever and however often it is tried."""
    return f"{incident}/{revision}/{option}/{step}/{kind}"
