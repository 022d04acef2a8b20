"""The simulated company's AWS account: emulators, one front door, one clock."""

import asyncio
import os
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from types import TracebackType

from demo.cloud.clients import ACCOUNT, REGION, Clients
from demo.cloud.emulator import SIMULATION
from demo.cloud.faults import Outage
from demo.cloud.ledger import CloudWrite, Held, Ledger, Stage
from demo.cloud.processes import Clock, Server, free_port
from demo.cloud.proxy import Proxy
from demo.cloud.wire import SERVICES
from demo.cloud.xray import XRay

AWS_ENVIRONMENT = {
    "BIND_HOST": "127.0.0.1",
    "CLOUDTRAIL_RECORDING": "1",
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "LOG_LEVEL": "WARNING",
}


class Cloud:
    """Use as `async with Cloud() as cloud`: the proxy runs in that event loop, the emulators as processes."""

    def __init__(self) -> None:
        self.xray = XRay()
        self._folder = Path(tempfile.mkdtemp(prefix="autopilot-cloud-"))
        self._clock = Clock(self._folder)
        self._ledger = Ledger()
        self._servers: list[Server] = []
        self._proxy: Proxy | None = None
        self._clients: dict[str, Clients] = {}
        self._default, self._others = "", dict[str, str]()

    async def __aenter__(self) -> "Cloud":
        """Start everything; when this returns the endpoint serves."""
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release what is held and end every process."""
        await self._stop()

    async def _start(self) -> None:
        aws, scaling = free_port(), free_port()
        environment = {**AWS_ENVIRONMENT, **self._clock.environment, "GATEWAY_PORT": str(aws)}
        self._servers = [
            Server("ministack", ["aws"], aws, environment, self._folder / "ministack.log"),
            Server(
                "moto",
                ["autoscaling", str(scaling)],
                scaling,
                {"MOTO_ACCOUNT_ID": ACCOUNT},
                self._folder / "moto.log",
            ),
        ]
        self._default = self._servers[0].url
        moto = self._servers[1].url
        self._others = {"application-autoscaling": moto, "codedeploy": moto}
        self._proxy = Proxy(self._default, self._others, self._ledger, self.xray)
        await self._proxy.start()
        await asyncio.gather(*(server.ready() for server in self._servers))

    async def _stop(self) -> None:
        self._ledger.release_all()
        if self._proxy:
            await self._proxy.stop()
        await asyncio.gather(*(server.stop() for server in self._servers))
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def endpoint(self) -> str:
        """The URL for AWS_ENDPOINT_URL: every service."""
        if self._proxy is None:
            raise RuntimeError("The cloud is not running; enter it with `async with` first.")
        return self._proxy.url

    @property
    def processes(self) -> tuple[int, ...]:
        """Ids of the emulators' processes."""
        return tuple(server.pid for server in self._servers)

    def environment(self) -> dict[str, str]:
        """What a process of the product needs in its environment to work in this account.

        AWS_PROFILE must not be set beside it.
        """
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "autopilot",
            "AWS_SECRET_ACCESS_KEY": "simulated",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def clients(self, user: str = SIMULATION) -> Clients:
        """boto3 clients that go to the emulators directly, in the name of `user`, which CloudTrail records.

        The simulation's own calls are not recorded. None of them count as the product's writes.
        """
        if user not in self._clients:
            self._clients[user] = Clients(self._default, self._others, user)
        return self._clients[user]

    def set_clock(self, at: datetime) -> None:
        """Let AWS stamp what happens from now on as if it were `at`."""
        self._clock.set_to(at)

    def present(self) -> None:
        """Let AWS live in the real present."""
        self._clock.present()

    def cloud_writes(self) -> list[CloudWrite]:
        """The product's writes that took effect, counted per step, action and target."""
        return self._ledger.writes()

    def hold_next_write(self, stage: Stage = "response", action: str | None = None) -> Held:
        """Hold the product's next write before it reaches the cloud, or its answer after it took effect.

        `action` such as `dynamodb:UpdateTable` holds only that one. A held request whose sender has gone when it
        is released never reaches the cloud.
        """
        return self._ledger.hold_next(stage, action)

    def fail(self, service: str, status: int = 503) -> None:
        """Let every call through the endpoint to a service (`logs`, `xray`, `cloudwatch` …) fail until healed."""
        if self._proxy:
            self._proxy.outages[SERVICES.get(service, service)] = Outage.of(status)

    def heal(self, service: str | None = None) -> None:
        """End one failure, or all of them."""
        if self._proxy is None:
            return
        if service is None:
            self._proxy.outages.clear()
        else:
            self._proxy.outages.pop(SERVICES.get(service, service), None)
