"""The same world on the other emulator, for what the first one drops: weights of forwards."""

import os
from collections.abc import Iterator

import httpx
import pytest

from autopilot.clients.aws import AwsClients
from autopilot.remediation.catalogue import build_catalogue
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws, Settings
from tests.integration.remediation.fault_proxy import FaultProxy
from tests.integration.remediation.moto_cloud.balanced import Balanced, Shop


@pytest.fixture(scope="package")
def moto_proxy(scaler: str) -> Iterator[FaultProxy]:
    """A proxy with moto behind it for everything."""
    proxy = FaultProxy(scaler, scaler)
    yield proxy
    proxy.close()


@pytest.fixture(scope="package")
def clients(moto_proxy: FaultProxy) -> Iterator[AwsClients]:
    """Clients as the product builds them; they do not retry."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        environment.setenv("AWS_ENDPOINT_URL", moto_proxy.url)
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield AwsClients(Aws(retries=1))


@pytest.fixture(scope="package")
def toolbox(clients: AwsClients) -> CatalogueToolbox:
    """The toolbox over all AWS tools."""
    return CatalogueToolbox(build_catalogue(Settings(aws=Aws(retries=1)), clients))


@pytest.fixture(scope="package")
def shop(clients: AwsClients, scaler: str) -> Shop:
    """The cloud's contents, in an emulator that holds nothing of an earlier turn of this package."""
    httpx.post(f"{scaler}/moto-api/reset").raise_for_status()
    return Shop(clients)


@pytest.fixture(autouse=True)
def made(shop: Shop) -> Balanced:
    """What is in the cloud at the beginning of a test."""
    return shop.restored()


@pytest.fixture(autouse=True)
def proxy(moto_proxy: FaultProxy, made: Balanced) -> Iterator[FaultProxy]:
    """The proxy before a restored cloud; nothing broken or counted yet."""
    moto_proxy.clear()
    yield moto_proxy
    moto_proxy.clear()
