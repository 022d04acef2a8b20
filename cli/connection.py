"""What most commands start with: settings, a client, the incidents, the local identity."""

import argparse
import uuid
from datetime import UTC, datetime

from autopilot.incident.decision import PersonNote
from autopilot.settings import Settings, load
from starter import Incidents, connect


async def incidents(args: argparse.Namespace) -> tuple[Settings, Incidents]:
    """Connect as configured."""
    settings = load(args.config)
    return settings, Incidents(await connect(settings), settings.temporal.task_queue)


def group_of(incident: str) -> str:
    """The workflow id behind an incident id or a group."""
    return incident.partition(".")[0]


def note(settings: Settings, comment: str, minutes: float = 0) -> PersonNote:
    """A note in the name of the configured local identity."""
    actor = settings.identity.actor
    return PersonNote(
        actor=f"local:{actor}", actor_name=actor, comment=comment, minutes=minutes, at=datetime.now(UTC)
    )


def new_decision_id() -> str:
    """Unique per invocation: running the command twice is two decisions."""
    return f"cli-{uuid.uuid4()}"
