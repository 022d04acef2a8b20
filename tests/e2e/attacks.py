"""The stage of the attack table: incidents that wait for a decision, and every way to send one."""

import argparse
import asyncio
import contextlib
import io
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

from autopilot.channels.slack_wire import ButtonValue
from autopilot.incident.alert import Alert
from autopilot.incident.decision import DecisionSignal, Judgement
from autopilot.incident.playbook import ApprovalRule, Ladder, OnCall, Person, Playbook, Snapshot
from autopilot.incident.ports import Conclusion, InvestigateRequest
from autopilot.incident.state import IncidentState
from cli import decide
from demo.saas.slack_blocks import Button
from demo.saas.slack_requests import Forgery
from tests.e2e.house import KIM, LEE, House
from tests.workflow.conftest import sealed_decision
from tests.workflow.fakes import FakeWorld, alert, quick_playbook

Way = Literal["slack click", "http api", "command line", "signal", "update"]
WAYS: tuple[Way, ...] = ("slack click", "http api", "command line", "signal", "update")
CLICKS = "/hooks/slack/interactions"
PEOPLE = (Person(name="kim", slack=KIM.id, git="kim"), Person(name="lee", slack=LEE.id))
RULES = quick_playbook(
    approvers=(f"slack:{KIM.id}", f"slack:{LEE.id}"),
    approvals=(ApprovalRule(tools=("version.*",), people=2),),
    ladder=Ladder(remind=600, page_secondary=700, hand_over=800),
)
STRICT = RULES.model_copy(update={"verification": RULES.verification.model_copy(update={"interval": 1.0})})
OPEN = STRICT.model_copy(update={"accept_unproven": True})


class GuardedWorld(FakeWorld):
    """Option 1 takes two people, and Kim made the change that is blamed.

    In incidents of `open-…` services nobody is blamed, and their playbook lets unproven decisions count.
    """

    def snapshot(self, alert: Alert, now: datetime) -> Snapshot:
        playbook: Playbook = OPEN if alert.service.startswith("open") else STRICT
        duty = OnCall(primary=PEOPLE[0], secondary=PEOPLE[1])
        return Snapshot(playbook=playbook, on_call=duty, people=PEOPLE, digest="d")

    def conclude(self, request: InvestigateRequest) -> Conclusion:
        concluded = super().conclude(request)
        if request.incident_id.startswith("incident-open"):
            return concluded
        blamed = [h.model_copy(update={"change_authors": ("kim",)}) for h in concluded.diagnosis.hypotheses]
        diagnosis = concluded.diagnosis.model_copy(update={"hypotheses": tuple(blamed)})
        return concluded.model_copy(update={"diagnosis": diagnosis})


@dataclass(frozen=True)
class Told:
    """What the attacker was told: an HTTP status, or the reason of a judgement."""

    answer: str
    recorded: str = ""
    """What the audit record says of it, where that is something else."""


@dataclass
class Scene:
    """An incident that waits for a decision, a strict one on its second plan; Kim has approved option 1 already."""

    house: House
    group: str
    now: IncidentState
    former: IncidentState
    """On the first plan of a strict one."""
    other: IncidentState
    """Another incident, waiting too."""
    buttons: dict[int, Button]
    """Of its options, as they stood in Slack before anybody decided."""

    @property
    def kims(self) -> DecisionSignal:
        """Kim's approval as the gateway sealed it, for whoever can read the history."""
        return self.now.approvals[-1]

    def button(self, option: int = 1, **changes: object) -> Button:
        """A button as it stands in Slack, or with other contents."""
        value = ButtonValue.model_validate_json(self.buttons[option].value).model_copy(update=changes)
        return replace(self.buttons[option], value=value.wire())

    @property
    def former_digest(self) -> str:
        """Of the first plan."""
        assert self.former.plan is not None
        return self.former.plan.plan_digest

    async def judged(self, send: Callable[[], Awaitable[object]], group: str = "") -> Judgement:
        """The next answer after something was sent."""
        before = len((await self.house.state(group or self.group)).judgements)
        await send()
        return (await self.house.judged(group or self.group, before + 1))[-1]


Send = Callable[[Scene], Awaitable[Told]]


def click(
    option: int = 1,
    user: str = KIM.id,
    *,
    former: bool = False,
    found: Callable[[Scene], dict[str, object]] | None = None,
) -> Send:
    """A genuine click, answered to the clicker alone, on the present or the former plan.

    `found` says what the button carries otherwise.
    """

    async def send(scene: Scene) -> Told:
        heard = len(scene.house.slack.ephemerals())
        old = {"plan_digest": scene.former_digest, "plan_revision": 1} if former else {}
        button = scene.button(option, **old, **(found(scene) if found else {}))
        judgement = await scene.judged(lambda: asyncio.to_thread(scene.house.slack.click, button, user))
        await scene.house.told(judgement.message[:30], heard)
        return Told(judgement.reason)

    return send


def forged_click(forgery: Forgery) -> Send:
    """A click that Slack did not sign, or not now."""

    async def send(scene: Scene) -> Told:
        answer = await asyncio.to_thread(scene.house.slack.click, scene.button(), LEE.id, forgery)
        return Told(str(answer.status))

    return send


