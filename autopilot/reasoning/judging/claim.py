"""What a hypothesis says, in the words of the taxonomy."""

from dataclasses import dataclass
from typing import Protocol

from autopilot.incident.cause import CauseKind


class Explanation(Protocol):
    """What names a cause and its place: a suspect, a proposal, a hypothesis."""

    @property
    def cause_kind(self) -> CauseKind: ...
    @property
    def service(self) -> str: ...
    @property
    def resource(self) -> str: ...
    @property
    def change_id(self) -> str: ...


@dataclass(frozen=True)
class Claim:
    """A cause and the place it is looked for: what tests are made of, without anybody's wording."""

    cause_kind: CauseKind
    service: str
    resource: str = ""
    change_id: str = ""

    @classmethod
    def of(cls, explanation: Explanation) -> "Claim":
        """What an explanation says."""
        return cls(explanation.cause_kind, explanation.service, explanation.resource, explanation.change_id)
