"""Services, addresses, storage, nodes and namespaces: one thing is wrong and it is blamed, not its victims."""

import json
import re
from typing import Any

import pytest

from autopilot.analysis.dossier import analyze
from autopilot.analysis.logs.signatures import SIGNATURES
from autopilot.analysis.state.cluster.views import View
from autopilot.analysis.state.rules import Rule, all_rules, by_kind, judge, read_rules
from autopilot.incident.cause import CAUSE_KINDS, MECHANISMS
from tests.unit.analysis.small_cluster import SPACE, Shop
from tests.unit.analysis.story import Story


def test_a_selector_that_matches_nothing() -> None:
    shop = Shop()
    shop.service("stock")["selector"] = {"app": "stocks"}
    shop.without_endpoints("stock")
    assert shop.first() == ("stock", "selector_mismatch")


@pytest.mark.parametrize("target", [3551, "api"])
def test_a_target_port_that_leads_nowhere(target: int | str) -> None:
    shop = Shop()
    shop.container("stock")["ports"] = [{"containerPort": 3550, "name": "grpc"}]
    shop.service("stock")["ports"][0]["targetPort"] = target
    shop.answers("stock", False)
    assert shop.first() == ("stock", "port_mismatch")


def test_an_undeclared_port_that_answers_is_no_mismatch() -> None:
    shop = Shop()
    shop.service("stock")["ports"][0]["targetPort"] = 9090
    assert not shop.dossier().suspects


def test_a_service_of_another_transport_than_its_pods() -> None:
    shop = Shop()
    shop.service("orders")["ports"][0]["protocol"] = "UDP"
    shop.answers("orders", False)
    assert shop.first() == ("orders", "protocol_mismatch")


def test_a_service_that_declares_plain_http_for_what_is_probed_by_grpc() -> None:
    shop = Shop()
    shop.service("orders")["ports"][0] |= {"name": "http", "appProtocol": "http"}
    assert shop.first() == ("orders", "protocol_mismatch")


@pytest.mark.parametrize(
    ("address", "mechanism"),
    [
        ("stock:9999", "wrong_address"),
        ("stocks.shop.svc.cluster.local:3550", "wrong_address"),
        ("inventory:3550", "wrong_address"),
    ],
)
def test_an_address_that_no_service_has(address: str, mechanism: str) -> None:
    shop = Shop()
    variable = next(e for e in shop.container("orders")["env"] if e["name"] == "STOCK_ADDR")
    variable["value"] = address
    shop.story.logs("orders", "ERROR", f"dial {address}: failed after {{n}} us", 3, 20)
    assert shop.first() == ("orders", mechanism)


def test_an_address_that_nobody_misses_is_told_and_blames_nobody() -> None:
    dossier = Shop().dossier()
    assert [f.mechanism for f in dossier.findings if f.kind == "state"] == ["wrong_address"]
    assert not dossier.suspects


def test_a_database_called_at_a_wrong_port() -> None:
    shop = Shop()
    variable = next(e for e in shop.container("orders")["env"] if e["name"] == "BASKET_STORE_ADDR")
    shop.container("orders")["env"].append({"name": "DB_HOST", "value": "basket-store"})
    shop.container("orders")["env"].append({"name": "DB_PORT", "value": "3307"})
    shop.container("orders")["env"].remove(variable)
    shop.unready("orders", {"waiting": {"reason": "CrashLoopBackOff"}}, 3, {"reason": "Error", "exitCode": 1})
    assert shop.first() == ("orders", "wrong_database_port")


def test_a_policy_that_lets_nothing_in() -> None:
    shop = Shop()
    spec = {"podSelector": {"matchLabels": {"app": "stock"}}, "policyTypes": ["Ingress"], "ingress": []}
    shop.put("networkpolicy", "closed", {"spec": spec}, "stock")
    shop.answers("stock", False)
    assert shop.first() == ("stock", "network_policy")


def test_a_closed_policy_that_nobody_feels_and_a_service_of_nothing_are_not_blamed() -> None:
    shop = Shop()
    shop.put("networkpolicy", "closed", {"spec": {"podSelector": {"matchLabels": {"app": "stock"}}, "ingress": []}})
    shop.put("service", "flags", {"spec": {"selector": {"app": "flags"}, "ports": [{"port": 80}]}})
    assert all(suspect.score < 0.4 for suspect in shop.dossier().suspects)


