"""Settings of systems that tools may change besides AWS. A write credential is its own, and off unless given."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat, SecretStr, model_validator

from autopilot.incident.cause import CauseKind
from autopilot.settings_section import Section


class Kubernetes(Section):
    """One cluster: what runs in it is read; with `write_token` workloads can be rolled back, restarted, scaled."""

    base_url: str
    """The API server, such as https://10.0.0.1:6443."""
    ca_file: Path | None = None
    """The cluster's certificate authority as PEM; without it the system's own authorities count."""
    token: SecretStr | None = None
    """Of a service account that may read."""
    write_token: SecretStr | None = None
    """Of a service account that may patch workloads; without it Kubernetes tools do not exist."""
    namespaces: tuple[str, ...] = ("default",)
    """Nothing that lies in another namespace is read or changed; nodes and volumes lie in none."""
    service_label: str = "app.kubernetes.io/name"
    """The label of a workload that names its service."""


class GitLab(Section):
    """Projects of services; with `write_token` draft merge requests can be opened."""

    base_url: str = "https://gitlab.com"
    projects: dict[str, str] = {}
    """Service → path of the project, such as group/checkout."""
    token: SecretStr | None = None
    write_token: SecretStr | None = None
    """May push branches and open draft merge requests; without it the patch text is delivered."""


class Bitbucket(Section):
    """Repositories of services; with `write_token` draft pull requests can be opened."""

    base_url: str = "https://api.bitbucket.org/2.0"
    repositories: dict[str, str] = {}
    """Service → workspace/repository."""
    token: SecretStr | None = None
    write_token: SecretStr | None = None
    """May push branches and open draft pull requests; without it the patch text is delivered."""


class LaunchDarkly(Section):
    """Feature flags of one project and environment."""

    base_url: str = "https://app.launchdarkly.com"
    project: str
    environment: str = "production"
    flags: dict[str, tuple[str, ...]] = {}
    """Service → flags that may be switched during its incidents."""
    token: SecretStr | None = None
    write_token: SecretStr | None = None
    """May change targeting; without it LaunchDarkly tools do not exist."""


class Unleash(Section):
    """Feature flags of one Unleash project and environment."""

    base_url: str
    project: str = "default"
    environment: str = "production"
    flags: dict[str, tuple[str, ...]] = {}
    """Service → flags that may be switched during its incidents."""
    token: SecretStr | None = None
    write_token: SecretStr | None = None
    """May change strategies; without it Unleash tools do not exist."""


class Datadog(Section):
    """One Datadog organisation."""

    base_url: str = "https://api.datadoghq.com"
    api_key: SecretStr | None = None
    app_key: SecretStr | None = None
    """Of a user or service account that may read."""
    write_app_key: SecretStr | None = None
    """May create downtimes (scope monitors_downtime); without it alerts are not silenced there."""


class Alertmanager(Section):
    """One Alertmanager."""

    base_url: str
    token: SecretStr | None = None
    silence: bool = False
    """Whether silences may be created: Alertmanager itself does not tell readers from writers."""
    service_label: str = "service"
    """The label of an alert that names its service; a silence matches it exactly."""


class PagerDutyApi(Section):
    """PagerDuty's REST API, for what the Events API cannot: maintenance windows and schedules."""

    base_url: str = "https://api.pagerduty.com"
    token: SecretStr | None = None
    """A read-only REST key."""
    write_token: SecretStr | None = None
    """May create maintenance windows; without it alerts are not silenced there."""
    from_email: str = ""
    """The PagerDuty user in whose name maintenance windows are created."""
    services: dict[str, str] = {}
    """Service → id of its PagerDuty service."""


Choices = Annotated[tuple[str, ...], Field(min_length=1)]
"""The values that may be given; the first is what is offered."""
RunbookName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Opsgenie(Section):
    """Opsgenie's REST API, for who is on duty by its schedules."""

    base_url: str = "https://api.opsgenie.com"
    """https://api.eu.opsgenie.com for accounts in the EU."""
    api_key: SecretStr | None = None
    """Of an API integration that may read; without it Opsgenie is not asked."""


class Automation(Section):
    """One SSM Automation document that may be run."""

    document: str
    """Its name or ARN."""
    services: tuple[str, ...] = ()
    """For incidents of these services only; empty: any."""
    region: str = ""
    parameters: dict[str, Choices] = {}
    """Parameter → the values that may be given; the first is what is offered."""
    helps_against: tuple[CauseKind, ...] = ()
    """Kinds of cause, such as `disk` or `memory`; without any it is never offered."""
    risk: Literal["low", "medium", "high"] = "medium"
    seconds: PositiveFloat = 600.0
    """How long it may take."""


class HttpRunbook(Section):
    """One HTTP endpoint of the team that may be called as a remedy."""

    url: str
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    services: tuple[str, ...] = ()
    """For incidents of these services only; empty: any."""
    body: dict[str, Choices] = {}
    """Field → the values that may be sent; the first is what is offered."""
    undo_url: str = ""
    """Called to take it back; empty: it cannot be undone."""
    state_url: str = ""
    """Read before acting: its JSON answer is the state that must not have changed meanwhile."""
    token: SecretStr | None = None
    """Sent as a bearer token."""
    helps_against: tuple[CauseKind, ...] = ()
    """Kinds of cause, such as `disk` or `memory`; without any it is never offered."""
    risk: Literal["low", "medium", "high"] = "medium"
    seconds: PositiveFloat = 300.0
    """Until when its effect should be seen."""

    @model_validator(mode="after")
    def _one_place(self) -> "HttpRunbook":
        place = urlsplit(self.url)
        if place.scheme not in ("http", "https") or not place.netloc:
            raise ValueError(f"{self.url!r} is no http(s) address")
        for other in (self.undo_url, self.state_url):
            parts = urlsplit(other)
            if other and (parts.scheme, parts.netloc) != (place.scheme, place.netloc):
                raise ValueError(f"{other!r} is not at {place.scheme}://{place.netloc}: the token goes only there")
        return self


class Runbooks(Section):
    """The allow-list of what the team has automated itself; nothing else of that sort can be run."""

    automation: dict[RunbookName, Automation] = {}
    """Name → SSM Automation document."""
    http: dict[RunbookName, HttpRunbook] = {}
    """Name → HTTP endpoint."""


class Tools(Section):
    """Which tools of the catalogue exist, by name; `*` stands for any text."""

    enabled: tuple[str, ...] = ("*",)
    disabled: tuple[str, ...] = ()
    """Wins over `enabled`."""
