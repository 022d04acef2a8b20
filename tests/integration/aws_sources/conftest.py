"""A small AWS account on local emulators: ministack, with moto for what ministack lacks and a wire-format X-Ray."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import Scope
from autopilot.settings import Aws
from autopilot.sources.aws import Account
from tests.integration.aws_sources.shop import REGION, Cloud, build, database, function

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(command: list[str], port: int, log: Path, **environment: str) -> Generator[str]:
    """A server process on 127.0.0.1, ready when it answers anything over HTTP."""
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | CREDENTIALS | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
        )
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(url, timeout=1)
                except urllib.error.HTTPError:
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()[-2_000:]
                    time.sleep(0.1)
                else:
                    break
            yield url
        finally:
            process.terminate()
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def program(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    assert found, f"{name} is not installed beside {sys.executable}; run `make test`, which installs it"
    return found


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, log = free_port(), tmp_path_factory.mktemp("ministack") / "log"
    switches = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "CLOUDTRAIL_RECORDING": "1"}
    off = {"IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    with server([program("ministack")], port, log, **switches, **off) as url:
        yield url


@pytest.fixture(scope="session")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A second account with a function and a database: what is written there is not in the shop's trail."""
    port, log = free_port(), tmp_path_factory.mktemp("spare") / "log"
    switches = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    with server([program("ministack")], port, log, **switches) as url:
        cloud = Cloud(url)
        function(cloud)
        database(cloud)
        yield cloud


@pytest.fixture(scope="module")
def spare_clients(spare: Cloud) -> Iterator[AwsClients]:
    """Clients of that account."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        environment.setenv("AWS_ENDPOINT_URL", spare.url)
        yield AwsClients(Aws(retries=1))


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, log = free_port(), tmp_path_factory.mktemp("moto") / "log"
    with server([program("moto_server"), "-H", "127.0.0.1", "-p", str(port)], port, log) as url:
        yield url


def scope_now(*services: str) -> Scope:
    now = datetime.now(UTC)
    return Scope(
        incident_id="incident-checkout-0123456789.abcdef012345",
        services=services or ("checkout",),
        regions=(REGION,),
        baseline=TimeWindow(start=now - timedelta(hours=2), end=now - timedelta(minutes=20)),
        incident=TimeWindow(start=now - timedelta(minutes=20), end=now + timedelta(minutes=1)),
        alerted_at=now,
    )


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture(scope="session")
def clients(shop: Cloud, moto: str) -> AwsClients:
    """Clients of the shop, X-Ray aside. Building them is what takes time, so all tests share them."""
    built = AwsClients(Aws(retries=1))
    with pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        environment.setenv("AWS_ENDPOINT_URL", shop.url)
        environment.setenv("AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING", moto)
        built.prepare()
    return built


@pytest.fixture(scope="session")
def account(clients: AwsClients) -> Account:
    """The product's view of the shop."""
    return Account(Aws(retries=1), clients)


@pytest.fixture(scope="session")
def shop(ministack: str, moto: str) -> Cloud:
    """The simulated company: an API in front of a function that uses a table, and two healthy neighbours."""
    cloud = Cloud(ministack)
    build(cloud, Cloud(moto))
    return cloud