def test_names_that_are_not_looked_up_in_the_cluster() -> None:
    shop = Shop()
    shop.deployment("orders")["dnsPolicy"] = "None"
    shop.deployment("orders")["dnsConfig"] = {"nameservers": ["192.0.2.1"]}
    shop.story.logs("orders", "ERROR", "lookup stock: i/o timeout {n}", 3, 20)
    assert shop.first() == ("orders", "name_resolution")


_CLAIMS: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("claim_size", {"resources": {"requests": {"storage": "5Gi"}}}, {}),
    ("claim_selector", {"selector": {"matchLabels": {"disk": "ssd"}}}, {}),
    ("claim_storage_class", {"storageClassName": "fast"}, {}),
    ("claim_access_mode", {"accessModes": ["ReadWriteMany"]}, {}),
    ("volume_taken", {}, {"claimRef": {"name": "other", "namespace": SPACE}}),
)


@pytest.mark.parametrize(("mechanism", "asks", "offers"), _CLAIMS)
def test_why_a_claim_is_not_bound(mechanism: str, asks: dict[str, object], offers: dict[str, object]) -> None:
    shop = Shop()
    shop.put("storageclass", "standard", {"volumeBindingMode": "Immediate"})
    shop.put("persistentvolume", "basket-pv", {
        "metadata": {"labels": {"disk": "hdd"}},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], **offers},
    })  # fmt: skip
    usual = {
        "resources": {"requests": {"storage": "1Gi"}},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
    }
    shop.put("persistentvolumeclaim", "basket-pvc", {"spec": usual | asks, "status": {"phase": "Pending"}})
    shop.deployment("basket-store")["volumes"] = [
        {"name": "d", "persistentVolumeClaim": {"claimName": "basket-pvc"}}
    ]
    shop.pending("basket-store", "0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
    assert shop.first() == ("basket-store", mechanism)


_QUOTAS = (
    ("quota_cpu", {"requests__cpu": ("2", "2")}, "requests.cpu=1, used: requests.cpu=2, limited: requests.cpu=2"),
    ("quota_memory", {"limits__memory": ("2Gi", "2Gi")}, "limits.memory=1Gi, used: limits.memory=2Gi"),
    ("quota_pods", {"pods": ("3", "3")}, "pods=1, used: pods=3, limited: pods=3"),
)  # fmt: skip


@pytest.mark.parametrize(("mechanism", "resources", "said"), _QUOTAS)
def test_a_quota_is_blamed_and_not_the_workload_it_refuses(
    mechanism: str, resources: dict[str, tuple[str, str]], said: str
) -> None:
    shop = Shop()
    shop.quota(**resources)
    shop.unmade("stock", f'pods "stock-7d9f8-x" is forbidden: exceeded quota: limits, requested: {said}')
    assert shop.first() == (SPACE, mechanism)


def test_a_quota_of_services_is_seen_by_the_service_that_is_missing() -> None:
    shop = Shop()
    shop.quota(services=("3", "3"))
    for kind in ("service", "endpoints"):
        del shop.objects[kind, "stock"]
    del shop.objects["connectivity", "stock/3550"]
    assert shop.first() == (SPACE, "quota_services")


def test_a_quota_of_storage_is_seen_by_the_claim_that_is_missing() -> None:
    shop = Shop()
    shop.quota(requests__storage=("10Gi", "9Gi"))
    shop.put("persistentvolumeclaim", "other", {"spec": {}, "status": {"phase": "Bound"}})
    shop.deployment("basket-store")["volumes"] = [
        {"name": "d", "persistentVolumeClaim": {"claimName": "basket-pvc"}}
    ]
    shop.pending("basket-store", '0/4 nodes are available: persistentvolumeclaim "basket-pvc" not found.')
    assert shop.first() == (SPACE, "quota_storage")


def test_a_used_up_quota_that_stops_nothing_is_not_the_cause() -> None:
    shop = Shop()
    shop.quota(pods=("4", "4"))
    assert not shop.dossier().suspects


@pytest.mark.parametrize(
    ("unit", "mechanism"),
    [("kubelet", "kubelet_down"), ("containerd", "container_runtime_down"), ("kube-proxy", "proxy_down")],
)
def test_a_system_service_of_a_node_is_blamed_with_its_node(unit: str, mechanism: str) -> None:
    shop = Shop()
    shop.unit("n3", unit, "inactive", "dead")
    shop.unready("stock")
    assert shop.first() == ("n3", mechanism)


def test_without_a_scheduler_pods_wait_and_nothing_says_why() -> None:
    shop = Shop()
    shop.unit("head", "kube-scheduler", "failed", "failed")
    shop.pending("stock")
    assert shop.first() == ("head", "scheduler_down")


def test_a_node_that_does_not_answer_explains_its_pods() -> None:
    shop = Shop()
    conditions = [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}]
    shop.objects["node", "n3"]["status"]["conditions"] = conditions
    for unit in ("kubelet", "containerd", "kube-proxy"):
        del shop.objects["node_service", f"n3/{unit}"]
    shop.unready("stock")
    assert shop.first() == ("n3", "node_down")


