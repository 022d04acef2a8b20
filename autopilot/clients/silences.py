"""Silences with an end: Alertmanager, Datadog downtimes and PagerDuty maintenance windows in one shape.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml;
https://docs.datadoghq.com/api/latest/downtimes/ (v2);
https://developer.pagerduty.com/api-reference/ (create, list and delete maintenance windows).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, Field, JsonValue, SecretStr, TypeAdapter

from autopilot.clients.http import Api
from autopilot.incident.ports import Failure
from autopilot.settings_systems import Alertmanager, Datadog, PagerDutyApi

CREATOR = "AIOps Auto Pilot"
PAGE, MAX_PAGES = 100, 10


@dataclass(frozen=True)
class Silence:
    """One that is in force."""

    id: str
    comment: str
    until: datetime | None


class SilenceSystem(Protocol):
    """Something that can keep alerts of one service from reaching people for a while."""

    @property
    def name(self) -> str:
        """Such as `alertmanager`."""
        ...

    def problem(self, service: str) -> str:
        """Why alerts of this service cannot be told from others; empty when they can. Pure."""
        ...

    def matcher(self, service: str) -> str:
        """What exactly would be silenced, in the vendor's words. Pure."""
        ...

    def active(self, service: str) -> list[Silence]:
        """Those of exactly this service that are in force. Raises Failure."""
        ...

    def hold(self, service: str, until: datetime, comment: str) -> str:
        """Silence the service until then; returns the id. Raises Failure."""
        ...

    def release(self, silence: str) -> None:
        """End a silence now. Raises Failure."""
        ...


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class _Matcher(BaseModel):
    name: str = ""
    value: str = ""
    isRegex: bool = False  # noqa: N815 - Alertmanager's wire name
    isEqual: bool = True  # noqa: N815 - Alertmanager's wire name


class _State(BaseModel):
    state: str = ""


class _Silence(BaseModel):
    id: str
    comment: str = ""
    endsAt: AwareDatetime | None = None  # noqa: N815 - Alertmanager's wire name
    matchers: list[_Matcher] = []
    status: _State = _State()


class _Created(BaseModel):
    silenceID: str  # noqa: N815 - Alertmanager's wire name


_SILENCES, _CREATED = TypeAdapter(list[_Silence]), TypeAdapter(_Created)


class AlertmanagerSilences:
    """Silences of one Alertmanager, by one label that has exactly the service's name."""

    name = "alertmanager"

    def __init__(self, settings: Alertmanager, api: Api | None = None) -> None:
        """`api` replaces the client built from the settings."""
        self._label = settings.service_label
        headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"} if settings.token else {}
        self._api = api or Api("Alertmanager", settings.base_url, headers=headers)

    def problem(self, service: str) -> str:
        """See `SilenceSystem`."""
        return "" if service else "the step names no service"

    def matcher(self, service: str) -> str:
        """See `SilenceSystem`."""
        return f'{self._label}="{service}"'

    def active(self, service: str) -> list[Silence]:
        """See `SilenceSystem`."""
        found = self._api.get("api/v2/silences").parse(_SILENCES)
        wanted = [_Matcher(name=self._label, value=service)]
        return [
            Silence(s.id, s.comment, s.endsAt) for s in found if s.status.state == "active" and s.matchers == wanted
        ]

    def hold(self, service: str, until: datetime, comment: str) -> str:
        """See `SilenceSystem`."""
        body: dict[str, JsonValue] = {
            "matchers": [{"name": self._label, "value": service, "isRegex": False, "isEqual": True}],
            "startsAt": _iso(datetime.now(UTC)),
            "endsAt": _iso(until),
            "createdBy": CREATOR,
            "comment": comment,
        }
        return self._api.send("POST", "api/v2/silences", body).parse(_CREATED).silenceID

    def release(self, silence: str) -> None:
        """See `SilenceSystem`."""
        self._api.send("DELETE", f"api/v2/silence/{quote(silence, safe='')}")


class _Schedule(BaseModel):
    end: AwareDatetime | None = None


class _Attributes(BaseModel):
    message: str | None = None
    scope: str = ""
    status: str = ""
    schedule: _Schedule | None = None


class _Downtime(BaseModel):
    id: str
    attributes: _Attributes = _Attributes()


class _Downtimes(BaseModel):
    data: list[_Downtime] = []


class _NewDowntime(BaseModel):
    data: _Downtime


_DOWNTIMES, _NEW = TypeAdapter(_Downtimes), TypeAdapter(_NewDowntime)


