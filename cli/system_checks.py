"""What `doctor` asks of the systems that tools may change: do they answer, and what is allowed. Nothing changes."""

from collections.abc import Callable, Iterable, Iterator

from autopilot.clients.flags import FlagSystem
from autopilot.clients.http_failures import HttpFailure
from autopilot.clients.kubernetes import Cluster
from autopilot.clients.launchdarkly import LaunchDarklyFlags
from autopilot.clients.silences import SilenceSystem
from autopilot.clients.unleash import UnleashFlags
from autopilot.remediation import silences
from autopilot.remediation.catalogue import build_catalogue
from autopilot.settings import Settings
from autopilot.settings_systems import Kubernetes
from autopilot.sources.kubernetes import CLUSTER_KINDS, KINDS
from cli.probe import Broken, Probe

NOBODY = "autopilot-doctor"
"""A service that nobody has: its silences are asked for, and there are none."""
MAX_FLAGS = 20
MAX_MISSING = 5


def system_probes(settings: Settings) -> Iterator[Probe]:
    """One question per configured system; what is not configured is not asked about."""
    if settings.kubernetes:
        kubernetes = settings.kubernetes
        yield _probe("kubernetes", lambda: _kubernetes(kubernetes))
        if kubernetes.write_token:
            yield _probe("kubernetes tools", lambda: _writer(settings, kubernetes))
    if settings.launchdarkly:
        darkly = LaunchDarklyFlags(settings.launchdarkly, settings.launchdarkly.token)
        yield _probe(darkly.name, lambda: _flags(darkly))
    if settings.unleash:
        unleash = UnleashFlags(settings.unleash, settings.unleash.token)
        yield _probe(unleash.name, lambda: _flags(unleash))
    for system in silences.systems(settings):
        yield _probe(f"{system.name} silences", lambda system=system: _silences(settings, system))


def _probe(name: str, ask: Callable[[], str]) -> Probe:
    section = name.partition(" ")[0]
    return Probe(name, ask, f"Correct the section `{section}:` or its secret in the environment.")


def _missing(cluster: Cluster, needed: Iterable[tuple[str, str]], namespaces: tuple[str, ...]) -> list[str]:
    """What the service account may not do, and where. Raises Failure."""
    wide = {_resource(api, plural) for api, plural in CLUSTER_KINDS.values()}
    places = [(verb, what, space) for verb, what in needed for space in (("",) if what in wide else namespaces)]
    return [
        f"{verb} {what}{f' in {space}' if space else ''}"
        for verb, what, space in places
        if not cluster.may(verb, what, space)
    ]


def _answer(missing: list[str], fine: str) -> str:
    if not missing:
        return fine
    more = f" and {len(missing) - MAX_MISSING} more" if len(missing) > MAX_MISSING else ""
    raise Broken(
        f"The service account may not: {', '.join(missing[:MAX_MISSING])}{more}.",
        "Bind it to a role with these rules; docs/operations.md lists them.",
    )


def _kubernetes(settings: Kubernetes) -> str:
    cluster = Cluster(settings, settings.token or settings.write_token)
    kinds = [*KINDS.values(), *CLUSTER_KINDS.values(), ("api/v1", "events")]
    needed = [("list", _resource(api, plural)) for api, plural in kinds]
    return _answer(
        _missing(cluster, needed, settings.namespaces), f"may read namespaces {', '.join(settings.namespaces)}"
    )


def _resource(api: str, plural: str) -> str:
    group = api.split("/")[1] if api.startswith("apis/") else ""
    return f"{plural}.{group}" if group else plural


def _writer(settings: Settings, kubernetes: Kubernetes) -> str:
    tools = [tool for tool in build_catalogue(settings).tools if tool.system == "kubernetes"]
    needed = sorted({(p.partition(" ")[0], p.partition(" ")[2]) for tool in tools for p in tool.permissions})
    missing = _missing(Cluster(kubernetes, kubernetes.write_token), needed, kubernetes.namespaces)
    return _answer(missing, f"{len(tools)} tools may act in {', '.join(kubernetes.namespaces)}")


def _flags(system: FlagSystem) -> str:
    listed = [key for keys in system.flags.values() for key in keys][:MAX_FLAGS]
    if not listed:
        raise Broken("No flag is listed for any service: nothing would be read.", "Map services to flags there.")
    for key in listed:
        try:
            system.read(key)
        except HttpFailure as failure:
            if failure.status != 404:
                raise
            raise Broken(
                f"There is no flag {key!r} in {system.place}.", f"Correct {system.name}.flags."
            ) from failure
    return f"{len(listed)} flags of {system.place} are readable"


def _silences(settings: Settings, system: SilenceSystem) -> str:
    """Lists those of one service; whether they may be made is known at the first one."""
    services = settings.pagerduty.services if settings.pagerduty and system.name == "pagerduty" else {NOBODY: ""}
    if not services:
        raise Broken("pagerduty.services is empty: nothing could be silenced.", "Map services to ids there.")
    system.active(next(iter(services)))
    return "silences can be listed"
