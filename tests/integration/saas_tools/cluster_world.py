"""The shop's cluster behind a server that can be broken, and the steps that tests take on it."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from autopilot.clients.kubernetes_objects import data_version
from autopilot.remediation import kubernetes_config, kubernetes_deployment, kubernetes_nodes, kubernetes_scaling
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Settings
from autopilot.settings_systems import Kubernetes
from tests.integration.saas_sources.vendor import Asked, Vendor
from tests.integration.saas_tools.faults import Faulty
from tests.integration.saas_tools.kubernetes_api import KubernetesApi
from tests.integration.saas_tools.orders import step_of, toolbox_of
from tests.integration.saas_tools.shop_cluster import GOOD, OLD, shop

BUILDERS = (
    kubernetes_config.build_tools,
    kubernetes_deployment.build_tools,
    kubernetes_nodes.build_tools,
    kubernetes_scaling.build_tools,
)
CHECKOUT = "kubernetes:shop/deployment/checkout"


class World:
    """The API server, what goes wrong with it, and the toolbox that speaks to it."""

    def __init__(self, api: KubernetesApi, faulty: Faulty, toolbox: CatalogueToolbox) -> None:
        self.api, self.faulty, self.toolbox = api, faulty, toolbox

    def object(self, path: str) -> dict[str, Any]:
        """An object as it is now."""
        return self.api.objects[path]


def is_write(asked: Asked) -> bool:
    """Whether a request changes something."""
    return asked.method != "GET" and asked.query.get("dryRun") != ["All"]


@contextmanager
def opened() -> Generator[World]:
    """The world, as long as the context lasts."""
    api = KubernetesApi(shop())
    faulty = Faulty(api, is_write)
    with Vendor(faulty) as vendor:
        settings = Kubernetes(base_url=vendor.url, write_token=SecretStr("may-write"), namespaces=("shop",))
        yield World(api, faulty, toolbox_of(Settings(kubernetes=settings), *BUILDERS))
        assert {asked.headers.get("authorization") for asked in vendor.asked} <= {"Bearer may-write"}


FORMER = data_version(GOOD)
UNDO = step_of("kubernetes.rollout_undo", CHECKOUT, template=OLD)
SCALE = step_of("kubernetes.scale", CHECKOUT, replicas=5)
BOUNDS = step_of(
    "kubernetes.hpa_bounds", "kubernetes:shop/horizontalpodautoscaler/search", "search",
    min_replicas=2, max_replicas=6,
)  # fmt: skip
CORDON = step_of("kubernetes.cordon", "kubernetes:node/node-a", "node-a")
UNCORDON = step_of("kubernetes.uncordon", "kubernetes:node/node-c", "checkout")
RESTART = step_of("kubernetes.restart", CHECKOUT)
CONFIG = step_of("kubernetes.config_rollback", "kubernetes:shop/configmap/checkout-settings", version=FORMER)
