"""What a flag's text says: on or off, for what share of requests, in which regions. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from autopilot.incident.base import Scalar
from autopilot.sources.json_shape import document, is_list

OFF = {"true": "false", "on": "off", "enabled": "disabled", "yes": "no"}
"""Plain texts that switch something on, and what switches it off."""


def facets_of(flag: Mapping[str, Any]) -> dict[str, Scalar]:
    """`enabled`, `percentage` and `regions` (joined by commas) of a flag, as far as it has them."""
    found: dict[str, Scalar] = {}
    if isinstance(flag.get("enabled"), bool):
        found["enabled"] = flag["enabled"]
    percentage = flag.get("percentage")
    if isinstance(percentage, int | float) and not isinstance(percentage, bool):
        found["percentage"] = percentage
    if is_list(regions := flag.get("regions")) and all(isinstance(region, str) for region in regions):
        found["regions"] = ",".join(regions)
    return found


def facets(text: str) -> dict[str, Scalar]:
    """The same of a text: a JSON object, or a plain word such as `on`."""
    plain = text.strip().lower()
    if plain in OFF or plain in OFF.values():
        return {"enabled": plain in OFF}
    return facets_of(document(text))


def narrower(present: Mapping[str, Scalar], hit: Iterable[str], small: int) -> dict[str, Scalar]:
    """The next smaller reach of a flag that is on; empty when there is none.

    Args:
        present: Its facets.
        hit: The regions in trouble: they are taken out where the flag knows regions and others remain.
        small: The percentage to go down to; a flag that has less already, or knows no percentage, is switched off.
    """
    if present.get("enabled") is False:
        return {}
    regions, hit = str(present.get("regions") or "").split(","), set(hit)
    left = [region for region in regions if region not in hit]
    if left and len(left) < len(regions):
        return {"regions": ",".join(left)}
    percentage = present.get("percentage")
    if isinstance(percentage, int | float) and percentage > small:
        return {"percentage": small}
    return {"enabled": False} if present.get("enabled") else {}


def with_facets(flag: Mapping[str, Any], wanted: Mapping[str, Scalar]) -> dict[str, Any]:
    """A flag with other facets; everything else in it stays."""
    changed = {**flag, **{name: value for name, value in wanted.items() if name != "regions"}}
    if "regions" in wanted:
        changed["regions"] = [region for region in str(wanted["regions"]).split(",") if region]
    return changed


def rewritten(text: str, wanted: Mapping[str, Scalar]) -> str:
    """A flag's text with other facets; a plain word can only be switched off."""
    plain = text.strip().lower()
    if plain in OFF:
        return _cased(text.strip(), OFF[plain])
    return json.dumps(with_facets(document(text), wanted), ensure_ascii=False)


def _cased(like: str, word: str) -> str:
    """A word written as another one: TRUE → FALSE, True → False."""
    return word.upper() if like.isupper() else word.capitalize() if like[:1].isupper() else word