class DatadogDowntimes:
    """Downtimes of one Datadog organisation, scoped to the tag `service`."""

    name = "datadog"

    def __init__(self, settings: Datadog, app_key: SecretStr, api: Api | None = None) -> None:
        """`api` replaces the client built from the settings."""
        headers = {"DD-APPLICATION-KEY": app_key.get_secret_value()}
        if settings.api_key:
            headers["DD-API-KEY"] = settings.api_key.get_secret_value()
        self._api = api or Api("Datadog", settings.base_url, headers=headers)

    def problem(self, service: str) -> str:
        """See `SilenceSystem`: a scope is a query, so names that mean something in it cannot be matched exactly."""
        plain = service and all(char.isalnum() or char in "_-./" for char in service)
        return "" if plain else f"{service!r} cannot be written as a Datadog tag"

    def matcher(self, service: str) -> str:
        """See `SilenceSystem`."""
        return f"service:{service}"

    def active(self, service: str) -> list[Silence]:
        """See `SilenceSystem`."""
        return [
            Silence(d.id, d.attributes.message or "", d.attributes.schedule.end if d.attributes.schedule else None)
            for d in self._listed()
            if d.attributes.status == "active" and d.attributes.scope == self.matcher(service)
        ]

    def _listed(self) -> Iterator[_Downtime]:
        for number in range(MAX_PAGES):
            params = {"current_only": "true", "page[offset]": number * PAGE, "page[limit]": PAGE}
            page = self._api.get("api/v2/downtime", params).parse(_DOWNTIMES).data
            yield from page
            if len(page) < PAGE:
                return
        raise Failure(f"Datadog has more than {MAX_PAGES * PAGE} downtimes in force.", who="operator")

    def hold(self, service: str, until: datetime, comment: str) -> str:
        """See `SilenceSystem`."""
        tag = self.matcher(service)
        attributes: dict[str, JsonValue] = {
            "message": comment,
            "scope": tag,
            "monitor_identifier": {"monitor_tags": [tag]},
            "schedule": {"start": None, "end": _iso(until)},
            "mute_first_recovery_notification": False,
        }
        body: JsonValue = {"data": {"type": "downtime", "attributes": attributes}}
        return self._api.send("POST", "api/v2/downtime", body).parse(_NEW).data.id

    def release(self, silence: str) -> None:
        """See `SilenceSystem`."""
        self._api.send("DELETE", f"api/v2/downtime/{quote(silence, safe='')}")


class _Reference(BaseModel):
    id: str = ""


class _Window(BaseModel):
    id: str
    description: str | None = None
    end_time: AwareDatetime | None = None
    services: list[_Reference] = []


class _Windows(BaseModel):
    maintenance_windows: list[_Window] = []
    more: bool = False


class _NewWindow(BaseModel):
    window: _Window = Field(alias="maintenance_window")


_WINDOWS, _NEW_WINDOW = TypeAdapter(_Windows), TypeAdapter(_NewWindow)


class PagerDutyWindows:
    """Maintenance windows of PagerDuty services: no incident is opened while one lasts."""

    name = "pagerduty"

    def __init__(self, settings: PagerDutyApi, token: SecretStr, api: Api | None = None) -> None:
        """`api` replaces the client built from the settings."""
        self._services = settings.services
        headers = {
            "Authorization": f"Token token={token.get_secret_value()}",
            "Accept": "application/vnd.pagerduty+json;version=2",
            "From": settings.from_email,
        }
        self._api = api or Api("PagerDuty", settings.base_url, headers=headers)

    def problem(self, service: str) -> str:
        """See `SilenceSystem`."""
        return "" if service in self._services else f"pagerduty.services has no id for {service!r}"

    def matcher(self, service: str) -> str:
        """See `SilenceSystem`."""
        return f"PagerDuty service {self._services.get(service, '')}"

    def active(self, service: str) -> list[Silence]:
        """See `SilenceSystem`."""
        wanted, found = self._services[service], list[Silence]()
        for number in range(MAX_PAGES):
            params = {"filter": "ongoing", "service_ids[]": wanted, "limit": PAGE, "offset": number * PAGE}
            page = self._api.get("maintenance_windows", params).parse(_WINDOWS)
            found += [
                Silence(w.id, w.description or "", w.end_time)
                for w in page.maintenance_windows
                if [s.id for s in w.services] == [wanted]
            ]
            if not page.more:
                return found
        raise Failure(f"PagerDuty has more than {MAX_PAGES * PAGE} ongoing windows.", who="operator")

    def hold(self, service: str, until: datetime, comment: str) -> str:
        """See `SilenceSystem`."""
        window: dict[str, JsonValue] = {
            "type": "maintenance_window",
            "start_time": _iso(datetime.now(UTC)),
            "end_time": _iso(until),
            "description": comment,
            "services": [{"id": self._services[service], "type": "service_reference"}],
        }
        return (
            self._api.send("POST", "maintenance_windows", {"maintenance_window": window})
            .parse(_NEW_WINDOW)
            .window.id
        )

    def release(self, silence: str) -> None:
        """See `SilenceSystem`."""
        self._api.send("DELETE", f"maintenance_windows/{quote(silence, safe='')}")
