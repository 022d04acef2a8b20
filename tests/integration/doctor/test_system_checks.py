"""What `doctor` says of the systems that tools may change."""

import json
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from autopilot.incident.ports import Failure
from autopilot.settings import Settings
from autopilot.settings_systems import Alertmanager, Datadog, Kubernetes, LaunchDarkly, PagerDutyApi, Unleash
from cli.probe import Broken
from cli.system_checks import system_probes
from tests.integration.saas_sources.vendor import Asked, Reply, Vendor
from tests.integration.saas_tools.flag_servers import LaunchDarklyServer, UnleashServer
from tests.integration.saas_tools.silence_servers import AlertmanagerServer, DatadogServer, PagerDutyServer

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
SECRET = SecretStr("may-write")


def answers(settings: Settings) -> dict[str, str]:
    """What each probe found, or what is wrong."""
    told: dict[str, str] = {}
    for probe in system_probes(settings):
        try:
            told[probe.name] = probe.ask()
        except (Broken, Failure) as problem:
            told[probe.name] = f"{type(problem).__name__}: {problem}"
    return told


def reviewing(allowed: Callable[[dict[str, str]], bool]) -> Callable[[Asked], Reply]:
    """An API server that answers reviews
    (https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/)."""

    def answer(asked: Asked) -> Reply:
        assert (asked.method, asked.path) == ("POST", REVIEWS)
        body = json.loads(asked.body)
        return Reply(body | {"status": {"allowed": allowed(body["spec"]["resourceAttributes"])}}, 201)

    return answer


def kubernetes(url: str, *namespaces: str, write: bool = True) -> Settings:
    return Settings(
        kubernetes=Kubernetes(
            base_url=url, token=SecretStr("r"), write_token=SECRET if write else None, namespaces=namespaces
        )
    )


def test_nothing_is_asked_about_what_is_not_configured() -> None:
    assert answers(Settings()) == {}


def test_accounts_that_may_do_all_that_is_needed_are_fine() -> None:
    with Vendor(reviewing(lambda _: True)) as vendor:
        told = answers(kubernetes(vendor.url, "shop", "pay"))
        assert told == {
            "kubernetes": "may read namespaces shop, pay",
            "kubernetes tools": "7 tools may act in shop, pay",
        }
        asked = [json.loads(a.body)["spec"]["resourceAttributes"] for a in vendor.asked]
    assert {
        "verb": "patch",
        "resource": "deployments",
        "group": "apps",
        "subresource": "scale",
        "namespace": "pay",
    } in asked
    assert {"verb": "patch", "resource": "nodes", "group": "", "subresource": ""} in asked
    assert {a["verb"] for a in asked if "secrets" in a["resource"]} == set()
    assert {a.headers["authorization"] for a in vendor.asked} == {"Bearer r", "Bearer may-write"}


def test_what_an_account_may_not_do_is_named_with_its_place() -> None:
    def allowed(asked: dict[str, str]) -> bool:
        return asked["verb"] != "patch" and (asked["resource"], asked.get("namespace")) != ("pods", "pay")

    with Vendor(reviewing(allowed)) as vendor:
        told = answers(kubernetes(vendor.url, "shop", "pay"))
    assert told["kubernetes"] == "Broken: The service account may not: list pods in pay."
    assert "patch configmaps in pay" in told["kubernetes tools"]
    assert " more." in told["kubernetes tools"]


def test_without_a_writer_the_tools_are_not_asked_about() -> None:
    with Vendor(reviewing(lambda _: True)) as vendor:
        assert set(answers(kubernetes(vendor.url, "shop", write=False))) == {"kubernetes"}


def test_listed_flags_are_read() -> None:
    with Vendor(LaunchDarklyServer()) as one, Vendor(UnleashServer()) as other:
        listed = {"checkout": ("new-checkout",)}
        settings = Settings(
            launchdarkly=LaunchDarkly(base_url=one.url, project="shop", flags=listed, token=SECRET),
            unleash=Unleash(base_url=other.url, project="shop", flags={"checkout": ("gone",)}, token=SECRET),
        )
        told = answers(settings)
    assert told["launchdarkly"] == "1 flags of shop/production are readable"
    assert told["unleash"] == "Broken: There is no flag 'gone' in shop/production."
    assert answers(Settings(launchdarkly=LaunchDarkly(project="shop")))["launchdarkly"].startswith(
        "Broken: No flag"
    )


@pytest.mark.parametrize(
    ("name", "server"),
    [("alertmanager", AlertmanagerServer), ("datadog", DatadogServer), ("pagerduty", PagerDutyServer)],
)
def test_silences_are_listed_and_none_is_made(
    name: str, server: type[AlertmanagerServer | DatadogServer | PagerDutyServer]
) -> None:
    answering = server()
    with Vendor(answering) as vendor:
        pager = PagerDutyApi(
            base_url=vendor.url,
            write_token=SECRET,
            from_email="autopilot@shop.example",
            services={"checkout": "P1"},
        )
        settings = {
            "alertmanager": Settings(alertmanager=Alertmanager(base_url=vendor.url, silence=True)),
            "datadog": Settings(datadog=Datadog(base_url=vendor.url, api_key=SECRET, write_app_key=SECRET)),
            "pagerduty": Settings(pagerduty=pager),
        }[name]
        assert answers(settings) == {f"{name} silences": "silences can be listed"}
        assert {a.method for a in vendor.asked} == {"GET"}
    assert answering.made == []


def test_refused_credentials_say_what_to_renew() -> None:
    with Vendor(lambda _: Reply({"errors": ["Unauthorized"]}, 401)) as vendor:
        settings = Settings(datadog=Datadog(base_url=vendor.url, api_key=SECRET, write_app_key=SECRET))
        assert "renew the token" in answers(settings)["datadog silences"]
