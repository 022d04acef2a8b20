"""The engine on real stores and real child processes."""

import functools
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from autopilot.analysis.dossier import analyze
from autopilot.analysis.engine import Engine
from autopilot.case.store import FolderCaseStore
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import Dossier
from autopilot.incident.ports import Failure
from tests.unit.analysis.story import throttled_checkout


class DyingStore(FolderCaseStore):
    """Ends its process at the first read, as a kernel short of memory does, as often as the file has letters."""

    def __init__(self, path: Path, deaths: Path) -> None:
        super().__init__(path)
        self.deaths = deaths

    def get(self, uri: str) -> bytes:
        if left := self.deaths.read_text():
            self.deaths.write_text(left[1:])
            os.kill(os.getpid(), signal.SIGKILL)
        return super().get(uri)


class StuckStore(FolderCaseStore):
    """Never answers."""

    def get(self, uri: str) -> bytes:
        time.sleep(600)
        return super().get(uri)


def stored(path: Path) -> CaseManifest:
    """The story, written part by part as the collector does."""
    case, store = throttled_checkout(7), FolderCaseStore(path)
    parts = tuple(
        store.put_part(case.scope.incident_id, 1, "synthetic", table, rows) for table, rows in case.tables.items()
    )
    return store.seal(case.manifest.model_copy(update={"parts": parts}))


def test_stored_dossier_equals_direct_analysis_and_numbers_continue(tmp_path: Path) -> None:
    manifest = stored(tmp_path)
    engine = Engine(functools.partial(FolderCaseStore, tmp_path))
    try:
        brief = engine.analyze(manifest, 31)
        again = engine.analyze(manifest, 31)
    finally:
        engine.close()
    content = FolderCaseStore(tmp_path).get(brief.uri)
    direct = analyze(throttled_checkout(7), 31)
    assert content == direct.model_dump_json(indent=1).encode()
    assert brief.next_finding == 31 + len(direct.findings)
    assert direct.findings[0].id == "F31"
    assert brief.suspects == direct.suspects == Dossier.model_validate_json(content).suspects
    assert [e.kind for e in brief.timeline].count("change") == 1
    assert again.model_copy(update={"seconds": 0.0}) == brief.model_copy(update={"seconds": 0.0})


def test_process_that_dies_is_replaced_once_then_reported_and_the_engine_goes_on(tmp_path: Path) -> None:
    manifest, deaths = stored(tmp_path), tmp_path / "deaths"
    deaths.write_text("xx")
    engine = Engine(functools.partial(DyingStore, tmp_path, deaths))
    try:
        with pytest.raises(Failure, match="died twice"):
            engine.analyze(manifest, 1)
        assert deaths.read_text() == ""
        assert engine.analyze(manifest, 1).suspects[0].cause_kind == "bad_deploy"
    finally:
        engine.close()


def test_stuck_analysis_is_given_up_and_its_process_ended(tmp_path: Path) -> None:
    manifest = stored(tmp_path)
    before = {child.pid for child in multiprocessing.active_children()}
    engine = Engine(functools.partial(StuckStore, tmp_path), deadline=4.0)
    with pytest.raises(Failure, match="longer than 4 s"):
        engine.analyze(manifest, 1)
    engine.close()
    for child in multiprocessing.active_children():
        child.join(timeout=5)
    assert {child.pid for child in multiprocessing.active_children()} <= before


def test_damaged_part_is_refused_with_remedy_and_closed_engine_says_so(tmp_path: Path) -> None:
    manifest = stored(tmp_path)
    damaged = next(part for part in manifest.parts if part.table == "metrics")
    (tmp_path / damaged.uri).write_bytes(b"PAR1")
    engine = Engine(functools.partial(FolderCaseStore, tmp_path))
    try:
        with pytest.raises(Failure, match="not what was stored") as caught:
            engine.analyze(manifest, 1)
        assert caught.value.who == "operator"
    finally:
        engine.close()
    with pytest.raises(Failure, match="closed"):
        engine.analyze(manifest, 1)
