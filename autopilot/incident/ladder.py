"""The decision ladder: what happens when while nobody decides. Pure; absolute times."""

from datetime import timedelta
from typing import Literal

from autopilot.incident.base import Model, Time
from autopilot.incident.playbook import Playbook

Rung = Literal["remind", "page_secondary", "hand_over"]
RUNGS: tuple[Rung, ...] = ("remind", "page_secondary", "hand_over")


class NextRung(Model):
    """The next thing the ladder does."""

    rung: Rung
    at: Time


def next_rung(
    playbook: Playbook, asked_at: Time, climbed: int, *, snoozed_until: Time | None, claimed: bool
) -> NextRung:
    """The next rung. A claim stops reminders and pages, but no wait is without an end."""
    ladder = playbook.ladder
    if claimed:
        wait = max(ladder.hand_over, playbook.verification.manual_watch)
        at, rung = asked_at + timedelta(seconds=wait), RUNGS[-1]
    else:
        rung = RUNGS[min(climbed, len(RUNGS) - 1)]
        seconds = {"remind": ladder.remind, "page_secondary": ladder.page_secondary, "hand_over": ladder.hand_over}
        at = asked_at + timedelta(seconds=seconds[rung])
    return NextRung(rung=rung, at=max(at, snoozed_until) if snoozed_until else at)
