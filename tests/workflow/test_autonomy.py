"""Autonomous mode: what is granted runs unasked, a failure takes the trust, and whatever speaks against it asks."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

import pytest_asyncio
from temporalio.client import Client

from autopilot.incident.audit import Entry, action_key
from autopilot.incident.decision import PersonNote
from autopilot.incident.freeze import Freeze
from autopilot.incident.hours import Hours
from autopilot.incident.playbook import Grant, RateLimit
from autopilot.incident.ports import Failure
from autopilot.incident.state import IncidentState
from autopilot.knowledge.by_hand import ByHandReader
from autopilot.knowledge.remembering import Remembering
from autopilot.knowledge.sqlite import KnowledgeBase
from autopilot.knowledge.vouching import Vouching
from starter import Incidents
from tests.workflow.conftest import Bench, Handle, make_worker
from tests.workflow.fakes import FakeSwitch, FakeWorld, quick_playbook
from workflows.incident import IncidentWorkflow

ROLLBACK = Grant(tool="version.*")


def autonomous(**changes: object) -> FakeWorld:
    """A world whose playbook lets a rollback run unasked, which heals unless the test says otherwise."""
    values: dict[str, object] = {"mode": "autonomous", "grants": (ROLLBACK,)}
    world = FakeWorld(playbook=quick_playbook(**(values | changes)))
    world.effects["version.rollback do"] = heal
    return world


def heal(world: FakeWorld) -> None:
    world.latency = 20.0


def harm(world: FakeWorld) -> None:
    world.latency = 5_000.0


def sick(world: FakeWorld) -> None:
    """As before the first incident."""
    world.latency, world.version, world.capacity = 900.0, "v2", 5


@dataclass
class House:
    """A bench in autonomous mode over a real knowledge base."""

    bench: Bench
    world: FakeWorld
    switch: FakeSwitch
    knowledge: KnowledgeBase

    async def resolved(self) -> IncidentState:
        """An incident that needs nobody."""
        await (await self.bench.start()).result()
        return self.world.reviews[-1]

    async def asking(self) -> tuple[Handle, IncidentState]:
        """An incident that asks people."""
        handle = await self.bench.start()
        return handle, await self.asked(handle)

    async def asked(self, handle: Handle) -> IncidentState:
        """Once the buttons are open, which is after the playbook had its say."""

        def open_now(state: IncidentState) -> bool:
            last = self.world.views[-1] if self.world.views else None
            shown = last is not None and last.decidable and last.incident_id == state.incident_id
            return shown and state.request is not None and state.decision is None

        return await self.bench.until(handle, open_now)

    async def approved(self) -> IncidentState:
        """An incident that people resolve by the first option."""
        handle, _ = await self.asking()
        await self.bench.decide(handle, option=1)
        await handle.result()
        return self.world.reviews[-1]


@pytest_asyncio.fixture(loop_scope="session")
async def house(client: Client, tmp_path: Path) -> AsyncIterator[House]:
    world, queue, switch = autonomous(), f"test-{uuid.uuid4().hex[:8]}", FakeSwitch()
    knowledge = KnowledgeBase(tmp_path / "knowledge.db")
    async with make_worker(client, world, queue, switch=switch, knowledge=Remembered(world, knowledge)):
        yield House(Bench(client, world, queue, Incidents(client, queue)), world, switch, knowledge)


class Remembered(Remembering):
    """The real knowledge base; the fake world keeps no cases to learn topology from."""

    def __init__(self, world: FakeWorld, knowledge: KnowledgeBase) -> None:
        by_hand = ByHandReader(world.inspect, world.recent_changes)
        super().__init__(knowledge, world, None, by_hand, Vouching(world))  # pyright: ignore[reportArgumentType] - no case is read

    def remember(self, state: IncidentState) -> None:
        super().remember(state.model_copy(update={"manifest": None}))


def told(world: FakeWorld, words: str) -> list[str]:
    """What people read in the thread about it."""
    return [note for note in world.notes if words in note]


def by_policy(state: IncidentState) -> list[int | None]:
    return [j.option for j in state.judgements if j.channel == "policy"]


async def test_what_is_granted_runs_unasked_and_what_is_not_asks(house: House) -> None:
    state = await house.resolved()
    assert (state.outcome, by_policy(state)) == ("resolved", [1])
    assert told(house.world, "but asks") == []
    assert [(e.actor, e.outcome) for e in house.world.audit if e.kind == "decision"] == [
        ("policy:test", "accepted")
    ]
    sick(house.world)
    house.world.playbook = house.world.playbook.model_copy(update={"grants": (Grant(tool="other.*"),)})
    handle, waiting = await house.asking()
    assert (len(house.world.executed), waiting.judgements, told(house.world, "but asks")) == (1, [], [])
    await handle.terminate()


async def test_a_worse_outcome_demotes_until_people_have_approved_it_again(house: House) -> None:
    """The next incident of the same service asks and says why; approved fixes restore the trust."""
    house.world.effects |= {"version.rollback do": harm, "version.rollback undo": sick, "capacity.set do": heal}
    handle, state = await house.asking()
    # The next option is granted to nobody, and after a failure nothing more runs unasked in this incident.
    assert (by_policy(state), state.plan_revision, house.world.version) == ([1], 2, "v2")
    await house.bench.decide(handle, option=1)
    await handle.result()
    house.world.effects["version.rollback do"] = heal
    for regained in range(3):
        sick(house.world)
        approved = await house.approved()
        assert by_policy(approved) == []
        (reason,) = told(house.world, f"after {3 - regained} more approved fix")
        assert f"demoted after incident {state.incident_id} became worse" in reason
        assert any(entry.text == reason for entry in approved.timeline)
    sick(house.world)
    assert by_policy(await house.resolved()) == [1]


async def test_after_a_failure_nothing_more_runs_unasked_in_the_same_incident(house: House) -> None:
    house.world.playbook = house.world.playbook.model_copy(update={"grants": (Grant(tool="*"),)})
    house.world.effects |= {"version.rollback do": harm, "version.rollback undo": sick}
    handle, state = await house.asking()
    assert (by_policy(state), state.plan_revision) == ([1], 2)
    assert len(told(house.world, "was tried in this incident and did not help")) == 1
    await handle.terminate()


async def test_quiet_hours_a_freeze_and_a_rate_limit_ask_people_and_say_so(house: House) -> None:
    clock = datetime.now(UTC)
    quiet = Hours(start=time((clock.hour - 1) % 24), end=time((clock.hour + 2) % 24))
    usual = house.world.playbook
    house.world.playbook = usual.model_copy(update={"quiet_hours": (quiet,)})
    handle, state = await house.asking()
    await handle.terminate()
    assert (by_policy(state), len(told(house.world, "quiet hours"))) == ([], 1)
    house.world.playbook, house.switch.now = usual, Freeze(frozen=True, by="kim", reason="payday")
    handle, state = await house.asking()
    await handle.terminate()
    assert (by_policy(state), len(told(house.world, "payday"))) == ([], 1)
    house.switch.now = Freeze()
    house.world.playbook = usual.model_copy(update={"rate_limits": (RateLimit(tool="version.*", times=1),)})
    assert by_policy(await house.resolved()) == [1]
    sick(house.world)
    handle, state = await house.asking()
    assert (by_policy(state), len(told(house.world, "1 are allowed"))) == ([], 1)
    refused = [e for e in house.world.audit if e.kind == "decision" and e.outcome == "asks"]
    assert [e.actor for e in refused] == ["policy:test"] * 3
    await house.bench.decide(handle, option=1)
    assert (await handle.result()).outcome == "resolved"


async def test_the_executor_counts_what_began_after_the_decision(house: House) -> None:
    """Two incidents can decide at one moment within a limit: whoever begins later sees the other and asks."""
    limit = RateLimit(tool="version.*", times=1)
    house.world.playbook = house.world.playbook.model_copy(update={"rate_limits": (limit,)})
    rival = action_key("rival.1/1/1/1/do")
    changed = house.world.changed

    def one_moment_later(since: datetime) -> tuple[Entry, ...]:
        """After the decision was made, another incident begins."""
        found = changed(since)
        if not any(entry.key.startswith(rival) for entry in house.world.audit):
            house.world.append(
                [
                    Entry(
                        key=f"{rival}9/1/begins", at=datetime.now(UTC), kind="action", actor="policy", what="do",
                        outcome="begins", incident_id="rival.1", service="shop", tool="version.rollback",
                    )
                ]
            )  # fmt: skip
        return found

    house.world.changed = one_moment_later
    handle, state = await house.asking()
    assert by_policy(state) == [1]
    assert (house.world.executed, state.rounds) == ([], 2)
    assert [r.status for r in state.executed] == ["changed_world"]
    assert "1 are allowed" in state.executed[0].detail
    assert len(told(house.world, "Option 1 is granted, but asks: version.* changed shop 1 times")) == 1
    # People may, whatever the limits of the playbook's own decisions.
    await house.bench.decide(handle, option=1)
    assert (await handle.result()).outcome == "resolved"


async def test_without_its_record_the_playbook_decides_nothing(house: House) -> None:

    def broken(since: datetime) -> tuple[Entry, ...]:
        raise Failure("the disk is gone", who="operator")

    house.world.changed = broken
    handle, state = await house.asking()
    assert any("cannot decide" in entry.text and "the disk is gone" in entry.text for entry in state.timeline)
    assert (by_policy(state), house.world.executed) == ([], [])
    await handle.terminate()


async def test_what_people_do_while_we_only_watch_is_held_against_what_we_would_have_done(house: House) -> None:
    house.world.playbook = house.world.playbook.model_copy(update={"mode": "observe"})
    handle = await house.bench.start()
    await house.bench.until(handle, lambda s: "observing" in s.milestones)
    house.world.version = "v1"
    heal(house.world)
    await handle.signal(IncidentWorkflow.handled, PersonNote(actor="local:kim", actor_name="kim"))
    assert (await handle.result()).outcome == "observed"
    (one,) = house.knowledge.all_experiences("production")
    assert (one.tool, one.agreed, one.decided_by, one.mode) == ("version.rollback", True, "by_hand", "observe")
    assert (one.approved, one.verdict, house.world.executed) == (False, None, [])
    assert one.options_after is not None
    assert one.acted_after is not None
    assert one.options_after < one.acted_after < 30