def test_a_node_short_of_disk_explains_what_it_evicts() -> None:
    shop = Shop()
    shop.objects["node", "n3"]["status"]["conditions"][1]["status"] = "True"
    name = shop.unready("stock")
    shop.event("pod", name, "Evicted", "The node was low on resource: ephemeral-storage.")
    assert shop.first() == ("n3", "disk_full")


def test_a_route_to_no_service() -> None:
    shop = Shop()
    spec = {"http": [{"route": [{"destination": {"host": "webb", "port": {"number": 8080}}}]}]}
    shop.put("virtualservice", "front", {"spec": spec}, "web")
    assert shop.first() == ("web", "wrong_route")


def test_hostile_bodies_never_break_the_analysis() -> None:
    shop = Shop()
    hostile: list[dict[str, Any]] = [
        {"spec": {"containers": "x", "template": 3, "ports": [None, 5, {}]}, "metadata": {"labels": [1]}},
        {"spec": {"replicas": "1e999", "selector": {"matchLabels": None}}, "status": {"conditions": [1, None]}},
        {"spec": {"affinity": {"nodeAffinity": []}, "taints": [{}], "nodeSelector": 7}, "status": []},
    ]
    for kind in (
        "pod",
        "deployment",
        "service",
        "node",
        "persistentvolumeclaim",
        "resourcequota",
        "networkpolicy",
        "virtualservice",
        "endpoints",
        "namespace",
    ):
        for number, body in enumerate(hostile):
            shop.objects[kind, f"bad{number}"] = dict(body)
            shop.owners[kind, f"bad{number}"] = ""
    shop.story.add(
        "state",
        {"kind": "k8s_pod", "name": "x", "body": "[" * 5_000},
        {"kind": "event", "name": "y", "body": "null"},
    )
    assert {f.mechanism for f in shop.dossier().findings} >= {"wrong_address"}


@pytest.mark.parametrize(("used", "starves"), [(0.19, True), (0.05, False), (30.0, False)])
def test_a_container_near_the_processor_time_it_may_use_starves(used: float, starves: bool) -> None:
    shop = Shop()
    values = shop.story.steps(0.02, (8, used))
    shop.story.metric("stock", "prometheus", "cpu", "Average", "", values, pod="stock")
    assert (shop.first() == ("stock", "cpu_overload")) is starves


