"""What software says, and files of gateways, against the objects of a cluster: who is to blame, and for what."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from autopilot.analysis.state.cluster.objects import Cluster
from autopilot.analysis.state.cluster.views import read_views
from autopilot.analysis.state.rules import Hit, judge
from autopilot.case.schema import frame

AT = datetime(2026, 1, 10, 16, 0, tzinfo=UTC)
STUCK = {"waiting": {"reason": "CrashLoopBackOff"}}


def world(
    objects: Sequence[tuple[str, str, Mapping[str, Any]]], said: Mapping[str, str] | None = None
) -> list[Hit]:
    rows = [
        {
            "time": AT, "kind": f"k8s_{kind}", "name": name, "service": body.get("app", name),
            "body": json.dumps({"metadata": {"name": name, "namespace": "shop"}} | dict(body)),
        }
        for kind, name, body in objects
    ]  # fmt: skip
    return judge(read_views(Cluster.read(frame("state", rows)), said))


def app(
    name: str, state: Mapping[str, Any] | None = None, image: str = "web:1", port: int = 80, **container: Any
) -> list[tuple[str, str, dict[str, Any]]]:
    """A deployment with its service and its one pod, which runs unless a state is given."""
    labels = {"app": name}
    spec = {"containers": [{"name": "main", "image": image, "ports": [{"containerPort": port}]} | container]}
    status = {"name": "main", "ready": state is None, "restartCount": 0, "state": state or {"running": {}}}
    pod = {
        "app": name, "metadata": {"name": f"{name}-1-x", "namespace": "shop", "labels": labels}, "spec": spec,
        "status": {"phase": "Running", "containerStatuses": [status],
                   "conditions": [{"type": "Ready", "status": str(state is None)}]},
    }  # fmt: skip
    template = {"metadata": {"labels": labels}, "spec": spec}
    service = {"selector": labels, "ports": [{"port": port}]}
    return [
        ("deployment", name, {"spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}}),
        ("service", name, {"spec": service}), ("pod", f"{name}-1-x", pod),
    ]  # fmt: skip


def best(hits: Sequence[Hit]) -> tuple[str, str | None]:
    first = max(hits, key=lambda h: h.score)
    return first.service, first.rule.mechanism


@pytest.mark.parametrize(
    ("line", "mechanism"),
    [
        ("java.net.UnknownHostException: cart", "name_resolution"),
        ("java.net.UnknownHostException: carts", "wrong_address"),
        ("getaddrinfo ENOTFOUND api.pay.example\ngetaddrinfo ENOTFOUND carts", "name_resolution"),
        ("Temporary failure in name resolution", "name_resolution"),
        ("dial tcp: lookup idp.login.svc on 10.0.0.10:53: i/o timeout", "name_resolution"),
        ("dial tcp: lookup cart.shop.svc on 10.0.0.10:53: i/o timeout", "name_resolution"),
        ("Web server failed to start. Port 8080 was already in use.", "port_conflict"),
        ("FATAL: password authentication failed for user \"web\"", "bad_credentials"),
        ("Access denied for user 'web'@'10.1.0.3' (using password: YES)", "bad_credentials"),
        ("Communications link failure: connect: Connection refused", "wrong_database_port"),
    ],
)  # fmt: skip
def test_what_a_stuck_process_says_names_its_cause(line: str, mechanism: str) -> None:
    assert best(world([*app("web", STUCK), *app("cart")], {"web": line})) == ("web", mechanism)


def test_the_same_words_of_a_process_that_serves_are_no_cause() -> None:
    said = "UnknownHostException\nPort 80 was already in use\nAccess denied for user 'x'"
    assert world([*app("web")], {"web": said}) == []


@pytest.mark.parametrize(
    ("line", "mechanism"),
    [
        ("The MySQL server is running with the --read-only option", "database_read_only"),
        ("READONLY You can't write against a read only replica.", "database_read_only"),
        (
            "Data source rejected establishment of connection, message: Too many connections",
            "connections_exhausted",
        ),
    ],
)
def test_trouble_of_a_database_is_told_by_those_who_are_told_its_address(line: str, mechanism: str) -> None:
    secret = {
        "data": {"DB_HOST": "", "DB_PORT": "", "DB_PASSWORD": ""},
        "stringData": {"DB_HOST": "db", "DB_PORT": "3306"},
    }
    taken: Any = {"envFrom": [{"secretRef": {"name": "db-key"}}]}
    objects = [
        *app("web", **taken), *app("db", image="mysql:8", port=3306), *app("other", image="mysql:8", port=3306),
        ("secret", "db-key", secret),
    ]  # fmt: skip
    hits = world(objects, {"web": line})
    assert best(hits) == ("db", mechanism)
    assert "other" not in {h.service for h in hits}


def test_several_who_wait_for_connections_in_vain_speak_against_what_they_share() -> None:
    told: Any = {"env": [{"name": "DB_ADDR", "value": "db:3306"}]}
    objects = [*app("web", **told), *app("cart", **told), *app("db", image="mysql:8", port=3306)]
    line = "HikariPool-1 - Connection is not available, request timed out after 30000ms."
    assert best(world(objects, {"web": line, "cart": line})) == ("db", "connections_exhausted")
    assert world(objects, {"web": line}) == []


def test_a_name_that_gets_lost_now_and_then_is_no_broken_name_service() -> None:
    objects = [o for name in ("web", "cart", "pay", "mail") for o in app(name)]
    lines = [f"dial tcp: lookup {name} on 10.0.0.10:53: no such host" for name in ("cart", "pay", "mail")]
    assert world(objects, {"web": lines[0]}) == []
    assert best(world(objects, {"web": "\n".join(lines)})) == ("web", "name_resolution")


def test_an_address_out_of_a_secret_is_compared_with_the_service_it_names() -> None:
    secret = {"stringData": {"DB_HOST": "db", "DB_PORT": "3307"}}
    objects = [
        *app("web", STUCK, envFrom=[{"secretRef": {"name": "db-key"}}]), *app("db", image="mysql:8", port=3306),
        ("secret", "db-key", secret),
    ]  # fmt: skip
    assert best(world(objects)) == ("web", "wrong_database_port")


ROUTES = """
spring:
  cloud:
    gateway:
      routes:
        - id: orders
          uri: lb://${ORDERS_HOST:shop-users-service}
          predicates: ["Path=/api/v1/orderservice/**"]
        - id: users
          uri: http://shop-users-service:80
          predicates: ["Path=/api/v1/people/**"]
        - id: refunds
          uri: lb://shop-payments-service
          predicates: ["Path=/api/v1/payments/refunds/**"]
