"""Slack's user groups and the schedules of PagerDuty and Opsgenie, asked who is in them now. Read only."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

import structlog
from pydantic import BaseModel, TypeAdapter

from autopilot.clients.http import Api
from autopilot.clients.slack import SlackApi
from autopilot.incident.base import Time, clean
from autopilot.incident.ports import Failure
from autopilot.playbooks.directory import Directories, Directory, Member
from autopilot.settings import Opsgenie, PagerDutyApi, Settings, Slack

SECONDS = 4.0
"""For one question: an incident is opening, or a decision waits."""
MAX_MEMBERS = 100
KEPT, STALE = 60.0, 86_400.0
"""Seconds for which an answer is believed, and for which the last one stands in for a system that is silent."""


class _Group(BaseModel):
    users: list[str] = []


class SlackGroups:
    """User groups, by `usergroups.users.list`; needs the scope `usergroups:read`. They have no time."""

    def __init__(self, settings: Slack) -> None:
        self._api = SlackApi(settings)

    def members(self, name: str, at: Time) -> tuple[Member, ...]:  # noqa: ARG002  # a group is as it is now
        """The users of the group with this id. Raises Failure."""
        group = self._api.read("usergroups.users.list", {"usergroup": name}, TypeAdapter(_Group))
        return tuple(Member(clean(user, 40)) for user in group.users[:MAX_MEMBERS])


class _User(BaseModel):
    id: str
    name: str = ""
    summary: str | None = ""
    email: str = ""


class _Duty(BaseModel):
    user: _User
    escalation_level: int = 1


class _Duties(BaseModel):
    oncalls: list[_Duty] = []


class PagerDutySchedules:
    """Schedules by `GET /oncalls`, with the users' addresses."""

    def __init__(self, settings: PagerDutyApi) -> None:
        token = settings.token.get_secret_value() if settings.token else ""
        headers = {"Authorization": f"Token token={token}", "Accept": "application/vnd.pagerduty+json;version=2"}
        self._api = Api("PagerDuty", settings.base_url, headers=headers, timeout=SECONDS, attempts=2, max_wait=1.0)

    def members(self, name: str, at: Time) -> tuple[Member, ...]:
        """Those on duty by the schedule with this id at a moment, by escalation level. Raises Failure."""
        asked = {
            "schedule_ids[]": name,
            "include[]": "users",
            "since": at.isoformat(),
            "until": (at + timedelta(seconds=1)).isoformat(),
            "limit": MAX_MEMBERS,
        }
        duties = self._api.get("oncalls", asked).parse(TypeAdapter(_Duties)).oncalls
        found = {
            duty.user.id: Member(
                clean(duty.user.id, 40),
                clean(duty.user.name or duty.user.summary or "", 80),
                clean(duty.user.email, 200),
            )
            for duty in sorted(duties, key=lambda duty: duty.escalation_level)
        }
        return tuple(found.values())


class _Recipients(BaseModel):
    onCallRecipients: list[str] = []  # noqa: N815  # Opsgenie's wire name


class _Answer(BaseModel):
    data: _Recipients = _Recipients()


class OpsgenieSchedules:
    """Schedules by `GET /v2/schedules/NAME/on-calls?flat=true`; users are known there by their address."""

    def __init__(self, settings: Opsgenie) -> None:
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        headers = {"Authorization": f"GenieKey {key}"}
        self._api = Api("Opsgenie", settings.base_url, headers=headers, timeout=SECONDS, attempts=2, max_wait=1.0)

    def members(self, name: str, at: Time) -> tuple[Member, ...]:
        """Those on duty by the schedule of this name at a moment. Raises Failure."""
        asked = {"scheduleIdentifierType": "name", "flat": "true", "date": at.isoformat(timespec="seconds")}
        path = f"v2/schedules/{quote(name, safe='')}/on-calls"
        users = self._api.get(path, asked).parse(TypeAdapter(_Answer)).data.onCallRecipients
        return tuple(Member(clean(user, 200), email=clean(user, 200)) for user in users[:MAX_MEMBERS])


class Remembered:
    """A directory whose answers are kept for a minute, and for a day in case that it does not answer."""

    def __init__(self, directory: Directory, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells seconds."""
        self._directory, self._clock = directory, clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], tuple[float, tuple[Member, ...]]] = {}
        self._last: dict[str, tuple[float, tuple[Member, ...]]] = {}

    def members(self, name: str, at: Time) -> tuple[Member, ...]:
        """See `Directory`."""
        key, now = (name, int(at.timestamp() // KEPT)), self._clock()
        with self._lock:
            known = self._known.get(key)
        if known is not None and now - known[0] < KEPT:
            return known[1]
        try:
            found = self._directory.members(name, at)
        except Failure as failure:
            last = self._last.get(name)
            if last is None or now - last[0] >= STALE:
                raise
            structlog.get_logger().warning("directory does not answer", name=name, error=str(failure))
            return last[1]
        with self._lock:
            self._known = {k: v for k, v in self._known.items() if now - v[0] < KEPT} | {key: (now, found)}
            self._last[name] = (now, found)
        return found


def build_directories(settings: Settings) -> Directories:
    """The directories that settings configure; nothing is asked yet."""
    found: dict[str, Directory] = {}
    if settings.slack:
        found["slack"] = SlackGroups(settings.slack)
    if settings.pagerduty and settings.pagerduty.token:
        found["pagerduty"] = PagerDutySchedules(settings.pagerduty)
    if settings.opsgenie and settings.opsgenie.api_key:
        found["opsgenie"] = OpsgenieSchedules(settings.opsgenie)
    return {system: Remembered(directory) for system, directory in found.items()}
