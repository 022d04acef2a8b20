"""The folder store: immutable parts, write-once manifests, keys that stay in their place."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from autopilot.case.backend import NotStored
from autopilot.case.reading import load_case
from autopilot.case.schema import frame
from autopilot.case.store import FolderCaseStore, document_uri, open_store
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import CaseManifest, Gap, Scope
from autopilot.incident.ports import Failure
from autopilot.settings import FolderStore, S3Store

NOW = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)
INCIDENT = "incident-checkout-0a1b2c3d4e.5f6a7b8c9d0e"
SCOPE = Scope(
    incident_id=INCIDENT,
    services=("checkout",),
    baseline=TimeWindow(start=NOW - timedelta(hours=3), end=NOW - timedelta(minutes=30)),
    incident=TimeWindow(start=NOW - timedelta(minutes=30), end=NOW),
    alerted_at=NOW,
)


def logs(*messages: str, minute: int = 0) -> pl.DataFrame:
    return frame("logs", [{"time": NOW + timedelta(minutes=minute), "message": m} for m in messages])


@pytest.fixture
def store(tmp_path: Path) -> FolderCaseStore:
    return FolderCaseStore(tmp_path / "cases")


def test_parts_come_back_as_one_case(store: FolderCaseStore) -> None:
    late = store.put_part(INCIDENT, 1, "cloudwatch_logs", "logs", logs("late", minute=5))
    early = store.put_part(INCIDENT, 1, "other", "logs", logs("early"))
    case = load_case(store, store.seal(CaseManifest(revision=1, scope=SCOPE, parts=(late, early))))
    assert sorted(case.table("logs")["message"].to_list()) == ["early", "late"]
    assert case.table("spans").columns == frame("spans").columns
    assert late.rows == 1
    assert late.size > 0


def test_a_retried_part_is_the_same_part(store: FolderCaseStore) -> None:
    assert store.put_part(INCIDENT, 1, "s", "logs", logs("a")) == store.put_part(
        INCIDENT, 1, "s", "logs", logs("a")
    )


def test_a_second_collection_does_not_count_rows_twice_but_keeps_true_repeats(store: FolderCaseStore) -> None:
    first = store.put_part(INCIDENT, 1, "s", "logs", logs("same", "same"))
    second = store.put_part(INCIDENT, 2, "s", "logs", logs("same", "same", "new"))
    case = load_case(store, CaseManifest(revision=2, scope=SCOPE, parts=(first, second)))
    assert case.table("logs")["message"].to_list() == ["same", "same", "new"]


def test_a_damaged_part_is_refused(store: FolderCaseStore, tmp_path: Path) -> None:
    part = store.put_part(INCIDENT, 1, "s", "logs", logs("a"))
    (tmp_path / "cases" / part.uri).write_bytes(b"not what it was")
    with pytest.raises(Failure, match="checksum differs"):
        load_case(store, CaseManifest(revision=1, scope=SCOPE, parts=(part,)))


def test_a_manifest_is_written_once(store: FolderCaseStore) -> None:
    manifest = CaseManifest(revision=1, scope=SCOPE)
    sealed = store.seal(manifest)
    assert store.seal(manifest) == sealed == store.seal(sealed)
    assert CaseManifest.model_validate_json(store.get(sealed.uri)) == sealed
    other = CaseManifest(revision=1, scope=SCOPE, gaps=(Gap(source="s", kind="failed", what="x"),))
    with pytest.raises(Failure, match="sealed with other content") as refused:
        store.seal(other)
    assert refused.value.who == "developer"
    assert CaseManifest.model_validate_json(store.get(sealed.uri)).gaps == ()


def test_of_many_sealing_at_once_exactly_one_content_wins(store: FolderCaseStore) -> None:
    def attempt(n: int) -> bool:
        try:
            store.seal(CaseManifest(revision=1, scope=SCOPE, queries=n))
        except Failure:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_documents_are_replaced_whole_and_leave_no_litter(store: FolderCaseStore, tmp_path: Path) -> None:
    store.put(INCIDENT, "reports/review.html", b"<p>first", "text/html")
    document = store.put(INCIDENT, "reports/review.html", b"<p>second", "text/html")
    assert store.get(document.uri) == b"<p>second"
    assert document.uri == document_uri(INCIDENT, "reports/review.html")
    assert document.size == 9
    files = [p.name for p in (tmp_path / "cases").rglob("*") if p.is_file()]
    assert files == ["review.html"]


def test_what_is_not_there_is_said_by_name(store: FolderCaseStore) -> None:
    with pytest.raises(NotStored, match=r"nothing\.json"):
        store.get(document_uri(INCIDENT, "nothing.json"))


@pytest.mark.parametrize(
    "key",
    ["../x", "/etc/passwd", "a/../../x", "a//b", "", ".", "a/.hidden", "a\\b", "a\x00b", "a/b/" * 10, "a" * 300],
)
def test_hostile_keys_are_refused(store: FolderCaseStore, key: str) -> None:
    for attempt in (lambda: store.get(key), lambda: store.put(INCIDENT, key, b"", "text/plain")):
        with pytest.raises(Failure, match="not a case store key"):
            attempt()


def test_hostile_incident_and_source_names_are_refused(store: FolderCaseStore) -> None:
    for incident, source in (("../up", "s"), (INCIDENT, "../../s"), (INCIDENT, "a b")):
        with pytest.raises(Failure, match="not a case store key"):
            store.put_part(incident, 1, source, "logs", logs("a"))


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Failure, match="check its space and permissions"):
        FolderCaseStore(tmp_path / "file").put(INCIDENT, "a.txt", b"", "text/plain")


def test_settings_choose_the_store(tmp_path: Path) -> None:
    store = open_store(FolderStore(path=tmp_path))
    assert store.get(store.put(INCIDENT, "a.txt", b"x", "text/plain").uri) == b"x"
    with pytest.raises(Failure, match=r"AwsClients\.s3"):
        open_store(S3Store(kind="s3", bucket="cases"))
