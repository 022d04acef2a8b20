"""Pod templates: their names, their revisions, and which of them is wanted."""

import json
from typing import Any

import pytest

from autopilot.clients.kubernetes_objects import LAST_APPLIED, REPLACED, ConfigMap, Workload, data_version
from autopilot.clients.kubernetes_templates import (
    content,
    is_secret,
    label_of,
    reads_at_start,
    revisions,
    template_id,
)

Json = dict[str, Any]


def template(image: str = "shop/checkout:v2", **annotations: str) -> Json:
    """A pod template of one container."""
    metadata: Json = {"labels": {"app": "checkout"}} | ({"annotations": annotations} if annotations else {})
    return {"metadata": metadata, "spec": {"containers": [{"name": "app", "image": image}]}}


def deployment(made: Json) -> Workload:
    """A Deployment that wants this template."""
    return Workload.model_validate({"metadata": {"name": "checkout", "uid": "u1"}, "spec": {"template": made}})


def kept(name: str, number: str, made: Json, owner: str = "checkout", uid: str = "u1") -> Workload:
    """A ReplicaSet of it."""
    made = {**made, "metadata": made["metadata"] | {"labels": {"app": "checkout", "pod-template-hash": name}}}
    metadata = {
        "name": f"checkout-{name}", "labels": {"pod-template-hash": name},
        "annotations": {"deployment.kubernetes.io/revision": number},
        "ownerReferences": [{"kind": "Deployment", "name": owner, "uid": uid}],
    }  # fmt: skip
    return Workload.model_validate({"metadata": metadata, "spec": {"template": made}})


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("shop/checkout:v2.4.1", "v2.4.1"),
        ("registry.example:5000/shop/checkout:v2", "v2"),
        ("registry.example:5000/shop/checkout", "registry.example:5000/shop/checkout"),
        ("shop/checkout:v3@sha256:abc", "v3"),
        ("checkout", "checkout"),
        ("", ""),
    ],
)
def test_a_template_is_called_by_the_tag_of_its_image(image: str, label: str) -> None:
    assert label_of(template(image)) == label


def test_a_version_label_wins_over_the_tag() -> None:
    made = template()
    made["metadata"]["labels"]["app.kubernetes.io/version"] = "2.4.1"
    assert label_of(made) == "2.4.1"


def test_revisions_are_those_of_the_deployment_newest_first() -> None:
    old, new = template("shop/checkout:v1"), template("shop/checkout:v2")
    sets = [
        kept("a1", "9", old), kept("b2", "10", new), kept("c3", "11", new, owner="search"),
        kept("d4", "12", new, uid="u0"), kept("", "13", new),
    ]  # fmt: skip
    known = revisions(deployment(new), sets)
    assert [(r.hash, r.number, r.label, r.active) for r in known] == [
        ("b2", 10, "v2", True),
        ("a1", 9, "v1", False),
    ]
    assert template_id(deployment(new), known) == "b2"


def test_a_template_that_no_replica_set_has_yet_has_a_name_of_its_own() -> None:
    first, second = (template_id(deployment(template(f"shop/checkout:{tag}")), []) for tag in ("v3", "v4"))
    assert first.startswith("NEW-")
    assert first != second


def test_fresh_pods_are_the_same_content_and_other_annotations_are_not() -> None:
    restarted = {"kubectl.kubernetes.io/restartedAt": "2026-11-21T03:00:00Z", "aiops-auto-pilot/step": "k"}
    assert content(template(**restarted)) == content(template())
    assert content(template(**{"checksum/config": "1"})) != content(template())


def test_what_containers_read_at_start_is_found_in_every_form() -> None:
    made: Json = {
        "spec": {
            "initContainers": [{"name": "init", "envFrom": [{"configMapRef": {"name": "a"}}]}],
            "containers": [
                {"name": "app", "env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "b", "key": "x"}}}]}
            ],
            "volumes": [{"name": "v", "configMap": {"name": "c"}}],
        }
    }
    assert reads_at_start(made) == {"a", "b"}


@pytest.mark.parametrize(("name", "secret"), [
    ("DB_PASSWORD", True), ("apiKey", True), ("ACCESS_TOKEN", True), ("RETRIES", False), ("KEYSPACE", False),
])  # fmt: skip
def test_secrets_are_known_by_their_names(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


def test_a_config_map_remembers_what_was_applied_and_what_we_replaced() -> None:
    applied, replaced, present = {"a": "1"}, {"a": "2"}, {"a": "3"}
    notes = {LAST_APPLIED: json.dumps({"data": applied}), REPLACED: json.dumps(replaced)}
    found = ConfigMap.model_validate({"metadata": {"name": "c", "annotations": notes}, "data": present})
    assert found.former == {data_version(applied): applied, data_version(replaced): replaced}
    unchanged = ConfigMap.model_validate({"metadata": {"name": "c", "annotations": notes}, "data": applied})
    assert unchanged.former == {data_version(replaced): replaced}


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"data": [1]}', '{"data": {"a": 1}}', '{"metadata": {}}'])
def test_broken_notes_remember_nothing(broken: str) -> None:
    notes = {LAST_APPLIED: broken, REPLACED: "nonsense"}
    found = ConfigMap.model_validate({"metadata": {"name": "c", "annotations": notes}, "data": {"a": "3"}})
    assert found.former == {}
