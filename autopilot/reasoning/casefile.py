"""Reading what reasoning needs out of the case store: the dossier, the inventory, who calls whom."""

import json
from typing import cast

import polars as pl
from pydantic import ValidationError

from autopilot.incident.base import Scalar
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import Dossier, DossierBrief
from autopilot.incident.ports import CaseStore, Failure
from autopilot.reasoning.tables import StoredTables
from autopilot.remediation.base import InventoryItem


def load_dossier(store: CaseStore, brief: DossierBrief) -> Dossier:
    """The whole dossier. Raises Failure when it is missing or not a dossier."""
    try:
        return Dossier.model_validate_json(store.get(brief.uri))
    except ValidationError as error:
        raise Failure(
            f"Document {brief.uri!r} is not a dossier ({error.error_count()} problems); analyse the case again.",
            who="developer",
        ) from error


def _scalars(value: object) -> dict[str, Scalar]:
    """The scalar entries of a JSON object; anything else in it is of no use as an argument."""
    if not isinstance(value, dict):
        return {}
    entries = cast("dict[object, object]", value)  # json.loads returns untyped objects
    return {str(k): v for k, v in entries.items() if v is None or isinstance(v, str | int | float | bool)}


def _json(text: object) -> object:
    try:
        return json.loads(str(text or "null"))
    except json.JSONDecodeError:
        return None


def load_inventory(store: CaseStore, manifest: CaseManifest) -> tuple[InventoryItem, ...]:
    """The resources of the case, each as it was seen last, in a stable order.

    Raises Failure when a part of the case is missing or not what was stored.
    """
    latest: dict[str, InventoryItem] = {}
    for row in StoredTables(store).read(manifest, "inventory").iter_rows(named=True):
        versions = _json(row["versions"])
        items = cast("list[object]", versions) if isinstance(versions, list) else []
        item = InventoryItem(
            resource=str(row["resource"]),
            kind=str(row["kind"]),
            name=str(row["name"]),
            service=str(row["service"]),
            region=str(row["region"]),
            settings=_scalars(_json(row["settings"])),
            versions=tuple(_scalars(v) for v in items),
            health=str(row["health"]),
        )
        latest[item.resource] = item
    return tuple(latest[resource] for resource in sorted(latest))


def load_edges(store: CaseStore, manifest: CaseManifest) -> tuple[tuple[str, str], ...]:
    """(caller, callee) pairs the case knows, without repetition. Raises Failure as `load_inventory` does."""
    return edges_of(StoredTables(store).read(manifest, "topology"))


def edges_of(topology: pl.DataFrame) -> tuple[tuple[str, str], ...]:
    """The same pairs out of a table that was read already."""
    pairs = ((str(caller), str(callee)) for caller, callee in topology.select("caller", "callee").iter_rows())
    return tuple(dict.fromkeys(pairs))
