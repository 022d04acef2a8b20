"""The services of docker-compose.yml, run here as processes: same command, environment and health check."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Generator, Mapping
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import TYPES
from demo.cloud.processes import free_port
from demo.stage import temporal_program
from tests.unit.project.compose import ROOT, LocalService

NAMESPACE = "compose"
PATIENCE = 60.0


def local(name: str, folder: Path, temporal: str, ports: Mapping[str, int]) -> LocalService:
    """A service whose addresses and folders are on this machine."""
    places = {
        "temporal:7233": temporal,
        "/etc/autopilot/autopilot.yaml": str(folder / "autopilot.yaml"),
        "/etc/autopilot/playbooks": str(ROOT / "playbooks"),
        "/var/lib/autopilot": str(folder),
        "0.0.0.0": "127.0.0.1",
        ":9464": f":{ports['metrics']}",
        "http://127.0.0.1:8080": f"http://127.0.0.1:{ports['gateway']}",
        "default": NAMESPACE,
    }
    return LocalService(name, places, {"AUTOPILOT_SEAL_KEY": "a-seal-key", "POSTGRES_PASSWORD": "unused"})


def environment(service: LocalService, **more: str) -> dict[str, str]:
    """The service's own, on top of a clean one of this process."""
    foreign = ("AUTOPILOT_", "AWS_", "TEMPORAL_", "OPENAI_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**clean, **service.environment, **more}


async def run(command: list[str], env: Mapping[str, str]) -> tuple[int, str]:
    """Run to the end; exit code and everything that was said."""

    def work() -> tuple[int, str]:
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    return await asyncio.to_thread(work)


@contextlib.contextmanager
def running(command: list[str], env: Mapping[str, str], log: Path) -> Generator[subprocess.Popen[bytes]]:
    """A child process for as long as the block lasts."""
    with log.open("wb") as output:
        child = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output)
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


async def healthy(service: LocalService, child: subprocess.Popen[bytes], env: Mapping[str, str]) -> bool:
    """Repeat the health check as compose does until it succeeds or the process ends."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while child.poll() is None and asyncio.get_running_loop().time() < deadline:
        code, _ = await run(service.health_check, env)
        if code == 0:
            return True
        await asyncio.sleep(0.2)
    return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Settings as the README says to make them."""
    shutil.copy(ROOT / "autopilot.example.yaml", tmp_path / "autopilot.yaml")
    return tmp_path


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """Free ones."""
    return {"gateway": free_port(), "metrics": free_port()}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(temporal: WorkflowEnvironment) -> AsyncIterator[str]:
    """Temporal with a namespace that nobody prepared."""
    week = Duration()
    week.FromTimedelta(timedelta(days=7))
    request = RegisterNamespaceRequest(namespace=NAMESPACE, workflow_execution_retention_period=week)
    with contextlib.suppress(RPCError):  # it is there already
        await temporal.client.workflow_service.register_namespace(request)
    yield temporal.client.service_client.config.target_host


async def test_register_then_worker_and_gateway_become_healthy(
    address: str, folder: Path, ports: dict[str, int]
) -> None:
    worker, gateway = local("worker", folder, address, ports), local("gateway", folder, address, ports)

    code, said = await run(worker.command, environment(worker))
    assert code == 2
    assert "register" in said

    register = local("register", folder, address, ports)
    code, said = await run(register.command, environment(register))
    assert code == 0, said
    assert all(name in said for name in TYPES)
    code, said = await run(register.command, environment(register))
    assert code == 0, said
    assert "nothing new" in said

    here = environment(gateway, AUTOPILOT_WEB__PORT=str(ports["gateway"]))
    with (
        running(worker.command, environment(worker), folder / "worker.log") as first,
        running(gateway.command, here, folder / "gateway.log") as second,
    ):
        assert await healthy(worker, first, environment(worker)), (folder / "worker.log").read_text()[-2_000:]
        assert await healthy(gateway, second, here), (folder / "gateway.log").read_text()[-2_000:]
    assert first.returncode == 0
    assert "worker stopped" in (folder / "worker.log").read_text()
    assert (folder / "knowledge.db").is_file()


async def test_a_gateway_without_temporal_lives_but_is_not_healthy(folder: Path) -> None:
    ports = {"gateway": free_port(), "metrics": free_port()}
    gateway = local("gateway", folder, f"127.0.0.1:{free_port()}", ports)
    here = environment(gateway, AUTOPILOT_WEB__PORT=str(ports["gateway"]))

    def alive() -> int:
        with (
            contextlib.suppress(OSError),
            urlopen(f"http://127.0.0.1:{ports['gateway']}/healthz", timeout=2) as answer,
        ):
            return answer.status
        return 0

    with running(gateway.command, here, folder / "gateway.log") as child:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while await asyncio.to_thread(alive) != 200:
            assert child.poll() is None, (folder / "gateway.log").read_text()[-2_000:]
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)
        code, _ = await run(gateway.health_check, here)
        assert code != 0


async def test_a_second_machine_may_not_keep_cases_to_itself(
    address: str, folder: Path, ports: dict[str, int]
) -> None:
    worker = local("worker", folder, address, ports)
    alone = environment(worker, AUTOPILOT_STORE__SHARED="false", AUTOPILOT_TEMPORAL__SEVERAL_MACHINES="true")
    register = local("register", folder, address, ports)
    await run(register.command, environment(register))

    code, said = await run(worker.command, alone)

    assert code == 2
    assert "store.shared" in said


async def test_the_namespace_script_creates_once(temporal: WorkflowEnvironment) -> None:
    address, name = temporal.client.service_client.config.target_host, f"{NAMESPACE}-by-script"
    here = {
        "PATH": f"{Path(temporal_program()).parent}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        **LocalService("temporal-namespace", {"temporal:7233": address, "default": name}, {}).environment,
    }
    script = ["sh", str(ROOT / "deploy" / "temporal-namespace.sh")]

    first, second = await run(script, here), await run(script, here)

    assert (first[0], second[0]) == (0, 0), first[1] + second[1]
    found = await temporal.client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=name))
    assert found.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=30)


async def test_the_schema_script_prepares_both_databases(tmp_path: Path) -> None:
    tool = tmp_path / "temporal-sql-tool"
    tool.write_text('#!/bin/sh\necho "$SQL_PASSWORD|$*"\n')
    tool.chmod(0o755)
    service = LocalService("temporal-schema", {}, {"POSTGRES_PASSWORD": "a password"})
    here = {**service.environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    code, said = await run(["sh", str(ROOT / "deploy" / "temporal-schema.sh")], here)

    assert code == 0
    lines = said.splitlines()
    assert len(lines) == 6
    assert all(
        line.startswith("a password|--plugin postgres12 --ep postgresql -p 5432 -u temporal") for line in lines
    )
    assert sum("--db temporal_visibility" in line for line in lines) == 3


async def test_the_operator_console_answers_at_its_health_path(tmp_path: Path) -> None:
    port, ui_port = free_port(), free_port()
    service = LocalService("temporal-ui", {"127.0.0.1:8080": f"127.0.0.1:{ui_port}"}, {})
    command = [
        temporal_program(), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port),
        "--ui-port", str(ui_port), "--log-level", "error",
    ]  # fmt: skip

    def status() -> int:
        with contextlib.suppress(OSError), urlopen(service.health_check[-1], timeout=2) as answer:
            return answer.status
        return 0

    with running(command, os.environ, tmp_path / "log") as child:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while await asyncio.to_thread(status) != 200:
            assert child.poll() is None
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)
    assert service.health_check[-1].endswith("/healthz")
