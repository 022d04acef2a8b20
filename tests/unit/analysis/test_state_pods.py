"""Pods that cannot be made, placed, started or probed: what is blamed, in a shop where all else is well."""

from typing import Any

import pytest

from tests.unit.analysis.small_cluster import NODES, Shop, probe

_UNMET = "node(s) didn't match Pod's node affinity/selector"
_TIRED = "preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."


def test_a_healthy_cluster_blames_nobody() -> None:
    dossier = Shop().dossier()
    assert not dossier.suspects
    assert dossier.insufficient_evidence


@pytest.mark.parametrize(
    ("message", "mechanism"),
    [
        ("3 Insufficient cpu", "insufficient_cpu"),
        ("3 Insufficient memory", "insufficient_memory"),
        ("3 node(s) didn't match Pod's node affinity/selector", "node_affinity"),
        ("3 node(s) didn't match pod anti-affinity rules", "anti_affinity"),
        ("3 node(s) had untolerated taint {team: payments}", "taint"),
    ],
)
def test_the_scheduler_says_why_a_pod_has_no_node(message: str, mechanism: str) -> None:
    shop = Shop()
    if mechanism == "taint":
        for node in NODES[1:]:
            shop.objects["node", node]["spec"]["taints"] = [
                {"key": "team", "value": "payments", "effect": "NoSchedule"}
            ]
    shop.pending("stock", f"0/4 nodes are available: 1 node(s) were unschedulable, {message}. {_TIRED}")
    assert shop.first() == ("stock", mechanism)


def test_events_that_have_expired_are_made_up_for_by_what_nodes_and_pods_declare() -> None:
    shop = Shop()
    shop.container("orders")["resources"]["requests"]["cpu"] = "64"
    shop.pending("orders")
    assert shop.first() == ("orders", "insufficient_cpu")


def test_a_tolerated_taint_is_none() -> None:
    shop = Shop()
    for node in NODES[1:]:
        shop.objects["node", node]["spec"]["taints"] = [{"key": "team", "value": "a", "effect": "NoSchedule"}]
    tolerated = [{"key": "team", "operator": "Equal", "value": "a", "effect": "NoSchedule"}]
    shop.deployment("stock")["tolerations"] = tolerated
    shop.pending("stock", f"0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient memory. {_TIRED}")
    assert shop.first() == ("stock", "insufficient_memory")


def test_a_selector_that_no_node_has_is_told_from_an_affinity_and_from_closed_nodes() -> None:
    said = f"0/4 nodes are available: 1 node(s) were unschedulable, 3 {_UNMET}. {_TIRED}"
    selecting, closed = Shop(), Shop()
    selecting.deployment("stock")["nodeSelector"] = {"disk": "ssd"}
    selecting.pending("stock", said)
    assert selecting.first() == ("stock", "node_selector")
    for node in NODES:
        closed.objects["node", node]["spec"]["unschedulable"] = True
    closed.pending("stock", f"0/4 nodes are available: 4 node(s) were unschedulable. {_TIRED}")
    assert closed.first() == ("stock", "cordoned_node")


def test_a_pod_pinned_to_a_closed_node_waits_for_that_node() -> None:
    shop = Shop()
    shop.deployment("stock")["nodeSelector"] = {"kubernetes.io/hostname": "n2"}
    shop.objects["node", "n2"]["spec"]["unschedulable"] = True
    shop.pending(
        "stock",
        f"0/4 nodes are available: 2 node(s) were unschedulable, 2 {_UNMET}. {_TIRED}",
    )
    assert shop.first() == ("stock", "cordoned_node")


@pytest.mark.parametrize(
    ("operator", "values", "fits"),
    [("In", ["n1"], True), ("NotIn", ["n1", "n2", "n3"], False), ("Exists", [], True), ("DoesNotExist", [], False)],
)
def test_required_node_affinity_is_evaluated(operator: str, values: list[str], fits: bool) -> None:
    shop = Shop()
    rule = {"key": "kubernetes.io/hostname", "operator": operator, "values": values}
    shop.deployment("stock")["affinity"] = {"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]},
    }}  # fmt: skip
    shop.pending("stock")
    assert (shop.first() == ("stock", "node_affinity")) is not fits


_PULLS = (
    ('rpc error: code = NotFound desc = failed to resolve reference "r/x:9": r/x:9: not found', "image_reference"),
    ("failed to authorize: unexpected status from GET request: 401 Unauthorized", "image_pull_secret"),
    (
        'Head "https://registry.example/v2/": dial tcp: lookup registry.example on 10.0.0.2:53: no such host',
        "image_registry",
    ),
    ('Get "https://registry.example/v2/": dial tcp 10.9.9.9:443: i/o timeout', "image_registry"),
    ("docker.io/library/ngnix:1: unexpected status: 403 Forbidden", "image_reference"),
)