def test_addresses_of_other_namespaces_and_of_other_services_are_wrong() -> None:
    elsewhere, swapped = Shop(), Shop()
    for shop, value in ((elsewhere, "stock.shop-old.svc.cluster.local:3550"), (swapped, "basket-store:6379")):
        next(e for e in shop.container("web")["env"] if e["name"] == "STOCK_ADDR")["value"] = value
    assert elsewhere.first() == ("web", "wrong_address")
    assert swapped.first() == ("web", "wrong_address")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("rules: [{name: some rule, looks_at: pod, when: 'a', mechanism: taint, score: 2, says: x}]", "some rule"),
        ("rules: [{name: some rule, looks_at: pod, when: 'a ==', mechanism: taint, score: 1, says: x}]", "a =="),
        ("rules: [{name: some rule, looks_at: pod, when: '!a.b', mechanism: taint, score: 1, says: x}]", "!(a.b)"),
        ("rules: [{name: some rule, looks_at: pod, when: 'a', score: 1, says: x}]", "a mechanism or a cause"),
        ("rules: [{name: some rule, looks_at: pod, wenn: 'a', score: 1, says: x}]", "some rule"),
        ("rules: [", "no YAML"),
    ],
)
def test_a_rule_that_is_not_sound_is_named(document: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        read_rules("own.yaml", document)


def test_packaged_rules_are_told_apart_and_explain_what_exists() -> None:
    rules = [rule for group in all_rules().values() for rule in group]
    assert len({rule.name for rule in rules}) == len(rules) > 80
    explained = {name for rule in rules for name in rule.explains}
    known = {rule.name for rule in rules} | set(CAUSE_KINDS) | set(MECHANISMS) | {s.name for s in SIGNATURES}
    assert explained <= known


def test_a_sentence_is_filled_from_the_view() -> None:
    rule = Rule(name="rule", looks_at="thing", when="a[?b]", cause="data", score=0.5, says="{name}: {a[].b} {c.d}")
    view = View("thing", "x", "app", "", {"name": "x", "a": [{"b": "one"}, {"b": "two"}]})
    assert [(h.service, h.sentence) for h in judge([view], {"thing": (rule,)})] == [("app", "x: one, two")]


def test_warnings_that_healed_are_no_findings_and_those_that_hold_are_told_once() -> None:
    shop = Shop()
    shop.pending("stock", "0/4 nodes are available: 4 Insufficient cpu.")
    told = [f for f in shop.dossier().findings if f.kind == "state" and f.score >= 0.3]
    assert {f.service for f in told} == {"stock"}
    placed = [f for f in told if f.cause_kind == "scheduling"]
    assert [(f.mechanism, f.resource) for f in placed] == [("insufficient_cpu", "deployment/stock")]


@pytest.mark.parametrize(
    ("kind", "settings", "cause"),
    [
        ("ecs_service", {"desired_count": 3, "running_count": 1}, "startup"),
        ("ecs_service", {"desired_count": 3, "running_count": 3}, None),
        ("ecs_service", {"desired_count": 0, "running_count": 0}, "config_change"),
        ("ecs_service", {"desired_count": 3, "running_count": None}, None),
        ("rds_instance", {"status": "storage-full", "allocated_storage": 20}, "disk"),
        ("rds_instance", {"status": "backing-up"}, None),
        ("rds_instance", {"status": "incompatible-parameters"}, "config_change"),
        ("rds_instance", {"status": "rebooting"}, "dependency"),
        ("dynamodb_table", {"status": "CREATING"}, "dependency"),
        ("dynamodb_table", {"status": "UPDATING"}, None),
        ("dynamodb_table", {"status": "INACCESSIBLE_ENCRYPTION_CREDENTIALS"}, "permission"),
        ("lambda_alias", {"reserved_concurrency": 0}, "throttled"),
        ("lambda_alias", {"reserved_concurrency": None}, None),
    ],
)
def test_cloud_resources_are_judged_by_their_settings(
    kind: str, settings: dict[str, object], cause: str | None
) -> None:
    story = Story(4)
    story.add("inventory", {
        "resource": f"arn:{kind}", "kind": kind, "name": "thing", "service": "orders",
        "settings": json.dumps(settings),
    })  # fmt: skip
    assert [f.cause_kind for f in analyze(story.case()).findings if f.kind == "state"] == ([cause] if cause else [])


def test_a_rule_that_explains_what_nothing_is_called_is_refused() -> None:
    rules = [rule for of_kind in all_rules().values() for rule in of_kind]
    misspelt = rules[0].model_copy(update={"explains": ("startup", "strat up")})
    with pytest.raises(ValueError, match=f"{misspelt.name} explains 'strat up'"):
        by_kind([misspelt, *rules[1:]])
