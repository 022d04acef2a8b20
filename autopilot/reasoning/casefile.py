"""Reading what reasoning needs out of the case store: the dossier, the inventory, who calls whom."""

import io
import json
from typing import cast

import polars as pl
from pydantic import ValidationError

from autopilot.case.schema import conform
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import CaseManifest, Table
from autopilot.incident.finding import Dossier, DossierBrief
from autopilot.incident.ports import CaseStore, Failure
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


def _rows(store: CaseStore, manifest: CaseManifest, table: Table) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for part in manifest.parts:
        if part.table == table:
            rows += conform(table, pl.read_parquet(io.BytesIO(store.get(part.uri)))).to_dicts()
    return rows


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
    """The resources of the case, each as it was seen last, in a stable order."""
    latest: dict[str, InventoryItem] = {}
    for row in _rows(store, manifest, "inventory"):
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
    """(caller, callee) pairs the case knows, without repetition."""
    pairs = ((str(row["caller"]), str(row["callee"])) for row in _rows(store, manifest, "topology"))
    return tuple(dict.fromkeys(pairs))