@pytest.mark.parametrize(("message", "mechanism"), _PULLS)
def test_why_an_image_is_not_pulled(message: str, mechanism: str) -> None:
    shop = Shop()
    name = shop.unready(
        "orders", {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "r/x:9"'}}
    )
    shop.objects["pod", name]["status"]["phase"] = "Pending"
    shop.event("pod", name, "Failed", f'Failed to pull image "r/x:9": {message}')
    assert shop.first() == ("orders", mechanism)


def test_a_pull_secret_that_does_not_exist() -> None:
    shop = Shop()
    shop.put("secret", "other", {})
    shop.deployment("orders")["imagePullSecrets"] = [{"name": "registry-login"}]
    name = shop.unready("orders", {"waiting": {"reason": "ErrImagePull"}})
    shop.event("pod", name, "Failed", 'Failed to pull image "r/x:1": not found')
    assert shop.first() == ("orders", "image_pull_secret")


def test_a_service_account_that_does_not_exist() -> None:
    shop = Shop()
    shop.deployment("stock")["serviceAccountName"] = "robots"
    shop.unmade(
        "stock",
        'pods "stock-" is forbidden: error looking up service account: serviceaccount "robots" not found',
    )
    assert shop.first() == ("stock", "missing_service_account")


@pytest.mark.parametrize(("kind", "mechanism"), [("secret", "missing_secret"), ("configmap", "missing_config")])
def test_a_configuration_that_does_not_exist(kind: str, mechanism: str) -> None:
    shop = Shop()
    name = shop.unready(
        "orders", {"waiting": {"reason": "CreateContainerConfigError", "message": f'{kind} "keys" not found'}}
    )
    shop.event("pod", name, "Failed", f'Error: {kind} "keys" not found')
    assert shop.first() == ("orders", mechanism)


def test_a_key_that_its_configuration_lacks() -> None:
    shop = Shop()
    name = shop.unready("orders", {"waiting": {"reason": "CreateContainerConfigError"}})
    shop.event("pod", name, "Failed", "Error: couldn't find key url in ConfigMap shop/settings")
    assert shop.first() == ("orders", "missing_config")


_PROBES: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("livenessProbe", probe("grpc", 5051), "liveness_port", "connect: connection refused"),
    ("livenessProbe", probe("httpGet", 5050), "liveness_protocol", "malformed HTTP response"),
    ("livenessProbe", probe("grpc", 5050, periodSeconds=1, failureThreshold=1), "liveness_timing", "timeout"),
    ("readinessProbe", probe("grpc", 5051), "readiness_port", "connect: connection refused"),
    ("readinessProbe", probe("grpc", "metrics"), "readiness_port", "no such port"),
    ("readinessProbe", probe("httpGet", 5050), "readiness_protocol", "malformed HTTP response"),
    ("readinessProbe", probe("grpc", 5050, initialDelaySeconds=600), "readiness_timing", ""),
    ("readinessProbe", probe("grpc", 5050, periodSeconds=1, failureThreshold=1), "readiness_timing", "timeout"),
)  # fmt: skip


@pytest.mark.parametrize(("which", "asked", "mechanism", "failure"), _PROBES)
def test_probes_are_held_against_what_the_container_listens_to(
    which: str, asked: dict[str, Any], mechanism: str, failure: str
) -> None:
    shop = Shop()
    shop.container("orders")["ports"] = [{"containerPort": 5050, "name": "api"}]
    shop.container("orders")[which] = asked
    killed = {"reason": "Error", "exitCode": 137}
    name = shop.unready("orders", restarts=4, last=killed) if which == "livenessProbe" else shop.unready("orders")
    if failure:
        shop.event("pod", name, "Unhealthy", f"{which.removesuffix('Probe').capitalize()} probe failed: {failure}")
    assert shop.first() == ("orders", mechanism)


def test_restarts_long_ago_are_over() -> None:
    shop = Shop()
    status = shop.objects["pod", shop.pod_name("stock")]["status"]["containerStatuses"][0]
    status["restartCount"] = 9
    status["lastState"] = {
        "terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-03-06T08:00:00Z"}
    }
    assert not shop.dossier().suspects


def test_out_of_memory_is_the_cause_of_the_restarts_and_of_failing_probes() -> None:
    shop = Shop()
    name = shop.unready(
        "stock", {"waiting": {"reason": "CrashLoopBackOff"}}, 5, {"reason": "OOMKilled", "exitCode": 137}
    )
    shop.event("pod", name, "Unhealthy", "Liveness probe failed: timeout: failed to connect")
    assert shop.first() == ("stock", "out_of_memory")


def test_a_volume_that_may_not_be_written() -> None:
    shop = Shop()
    shop.container("basket-store")["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    shop.unready("basket-store", {"waiting": {"reason": "CrashLoopBackOff"}}, 5, {"reason": "Error", "exitCode": 1})
    shop.story.logs("basket-store", "", "Can't open or create dir appendonlydir: Permission denied", 3, 5)
    assert shop.first() == ("basket-store", "volume_permission")


def test_scaled_to_zero() -> None:
    shop = Shop()
    shop.objects["deployment", "stock"]["spec"]["replicas"] = 0
    del shop.objects["pod", shop.pod_name("stock")]
    shop.without_endpoints("stock")
    assert shop.first() == ("stock", "no_replicas")


def test_a_readiness_probe_that_starts_late_is_so_by_what_others_do() -> None:
    usual, alone = Shop(), Shop()
    for app in ("web", "orders", "stock", "basket-store"):
        usual.container(app)["readinessProbe"]["initialDelaySeconds"] = 90
    alone.container("orders")["readinessProbe"]["initialDelaySeconds"] = 90
    for shop in (usual, alone):
        name = shop.unready("orders", {"waiting": {"reason": "CreateContainerConfigError"}})
        shop.event("pod", name, "Failed", 'Error: secret "keys" not found')
    assert usual.first() == ("orders", "missing_secret")
    told = {f.mechanism for shop in (usual, alone) for f in shop.dossier().findings if f.kind == "state"}
    assert told >= {"readiness_timing", "missing_secret"}
    assert "readiness_timing" not in {f.mechanism for f in usual.dossier().findings}