async def delivered_twice(scene: Scene) -> Told:
    """The same signed request two times."""
    payload = {
        "type": "block_actions", "user": {"id": KIM.id, "name": "kim"},
        "actions": [{"action_id": "decide:option:1", "value": scene.button().value, "action_ts": "1795230999.5"}],
    }  # fmt: skip
    body = urlencode({"payload": json.dumps(payload)})
    first, second = [await scene.judged(lambda: scene.house.signed(CLICKS, body)) for _ in range(2)]
    assert first.decision_id == second.decision_id
    return Told(second.reason)


def posted(path: str = "/api/incidents/{group}/decide", token: str = "") -> Send:
    """A whole decision over the HTTP API."""

    async def send(scene: Scene) -> Told:
        headers = {"authorization": token} if token else {"authorization": "Bearer api-token"}
        body = scene.kims.model_dump(mode="json")
        answer = await scene.house.http.post(path.format(group=scene.group), json=body, headers=headers)
        return Told(str(answer.status_code))

    return send


def typed(*arguments: str, incident: Callable[[Scene], str] | None = None) -> Send:
    """`python starter.py decide`, in a process of its own but for the interpreter."""

    async def send(scene: Scene) -> Told:
        parser = argparse.ArgumentParser()
        parser.set_defaults(config=scene.house.config)
        decide.configure(parser)
        given = [text.format(former=scene.former_digest) for text in arguments]
        args = parser.parse_args([incident(scene) if incident else scene.group, *given, "--json"])
        with contextlib.redirect_stdout(io.StringIO()) as said:
            code = await asyncio.to_thread(decide.run, args)
        [line] = [line for line in said.getvalue().splitlines() if line.startswith("{")]
        judgement = Judgement.model_validate_json(line)
        assert (code == 0) == judgement.accepted
        return Told(judgement.reason)

    return send


def raw(way: Way, make: Callable[[Scene], DecisionSignal], into: Callable[[Scene], str] | None = None) -> Send:
    """Around the gateway, straight to Temporal."""

    async def send(scene: Scene) -> Told:
        group, signal = into(scene) if into else scene.group, make(scene)
        if way == "update":
            before = len((await scene.house.state(group)).judgements)
            answer = await scene.house.incidents.decide_checked(group, signal)
            judged = await scene.house.judged(group, before + 1)
            return Told(answer.reason, judged[-1].reason)
        handle = scene.house.client.get_workflow_handle(group)
        judgement = await scene.judged(lambda: handle.signal("decide", signal), group)
        return Told(judgement.reason)

    return send


def unsealed(
    actor: str = f"slack:{LEE.id}", *, state: str = "now", **changes: object
) -> Callable[[Scene], DecisionSignal]:
    """A whole decision in somebody's name, with a seal that was made up."""

    def make(scene: Scene) -> DecisionSignal:
        right = sealed_decision(getattr(scene, state), actor=actor, **changes)
        return right.model_copy(update={"seal": f"{right.seal[:9]}{'0' * 64}"})

    return make


def sealed(
    actor: str = f"slack:{LEE.id}", *, state: str = "now", **changes: object
) -> Callable[[Scene], DecisionSignal]:
    """What the gateway sealed, sent by somebody else."""
    return lambda scene: sealed_decision(getattr(scene, state), actor=actor, **changes)


def changed(**changes: object) -> Callable[[Scene], DecisionSignal]:
    """Kim's own sealed approval with something else in it."""
    return lambda scene: scene.kims.model_copy(update={"decision_id": uuid.uuid4().hex, **changes})


def twice(way: Way) -> Send:
    """The same decision two times; the second time this way."""

    async def send(scene: Scene) -> Told:
        signal = unsealed()(scene)
        await raw("signal", lambda _: signal)(scene)
        return await raw(way, lambda _: signal)(scene)

    return send


def again(scene: Scene) -> DecisionSignal:
    """Kim's own sealed approval, as it is in the history."""
    return scene.kims


Kind = Literal["strict", "open", "decided"]


class Stage:
    """Makes scenes, and keeps them for as long as they are of use."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._scenes: dict[str, Scene] = {}
        self._other: IncidentState | None = None

    async def scene(self, kind: Kind) -> Scene:
        """A waiting incident of a playbook, or one about which Lee has decided."""
        if kind not in self._scenes:
            self._scenes[kind] = await self._made(kind)
        return self._scenes[kind]

    def forget(self, kind: str) -> None:
        """It cannot be used again."""
        self._scenes.pop(kind, None)

    async def _waiting(self, service: str) -> IncidentState:
        group = (await self._house.incidents.start(alert(service=f"{service}-{uuid.uuid4().hex[:6]}"))).group
        return await self._house.waiting(group)

    async def _made(self, kind: str) -> Scene:
        house = self._house
        self._other = self._other or await self._waiting("other")
        former = now = await self._waiting(kind)
        if kind == "strict":
            once_more = sealed_decision(former, choice="reanalyse", option=None, actor=f"slack:{LEE.id}")
            await house.client.get_workflow_handle(former.group).signal("decide", once_more)
            await house.state(former.group, lambda s: s.plan_revision == 2 and s.decision is None)
            now = await house.waiting(former.group)
        buttons = {option: house.option_button(now, option) for option in (1, 2)}
        scene = Scene(house, former.group, now, former, self._other, buttons)
        await click()(scene)
        if kind == "decided":
            manual = sealed_decision(now, choice="manual", option=None, actor=f"slack:{LEE.id}")
            await house.client.get_workflow_handle(now.group).signal("decide", manual)
        scene.now = await house.state(
            now.group, lambda s: bool(s.approvals) and (kind != "decided" or bool(s.decision))
        )
        return scene
