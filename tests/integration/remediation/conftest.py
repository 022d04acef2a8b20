"""One emulated cloud for the session, reset and filled before each test, behind a proxy that can break things."""

import io
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

from autopilot.clients.aws import AwsClients
from autopilot.incident.base import Scalar
from autopilot.incident.ids import idempotency_key
from autopilot.incident.plan import DraftOption, ExecuteStep, Option, PreparedStep, Step
from autopilot.remediation.catalogue import build_catalogue
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws, Settings
from tests.integration.remediation.fault_proxy import FaultProxy

REGION = "us-east-1"
ACCOUNT = "000000000000"
ALIAS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:checkout:live"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
SERVICE = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/shop/inventory"
DATABASE = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:catalog-db"
KEY = idempotency_key("incident-checkout-1234567890.abcdef012345", 1, 1, 1)
UNDO_KEY = KEY.removesuffix("/do") + "/undo"


def revision(number: int) -> str:
    """The ARN of a task definition revision."""
    return f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/inventory:{number}"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The cloud's URL."""
    program, port = shutil.which("ministack", path=str(Path(sys.executable).parent)), free_port()
    if program is None:
        pytest.skip("ministack is not installed")
    environment = os.environ | {
        "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0",
    }  # fmt: skip
    with (tmp_path_factory.mktemp("cloud") / "log").open("w") as log:
        process = subprocess.Popen([program], env=environment, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{url}/_ministack/health")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{url} did not come up")


@pytest.fixture(scope="session")
def scaler() -> Iterator[str]:
    """The URL of the emulated Application Auto Scaling."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def shared_proxy(emulator: str, scaler: str) -> Iterator[FaultProxy]:
    """The proxy before both."""
    proxy = FaultProxy(emulator, scaler)
    yield proxy
    proxy.close()


@pytest.fixture(scope="package")
def clients(shared_proxy: FaultProxy) -> Iterator[AwsClients]:
    """Clients as the product builds them, led to the proxy by the SDK's own variables.

    They do not retry: tests break calls on purpose.
    """
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        environment.setenv("AWS_ENDPOINT_URL", shared_proxy.url)
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield AwsClients(Aws(retries=1))


@pytest.fixture(scope="package")
def toolbox(clients: AwsClients) -> CatalogueToolbox:
    """The toolbox over all AWS tools."""
    return CatalogueToolbox(build_catalogue(Settings(aws=Aws(retries=1)), clients))


@pytest.fixture(autouse=True)
def proxy(request: pytest.FixtureRequest, shared_proxy: FaultProxy, clients: AwsClients) -> FaultProxy:
    """A fresh cloud behind the proxy, filled with what the test's step is about; nothing broken or counted yet."""
    parameters: dict[str, object] = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    step = parameters.get("step", getattr(request.node.cls, "step", None))
    systems = {step.tool.partition(".")[0]} if isinstance(step, Step) else {"lambda", "dynamodb"}
    shared_proxy.empty_the_cloud()
    for system, fill in FILLS.items():
        if system in systems:
            fill(clients)
    shared_proxy.clear()
    return shared_proxy


def _code(answer: int) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("handler.py", f"def run(event, context):\n    return {answer}\n")
    return archive.getvalue()


def _function(aws: AwsClients) -> None:
    client = aws.lambda_()
    client.create_function(
        FunctionName="checkout", Runtime="python3.11", Role=f"arn:aws:iam::{ACCOUNT}:role/checkout",
        Handler="handler.run", Code={"ZipFile": _code(1)},
    )  # fmt: skip
    client.publish_version(FunctionName="checkout", Description="v2.4.0")
    client.update_function_code(FunctionName="checkout", ZipFile=_code(2))
    client.publish_version(FunctionName="checkout", Description="v2.4.1")
    client.create_alias(FunctionName="checkout", Name="live", FunctionVersion="2")


def _table(aws: AwsClients) -> None:
    aws.dynamodb().create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        ProvisionedThroughput={"ReadCapacityUnits": 100, "WriteCapacityUnits": 50},
    )


def _service(aws: AwsClients) -> None:
    client = aws.ecs()
    client.create_cluster(clusterName="shop")
    for number in (1, 2):
        client.register_task_definition(
            family="inventory",
            containerDefinitions=[{"name": "app", "image": f"inventory:{number}", "memory": 128}],
        )
    client.create_service(cluster="shop", serviceName="inventory", taskDefinition="inventory:2", desiredCount=2)


def _database(aws: AwsClients) -> None:
    aws.rds().create_db_instance(
        DBInstanceIdentifier="catalog-db", DBInstanceClass="db.t3.medium", Engine="postgres", AllocatedStorage=20,
        MasterUsername="catalog", MasterUserPassword="only-in-tests",
    )  # fmt: skip


FILLS: dict[str, Callable[[AwsClients], None]] = {
    "lambda": _function,
    "dynamodb": _table,
    "ecs": _service,
    "rds": _database,
}


def plan(toolbox: CatalogueToolbox, *steps: Step) -> Option:
    """An option of these steps, prepared."""
    return toolbox.prepare(1, DraftOption(title="try it", why="because", steps=steps))


def do(prepared: PreparedStep, key: str = KEY) -> ExecuteStep:
    """The order to carry out a prepared step."""
    return ExecuteStep(
        incident_id="i",
        key=key,
        step=prepared.step,
        expects=prepared.expects,
        expected=prepared.before,
        actor="kim",
    )


def undo(prepared: PreparedStep, key: str = UNDO_KEY) -> ExecuteStep:
    """The order to undo a prepared step."""
    assert prepared.undo is not None
    return ExecuteStep(
        incident_id="i", key=key, step=prepared.undo, expects=prepared.leaves, expected=prepared.after, actor="kim",
        mode="undo",
    )  # fmt: skip


def step_of(tool: str, target: str, **arguments: Scalar) -> Step:
    """A step in the test's region."""
    return Step(
        tool=tool, target=target, service="checkout", region=REGION, arguments=dict(arguments), summary=tool
    )
