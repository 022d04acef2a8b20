"""Kubernetes: every object of the configured namespaces as it is now, and what tools may do to it.

Secrets are never listed: a token that may list them may read them, and nothing here needs their values.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from autopilot.case.schema import frame
from autopilot.clients.http_failures import HttpFailure
from autopilot.clients.kubernetes import Cluster
from autopilot.clients.kubernetes_objects import Json
from autopilot.incident.evidence import Scope
from autopilot.incident.finding import TimelineEntry
from autopilot.settings_systems import Kubernetes
from autopilot.sources.base import Budget, Collected
from autopilot.sources.inventory import entries, in_scope
from autopilot.sources.kubernetes_inventory import changes, inventory
from autopilot.sources.kubernetes_rows import Seen, event_rows, event_time, name_of, state_rows

CORE, APPS, BATCH = "api/v1", "apis/apps/v1", "apis/batch/v1"
NETWORK, STORAGE, SCALING = "apis/networking.k8s.io/v1", "apis/storage.k8s.io/v1", "apis/autoscaling/v2"
KINDS: dict[str, tuple[str, str]] = {
    "Deployment": (APPS, "deployments"), "ReplicaSet": (APPS, "replicasets"), "Pod": (CORE, "pods"),
    "Service": (CORE, "services"), "ConfigMap": (CORE, "configmaps"),
    "HorizontalPodAutoscaler": (SCALING, "horizontalpodautoscalers"),
    "StatefulSet": (APPS, "statefulsets"), "DaemonSet": (APPS, "daemonsets"), "Endpoints": (CORE, "endpoints"),
    "ServiceAccount": (CORE, "serviceaccounts"), "ResourceQuota": (CORE, "resourcequotas"),
    "LimitRange": (CORE, "limitranges"), "PersistentVolumeClaim": (CORE, "persistentvolumeclaims"),
    "NetworkPolicy": (NETWORK, "networkpolicies"), "Ingress": (NETWORK, "ingresses"), "Job": (BATCH, "jobs"),
    "CronJob": (BATCH, "cronjobs"),
}  # fmt: skip
"""Kind → API and plural of what lies in a namespace, the most telling first."""
CLUSTER_KINDS: dict[str, tuple[str, str]] = {
    "Node": (CORE, "nodes"), "PersistentVolume": (CORE, "persistentvolumes"),
    "StorageClass": (STORAGE, "storageclasses"),
}  # fmt: skip
VERSIONS = {
    kind.lower(): (api.removeprefix("apis/").removeprefix("api/"), kind)
    for kind, (api, _) in (KINDS | CLUSTER_KINDS).items()
}
QUICK_KINDS = ("Deployment", "ReplicaSet", "ConfigMap")
MAX_PAGES = 8
"""Pages of one list (250 objects each)."""
QUICK_SECONDS = 4.0


class KubernetesSource:
    """The objects, inventory, changes and events of one cluster."""

    name = "kubernetes"

    def __init__(self, settings: Kubernetes, cluster: Cluster | None = None) -> None:
        """`cluster` replaces the one built from the settings."""
        self._settings = settings
        self._cluster = cluster or Cluster(settings, settings.token or settings.write_token)

    def collect(self, scope: Scope, budget: Budget, into: Collected) -> None:
        """See `Source`. What was listed until the budget or the server ended is kept."""
        seen, events = Seen(self._settings.service_label), list[Json]()
        try:
            self._gather(seen, events, budget.spend, into)
        finally:
            self._tell(seen, events, scope, into)

    def _gather(self, seen: Seen, events: list[Json], spend: Callable[[], None], into: Collected) -> None:
        for space in self._settings.namespaces:
            for kind, (api, plural) in KINDS.items():
                seen.add(kind.lower(), self._list(f"{api}/namespaces/{space}/{plural}", spend, into))
            events += self._list(f"{CORE}/namespaces/{space}/events", spend, into)
        for kind, (api, plural) in CLUSTER_KINDS.items():
            seen.add(kind.lower(), self._list(f"{api}/{plural}", spend, into))

    def _list(self, path: str, spend: Callable[[], None], into: Collected) -> Iterator[Json]:
        """The objects of one list, page by page; what may not be listed is a gap. Raises Failure."""
        plural = path.rpartition("/")[2]
        try:
            for answer, items, cut in self._cluster.pages(path, MAX_PAGES, spend):
                into.asked(f"GET {answer.url}", None, len(items), answer.seconds)
                if cut:
                    into.miss("truncated", f"more {plural} than {MAX_PAGES} pages hold", "the first were read")
                yield from items
        except HttpFailure as failure:
            if failure.status == 403 and failure.who != "retry":
                into.miss("denied", f"{path}: may not be listed", f"Allow `list {plural}` to the service account.")
            elif failure.status == 404:
                into.miss("no_data", f"{path}: the server does not know this kind")
            elif failure.status == 410:
                into.miss("truncated", f"{path}: the list expired while it was read")
            else:
                raise

    def _tell(self, seen: Seen, events: Sequence[Json], scope: Scope, into: Collected) -> None:
        at = datetime.now(UTC)
        into.add("state", frame("state", state_rows(seen, VERSIONS, at)))
        owners = {
            (kind, name_of(o)): seen.service_of(kind, o) for kind, found in seen.objects.items() for o in found
        }
        recent = [event for event in events if (when := event_time(event)) and in_scope(scope, when)]
        into.add("state", frame("state", event_rows(recent, owners, seen)))
        into.add("inventory", frame("inventory", inventory(seen, scope, into)))
        into.add("changes", frame("changes", changes(seen, scope)))

    def recent_changes(self, scope: Scope, limit: int) -> Sequence[TimelineEntry]:
        """See `ReadsChanges`: rollouts and edited settings of the scope's services. Raises Failure."""
        seen, budget = Seen(self._settings.service_label), Budget(calls=40, seconds=QUICK_SECONDS)
        unseen = Collected(self.name)
        for space in self._settings.namespaces:
            for kind in QUICK_KINDS:
                api, plural = KINDS[kind]
                seen.add(kind.lower(), self._list(f"{api}/namespaces/{space}/{plural}", budget.spend, unseen))
        return entries([row for row in changes(seen, scope) if row["service"] in scope.services], limit)
