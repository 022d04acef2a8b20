"""Clients that are led to a wire-format server by way of the proxy that breaks things."""

import os
from collections.abc import Iterator

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.remediation.catalogue import build_catalogue
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws, Settings
from tests.integration.remediation.fault_proxy import FaultProxy
from tests.integration.remediation.wire_format.aws_wire import AwsWire
from tests.integration.saas_sources.vendor import Vendor


@pytest.fixture(scope="package")
def wire() -> AwsWire:
    """The server's answers."""
    return AwsWire()


@pytest.fixture(scope="package")
def wire_proxy(wire: AwsWire) -> Iterator[FaultProxy]:
    """The proxy before the server."""
    with Vendor(wire) as vendor:
        proxy = FaultProxy(vendor.url, vendor.url)
        yield proxy
        proxy.close()


@pytest.fixture(scope="package")
def clients(wire_proxy: FaultProxy) -> Iterator[AwsClients]:
    """Clients as the product builds them; they do not retry."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        environment.setenv("AWS_ENDPOINT_URL", wire_proxy.url)
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield AwsClients(Aws(retries=1))


@pytest.fixture(scope="package")
def toolbox(clients: AwsClients) -> CatalogueToolbox:
    """The toolbox over all AWS tools."""
    return CatalogueToolbox(build_catalogue(Settings(aws=Aws(retries=1)), clients))


@pytest.fixture(autouse=True)
def proxy(wire_proxy: FaultProxy, wire: AwsWire) -> FaultProxy:
    """Nothing offered, broken or counted yet."""
    wire.operations.clear()
    wire_proxy.clear()
    return wire_proxy
