"""The simulated person on call: reads the simulated Slack and clicks, as a person does, over signed HTTP."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from demo.saas.slack import Slack
from demo.saas.slack_blocks import Button

OPTION, REANALYSE, MANUAL = "decide:option:", "decide:reanalyse", "decide:manual"
LOOK_SECONDS = 0.3
READING_SECONDS = 0.5
"""A person needs a moment."""
CLICKS = 20
"""How often somebody clicks again when Slack says that the click was not taken."""


@dataclass(frozen=True)
class Shown:
    """The question as it stands in the channel."""

    revision: int
    buttons: tuple[Button, ...]

    def button(self, choice: str) -> Button | None:
        """The button for a choice; the first option when the wanted one is not there."""
        wanted = {"manual": MANUAL}.get(choice, REANALYSE if choice.startswith("reanalyse") else OPTION + choice)
        exact = next((b for b in self.buttons if b.action_id == wanted), None)
        options = [b for b in self.buttons if b.action_id.startswith(OPTION)]
        if exact is None and wanted.startswith(OPTION) and options:
            return options[0]
        return exact or next((b for b in self.buttons if b.action_id == MANUAL), None)


Hook = Callable[[str], Awaitable[None]]
Choose = Callable[[int], Awaitable[str]]
"""Number of the question, from 0 → 1, 2, 3, manual, reanalyse:TEXT or none."""


def scripted(choices: Sequence[str]) -> Choose:
    """Answer successive questions from a list; the last answer repeats."""

    async def choose(question: int) -> str:
        await asyncio.sleep(READING_SECONDS)
        return choices[min(question, len(choices) - 1)]

    return choose


@dataclass
class OnCall:
    """Answers each new question.

    `before` runs between reading and clicking: that is where a run lets something go wrong.
    """

    slack: Slack
    choose: Choose
    before: Hook
    chosen: list[str] = field(default_factory=list[str])
    refused: list[str] = field(default_factory=list[str])

    async def work(self) -> None:
        """Until cancelled."""
        seen = 0
        while True:
            shown = await asyncio.to_thread(self._look)
            if shown is None or shown.revision <= seen:
                await asyncio.sleep(LOOK_SECONDS)
                continue
            seen = shown.revision
            choice = await self.choose(len(self.chosen))
            self.chosen.append(choice)
            await self.before(choice)
            if choice != "none":
                await self._click(shown, choice)

    def _look(self) -> Shown | None:
        asked = [b for b in self.slack.buttons() if b.action_id.startswith("decide:")]
        revisions = {_revision(b) for b in asked}
        return Shown(max(revisions), tuple(asked)) if revisions else None

    async def _click(self, shown: Shown, choice: str) -> None:
        button = shown.button(choice)
        if button is None:
            return
        for _ in range(CLICKS):
            heard = len(self.slack.ephemerals())
            answer = await asyncio.to_thread(self.slack.click, button)
            said = [str(e.get("text", "")) for e in self.slack.ephemerals()[heard:]]
            failed = not answer.accepted or any("could not be stored" in text for text in said)
            if not failed:
                break
            self.refused.append(f"click answered {answer.status}")
            await asyncio.sleep(1.0)
        if choice.startswith("reanalyse"):
            text = choice.partition(":")[2] or "look again"
            await asyncio.to_thread(self.slack.submit_view, {"text": text})


def _revision(button: Button) -> int:
    try:
        return int(json.loads(button.value)["plan_revision"])
    except (ValueError, KeyError, TypeError):
        return 0
