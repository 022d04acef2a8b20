"""The attack table: what is tried to have something changed without the right people's word, over every way in.

Each attempt is refused, its sender is answered, the audit record has it, and nothing is carried out. A text instead
of an attempt says why the two cannot come together. What goes past the incident altogether, to the executor, is in
tests/workflow/test_raw_attacks.py.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from autopilot.incident.audit import Entry
from autopilot.incident.freeze import Freeze
from tests.e2e.attacks import (
    WAYS,
    GuardedWorld,
    Kind,
    Scene,
    Send,
    Stage,
    Told,
    Way,
    again,
    changed,
    click,
    delivered_twice,
    forged_click,
    posted,
    raw,
    sealed,
    twice,
    typed,
    unsealed,
)
from tests.e2e.house import EVE, LEE, House, furnished

pytestmark = pytest.mark.e2e

NO_API = "the API starts incidents and takes no decisions: see `forged`"
OWN_ID = "each call is a decision with an id of its own"
ELSEWHERE = "00000000deadbeef"
LOCAL = f"local:{LEE.name}"


def other_incident(scene: Scene) -> str:
    return scene.other.incident_id


def other_group(scene: Scene) -> str:
    return scene.other.group


Cell = tuple[Send, Told] | str
TABLE: dict[str, dict[Way, Cell]] = {
    "forged": {
        "slack click": (forged_click("wrong_secret"), Told("401")),
        "http api": (posted(), Told("404")),
        "command line": (typed("--option", "1"), Told("unproven")),
        "signal": (raw("signal", unsealed()), Told("unproven")),
        "update": (raw("update", unsealed()), Told("unproven")),
    },
    "tampered with": {
        "slack click": (forged_click("tampered"), Told("401")),
        "http api": NO_API,
        "command line": "what it sends bears no seal that could be kept",
        "signal": (raw("signal", changed(option=2)), Told("unproven")),
        "update": (raw("update", changed(actor=f"slack:{LEE.id}")), Told("unproven")),
    },
    "replayed": {
        "slack click": (forged_click("old"), Told("401")),
        "http api": NO_API,
        "command line": OWN_ID,
        "signal": (raw("signal", again), Told("duplicate")),
        # Who asks again hears the first answer again: it counts, and another person is needed.
        "update": (raw("update", again), Told("second_needed", recorded="duplicate")),
    },
    "stale": {
        "slack click": (click(former=True), Told("stale_plan")),
        "http api": NO_API,
        "command line": (typed("--option", "1", "--plan", "{former}"), Told("stale_plan")),
        "signal": (raw("signal", sealed(state="former")), Told("stale_plan")),
        "update": (raw("update", sealed(state="former")), Told("stale_plan")),
    },
    "duplicate": {
        "slack click": (delivered_twice, Told("duplicate")),
        "http api": NO_API,
        "command line": OWN_ID,
        "signal": (twice("signal"), Told("duplicate")),
        "update": (twice("update"), Told("unproven", recorded="duplicate")),
    },
    "unauthorised": {
        "slack click": (click(user=EVE.id), Told("not_allowed")),
        "http api": (posted("/api/incidents", token="Bearer guessed"), Told("401")),
        "command line": (typed("--option", "1"), Told("unproven")),
        "signal": (raw("signal", sealed(f"slack:{EVE.id}")), Told("not_allowed")),
        "update": (raw("update", sealed(f"slack:{EVE.id}")), Told("not_allowed")),
    },
    "self-approved": {
        "slack click": (click(option=2), Told("second_needed")),
        "http api": NO_API,
        "command line": (typed("--option", "2"), Told("unproven")),
        "signal": (raw("signal", unsealed(option=2)), Told("unproven")),
        "update": (raw("update", changed(option=2, actor=f"slack:{LEE.id}")), Told("unproven")),
    },
    "cross-incident": {
        "slack click": (click(found=lambda s: {"incident_id": s.other.incident_id}), Told("wrong_incident")),
        "http api": NO_API,
        "command line": (
            typed("--option", "1", incident=lambda s: f"{s.group}.{s.other.incident_id.partition('.')[2]}"),
            Told("wrong_incident"),
        ),
        "signal": (raw("signal", again, into=other_group), Told("wrong_incident")),
        "update": (raw("update", changed(), into=other_group), Told("wrong_incident")),
    },
    "wrong digest": {
        "slack click": (click(found=lambda _: {"plan_digest": ELSEWHERE}), Told("stale_plan")),
        "http api": NO_API,
        "command line": (typed("--option", "1", "--plan", ELSEWHERE), Told("stale_plan")),
        "signal": (raw("signal", sealed(plan_digest="")), Told("stale_plan")),
        "update": (raw("update", sealed(plan_digest=ELSEWHERE)), Told("stale_plan")),
    },
    "second person is the first": {
        "slack click": (click(), Told("counted_before")),
        "http api": NO_API,
        "command line": (typed("--option", "1"), Told("unproven")),
        "signal": (raw("signal", unsealed()), Told("unproven")),
        "update": (raw("update", unsealed()), Told("unproven")),
    },
    "frozen": {
        "slack click": (click(option=2, user=LEE.id), Told("frozen")),
        "http api": NO_API,
        "command line": (typed("--option", "2"), Told("frozen")),
        "signal": (raw("signal", unsealed(option=2)), Told("frozen")),
        "update": (raw("update", unsealed(option=2)), Told("frozen")),
    },
    "late": {
        "slack click": (click(), Told("late")),
        "http api": NO_API,
        "command line": (typed("--option", "1"), Told("late")),
        "signal": (raw("signal", sealed()), Told("late")),
        "update": (raw("update", sealed()), Told("late")),
    },
    "changed world": {
        "slack click": (click(option=2, user=LEE.id), Told("changed_world")),
        "http api": NO_API,
        "command line": (typed("--option", "2"), Told("changed_world")),
        "signal": (raw("signal", unsealed(option=2)), Told("changed_world")),
        "update": (raw("update", unsealed(option=2)), Told("changed_world")),
    },
}
LENIENT = ("second person is the first", "frozen", "changed world")
"""Here a playbook that lets unproven decisions count meets what is not proven: elsewhere they fail at once."""
PAIRS = [(attack, way) for attack, row in TABLE.items() for way in WAYS if not isinstance(row[way], str)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with furnished(tmp_path_factory.mktemp("attacked")) as house:
        house.world = GuardedWorld()
        async with house.working():
            yield Stage(house)
            await house.sweep()


def kind_of(attack: str, way: Way) -> Kind:
    lenient = attack in LENIENT and way != "slack click"
    return "decided" if attack == "late" else "open" if lenient else "strict"


async def entry_of(house: House, since: int, told: Told) -> Entry:
    """The entry in the record that an attempt has left."""
    found: list[Entry] = []

    def there() -> bool:
        found[:] = [e for e in list(house.audit.entries())[since:] if e.kind in ("decision", "refusal")]
        return any(e.outcome == (told.recorded or told.answer) for e in found)

    await house.until(there)
    return next(e for e in found if e.outcome == (told.recorded or told.answer))


@pytest.mark.parametrize(("attack", "way"), PAIRS)
async def test_it_is_refused_answered_recorded_and_nothing_is_done(stage: Stage, attack: str, way: Way) -> None:
    cell, kind = TABLE[attack][way], kind_of(attack, way)
    assert not isinstance(cell, str)
    send, expected = cell
    scene = await stage.scene(kind)
    house, world = scene.house, scene.house.world
    since, capacity = len(list(house.audit.entries())), world.capacity
    if attack == "frozen":
        house.switch.now = Freeze(frozen=True, by="kim", reason="payday")
    if attack == "changed world":
        world.capacity = 7
        stage.forget(kind)
    try:
        told = await send(scene)
        assert told.answer == expected.answer
        entry = await entry_of(house, since, expected)
    finally:
        house.switch.now, world.capacity = Freeze(), capacity
    assert entry.reason
    assert entry.actor == "client:127.0.0.1" if entry.kind == "refusal" else entry.incident_id
    assert (world.executed, world.writes) == ([], [])


async def test_the_door_is_not_simply_shut(stage: Stage) -> None:
    """The right second person, on the right plan: carried out once."""
    scene = await stage.scene("strict")
    world = scene.house.world
    world.effects["version.rollback do"] = lambda healed: setattr(healed, "latency", 20.0)
    assert await click(user=LEE.id)(scene) == Told("accepted")
    await scene.house.finished(scene.group)
    assert len(world.writes) == 1
    done = list(scene.house.audit.entries(incident_id=scene.now.incident_id, kind="action"))
    assert [(e.actor, e.outcome) for e in done] == [("slack:U1, slack:U2", o) for o in ("begins", "done")]
