"""What a hypothesis says, in the words of the taxonomy."""

from dataclasses import dataclass

from autopilot.incident.cause import CauseKind


@dataclass(frozen=True)
class Claim:
    """A cause and the place it is looked for: what tests are made of, without anybody's wording."""

    cause_kind: CauseKind
    service: str
    resource: str = ""
    change_id: str = ""