"""
NGINX = "server { location /api/orders/ { proxy_pass http://shop-users-service:80/; } }"


@pytest.mark.parametrize(
    ("content", "target"),
    [
        (ROUTES.replace("id: orders", "id: order"), "shop-users-service"),
        (ROUTES.replace("shop-users-service}", "shop-order-v2}"), "shop-order-v2"),
        (
            ROUTES.replace("lb://${ORDERS_HOST:shop-users-service}", "http://shop-order-service:81"),
            "order-service:81",
        ),
        (NGINX, "shop-users-service"),
    ],
)
def test_a_route_that_names_one_service_and_leads_elsewhere_is_found(content: str, target: str) -> None:
    objects = [o for name in ("order", "users", "payments", "cart") for o in app(f"shop-{name}-service")]
    objects.append(("configmap", "gateway", {"data": {"application.yml": content}}))
    hits = world(objects)
    assert [(h.service, h.rule.mechanism) for h in hits] == [("shop-order-service", "wrong_route")]
    assert target in hits[0].sentence


def test_a_route_that_fits_its_target_is_none_astray_though_the_target_is_not_deployed() -> None:
    content = ROUTES.replace("id: orders", "id: admin-order").replace(
        "shop-users-service}", "shop-admin-order-service}"
    )
    content = content.replace("orderservice", "adminorderservice/orders")
    objects = [o for name in ("order", "users", "payments", "cart") for o in app(f"shop-{name}-service")]
    assert world([*objects, ("configmap", "gateway", {"data": {"application.yml": content}})]) == []


def test_routes_to_where_nobody_can_look_are_left_alone() -> None:
    content = ROUTES.replace("lb://${ORDERS_HOST:shop-users-service}", "https://orders.example.com")
    objects = [o for name in ("order", "users", "payments", "cart") for o in app(f"shop-{name}-service")]
    assert world([*objects, ("configmap", "gateway", {"data": {"application.yml": content}})]) == []


def test_a_file_that_unfolds_without_an_end_is_read_in_no_time() -> None:
    layers = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    content = f"routes: []\na0: &a0 [x, y]\n{layers}"
    files = {"a.yml": content, "nginx.conf": "location " + "=" * 39_000, "deep.yml": "routes: " + "[" * 39_000}
    started = time.perf_counter()
    assert world([*app("web"), ("configmap", "gateway", {"data": files})]) == []
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize(
    "content", [": [broken", "routes: " + "[" * 500, "routes:\n- {id: x, uri: 'http://[::1'}", ""]
)
def test_hostile_files_are_no_routes(content: str) -> None:
    objects = [*app("web"), ("configmap", "gateway", {"data": {"a.yml": content, "b": 3}})]
    assert world(objects) == []
