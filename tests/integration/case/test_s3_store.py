"""The S3 store against an S3 emulator: the same promises as the folder."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autopilot.case.backend import NotStored
from autopilot.case.reading import load_case
from autopilot.case.schema import frame
from autopilot.case.store import S3CaseStore, document_uri, open_store
from autopilot.clients.aws import AwsClients
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import CaseManifest, Scope
from autopilot.incident.ports import Failure
from autopilot.settings import Aws, S3Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOW = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)
INCIDENT = "incident-checkout-0a1b2c3d4e.5f6a7b8c9d0e"
SCOPE = Scope(
    incident_id=INCIDENT,
    services=("checkout",),
    baseline=TimeWindow(start=NOW - timedelta(hours=3), end=NOW - timedelta(minutes=30)),
    incident=TimeWindow(start=NOW - timedelta(minutes=30), end=NOW),
    alerted_at=NOW,
)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as output:
        command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", port]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | {})
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=1)
                break
            except OSError:
                assert process.poll() is None, log.read_text()[-2_000:]
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def client(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> "S3Client":
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    s3 = AwsClients(Aws(retries=1)).s3()
    s3.create_bucket(Bucket="cases")
    return s3


def test_a_case_goes_to_the_bucket_and_back(client: "S3Client") -> None:
    store = open_store(S3Store(kind="s3", bucket="cases", prefix="/autopilot/"), lambda region: client)
    part = store.put_part(INCIDENT, 1, "s", "logs", frame("logs", [{"time": NOW, "message": "hello"}]))
    sealed = store.seal(CaseManifest(revision=1, scope=SCOPE, parts=(part,)))
    assert load_case(store, sealed).table("logs")["message"].to_list() == ["hello"]
    keys = [item.get("Key", "") for item in client.list_objects_v2(Bucket="cases").get("Contents", [])]
    assert f"autopilot/{part.uri}" in keys
    assert not part.uri.startswith(("/", "autopilot"))


def test_a_manifest_is_written_once_by_whoever_comes_first(client: "S3Client") -> None:
    store = S3CaseStore("cases", "sealing", client)

    def attempt(n: int) -> bool:
        try:
            store.seal(CaseManifest(revision=1, scope=SCOPE, queries=n))
        except Failure:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(attempt, range(4)))
    assert sum(outcomes) == 1
    winner = outcomes.index(True)
    assert store.seal(CaseManifest(revision=1, scope=SCOPE, queries=winner)).uri
    with pytest.raises(Failure, match="sealed with other content"):
        store.seal(CaseManifest(revision=1, scope=SCOPE, queries=99))


def test_documents_are_replaced_and_missing_ones_named(client: "S3Client") -> None:
    store = S3CaseStore("cases", "", client)
    store.put(INCIDENT, "a.txt", b"one", "text/plain")
    assert store.get(store.put(INCIDENT, "a.txt", b"two", "text/plain").uri) == b"two"
    with pytest.raises(NotStored):
        store.get(document_uri(INCIDENT, "b.txt"))
    with pytest.raises(Failure, match="not a case store key"):
        store.get("../a.txt")


def test_a_missing_bucket_says_what_to_check(client: "S3Client") -> None:
    with pytest.raises(Failure, match="check that the bucket exists") as refused:
        S3CaseStore("nowhere", "", client).put(INCIDENT, "a.txt", b"", "text/plain")
    assert refused.value.who == "operator"
