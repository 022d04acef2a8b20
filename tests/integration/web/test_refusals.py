"""What the gateway turns away is in the audit record, with who, where and why, and a flood is counted, not kept."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from autopilot.audit.sqlite import SqliteAudit
from autopilot.case.store import FolderCaseStore
from autopilot.incident.audit import Entry
from autopilot.incident.ports import Failure
from autopilot.web.refusals import Refusals
from tests.integration.web.conftest import Authority, MemoryIncidents, Running, Said, serving, settings
from tests.integration.web.payloads import alarm, click, event

CLICKS = "/hooks/slack/interactions"


@dataclass
class Recording:
    """A gateway with a record of its own."""

    running: Running
    audit: SqliteAudit

    def turned_away(self, number: int) -> list[Entry]:
        """The refusals, once there are so many: they are written after the answer."""
        limit = time.monotonic() + 5
        while len(found := list(self.audit.entries(kind="refusal"))) < number:
            assert time.monotonic() < limit, found
            time.sleep(0.01)
        return found


@pytest.fixture
def recording(authority: Authority, tmp_path: Path) -> Iterator[Recording]:
    incidents, said, store = MemoryIncidents(), Said(), FolderCaseStore(tmp_path / "cases")
    audit = SqliteAudit(tmp_path / "audit.db")
    with (
        serving(settings(authority.origin), incidents, store, said, audit) as url,
        httpx.Client(base_url=url, timeout=10) as http,
    ):
        yield Recording(Running(http, incidents, said, store, tmp_path, authority), audit)


def test_unknown_senders_are_recorded_by_address_route_and_reason(recording: Recording) -> None:
    gateway = recording.running
    forged = [
        gateway.slack(CLICKS, click("g"), secret="guessed"),
        gateway.slack(CLICKS, click("g"), age=400),
        gateway.slack("/hooks/slack/events", "{}", secret="guessed"),
        gateway.http.post("/hooks/eventbridge", json=event(), headers={"x-api-key": "wrong"}),
        gateway.sns(gateway.authority.signed(alarm()) | {"Signature": "AAAA"}),
        gateway.http.post("/api/incidents", json={"title": "x"}, headers={"authorization": "Bearer wrong"}),
        gateway.http.post("/api/incidents/g/decide", json={"option": 1}),
    ]
    gateway.http.get("/incidents/nothing")
    found = recording.turned_away(len(forged))
    answered = [(f"POST {a.request.url.path}", str(a.status_code), a.json()["error"]) for a in forged]
    assert [status for _, status, _ in answered] == ["401", "401", "401", "401", "403", "401", "404"]
    assert sorted((e.what, e.outcome, e.reason) for e in found) == sorted(answered)
    assert {e.actor for e in found} == {"client:127.0.0.1"}
    written = "".join(e.model_dump_json() for e in found)
    assert "wrong" not in written.replace("missing or wrong", "").replace("missing, wrong", "")


def unusable(recording: Recording) -> httpx.Response:
    body = click("g").replace("plan_revision%5C%22%3A1", "plan_revision%5C%22%3A%5B%5D")
    return recording.running.slack(CLICKS, body)


def closed(recording: Recording) -> httpx.Response:
    return recording.running.slack(CLICKS, click("incident-gone-0123456789"))


def not_stored(recording: Recording) -> httpx.Response:
    recording.running.incidents.down = True
    return recording.running.slack(CLICKS, click("g"))


@pytest.mark.parametrize(
    ("turned_away", "about"), [(unusable, ""), (closed, "incident-gone-0123456789.aa"), (not_stored, "g.aa")]
)
def test_a_proven_clicker_is_recorded_by_name(
    recording: Recording, turned_away: Callable[[Recording], httpx.Response], about: str
) -> None:
    turned_away(recording)
    [entry] = recording.turned_away(1)
    assert (entry.actor, entry.outcome) == ("slack:U024BE7LH", turned_away.__name__)
    assert entry.incident_id == about
    assert entry.reason
    assert recording.running.said.told


# --- A flood ---------------------------------------------------------------------------------------


def some_request() -> Request:
    return Request({"type": "http", "method": "POST", "path": CLICKS, "headers": [], "client": ("192.0.2.1", 1)})


async def test_a_flood_is_counted_and_does_not_push_out_proven_senders(tmp_path: Path) -> None:
    audit, now = SqliteAudit(tmp_path / "audit.db"), [0.0]
    refusals = Refusals(audit, most=3, clock=lambda: now[0])
    for _ in range(500):
        await refusals.record(some_request(), "401", "not signed")
    await refusals.record(some_request(), "404", "no such address")
    await refusals.record(some_request(), "closed", "it is closed", actor="slack:U1")
    assert [e.actor for e in audit.entries()] == ["client:192.0.2.1"] * 3 + ["slack:U1"]
    await refusals.close()
    last = list(audit.entries())[-1]
    assert (last.actor, last.outcome) == ("unknown senders", "many")
    assert last.reason == "498 more within 60 s (401: 497, 404: 1)"


async def test_after_a_minute_single_entries_are_kept_again(tmp_path: Path) -> None:
    audit, now = SqliteAudit(tmp_path / "audit.db"), [0.0]
    refusals = Refusals(audit, most=1, seconds=0.05, clock=lambda: now[0])
    for _ in range(3):
        await refusals.record(some_request(), "401", "not signed")
    async with asyncio.timeout(5):
        while True:
            if len(list(audit.entries())) == 2:
                break
            await asyncio.sleep(0.01)
    now[0] = 1.0
    await refusals.record(some_request(), "401", "not signed")
    assert [e.outcome for e in audit.entries()] == ["401", "many", "401"]


class Full(SqliteAudit):
    """A record on a disk that is full."""

    def append(self, entries: object) -> None:
        raise Failure("no space left", who="operator")


async def test_a_record_that_cannot_be_kept_stops_no_answer(tmp_path: Path) -> None:
    full = Full(tmp_path / "audit.db")
    await Refusals(full).record(some_request(), "401", "not signed")
    assert list(full.entries()) == []
