"""What reasoning reads out of a case is what was stored, and is read once."""

from pathlib import Path

import polars as pl
import pytest

from autopilot.case.schema import frame
from autopilot.case.store import FolderCaseStore
from autopilot.incident.evidence import Table
from autopilot.incident.investigation import Investigation, Turn
from autopilot.incident.ports import Failure, InvestigateRequest
from autopilot.reasoning.analyst import ConfiguredAnalyst
from autopilot.reasoning.casefile import load_edges, load_inventory
from autopilot.reasoning.prompts.collected import collected_texts
from autopilot.reasoning.tables import StoredTables
from autopilot.settings import Model
from tests.unit.reasoning import story
from tests.unit.reasoning.store import INVENTORY, StoredCase


@pytest.fixture
def case(tmp_path: Path) -> StoredCase:
    """The demo's story in a folder."""
    return StoredCase(tmp_path)


def altered(case: StoredCase, folder: Path, table: Table, rows: pl.DataFrame) -> None:
    """Write other rows where a part of the case is."""
    part = next(part for part in case.manifest.parts if part.table == table)
    rows.write_parquet(folder / part.uri)


def test_rows_that_were_altered_in_the_store_are_refused(case: StoredCase, tmp_path: Path) -> None:
    assert {item.name for item in load_inventory(case.store, case.manifest)} == {"checkout:live", "orders"}
    assert ("checkout", "orders") in load_edges(case.store, case.manifest)
    planted = INVENTORY[0] | {"name": "another one"}
    altered(case, tmp_path, "inventory", frame("inventory", [planted]))
    altered(case, tmp_path, "topology", frame("topology", [{"caller": "a", "callee": "b"}]))
    with pytest.raises(Failure, match="checksum"):
        load_inventory(case.store, case.manifest)
    with pytest.raises(Failure, match="checksum"):
        load_edges(case.store, case.manifest)
    with pytest.raises(Failure, match="checksum"):
        collected_texts(StoredTables(case.store), case.manifest)


def test_a_conclusion_reads_each_table_once(
    case: StoredCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    get = FolderCaseStore.get

    def counted(store: FolderCaseStore, uri: str) -> bytes:
        read.append(uri)
        return get(store, uri)

    monkeypatch.setattr(FolderCaseStore, "get", counted)
    turn = Turn(number=1, analyst="built-in analyst", by_model=False)
    said = Investigation(started=story.ALARM, turns=(turn,))
    ConfiguredAnalyst(Model(), case.store).conclude(
        InvestigateRequest(
            incident_id=case.incident_id, manifest=case.manifest, dossier=case.brief, investigation=said
        )
    )
    parts = [part.uri for part in case.manifest.parts]
    assert sorted(uri for uri in read if uri in parts) == sorted(parts)
