"""A case in a folder store, as a worker leaves it."""

from pathlib import Path

from autopilot.case.case import Case
from autopilot.case.store import FolderCaseStore
from autopilot.incident.evidence import TABLES


def keep(case: Case, folder: Path, revision: int = 1, incident: str = "incident-shop-1.abc") -> Path:
    """Store a case; returns the path of its manifest."""
    store = FolderCaseStore(folder)
    parts = [
        store.put_part(incident, revision, "test", table, case.table(table))
        for table in TABLES if case.table(table).height
    ]  # fmt: skip
    scope = case.scope.model_copy(update={"incident_id": incident})
    manifest = case.manifest.model_copy(update={"revision": revision, "scope": scope, "parts": tuple(parts)})
    return folder / store.seal(manifest).uri
