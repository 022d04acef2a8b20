"""The freeze switch: while it is on, nothing is changed, neither done nor undone."""

from typing import Protocol

from pydantic import BaseModel, ConfigDict

from autopilot.incident.base import Line, Name, Time

WORKFLOW, WORKFLOW_ID, MEMO = "Freeze", "autopilot-freeze", "freeze"
"""The switch's workflow, its one id, and the memo in which it can be read without a worker."""


class Freeze(BaseModel):
    """How the switch stands. Permissive: it is the wire form of a workflow that lives for years."""

    model_config = ConfigDict(extra="ignore")

    frozen: bool = False
    by: Name = ""
    reason: Line = ""
    since: Time | None = None
    """None while nobody has ever touched it."""

    @property
    def words(self) -> str:
        """Why nothing may be changed; empty when it may."""
        if not self.frozen:
            return ""
        since = f" since {self.since:%Y-%m-%d %H:%M} UTC" if self.since else ""
        return f"Changes are frozen{since} by {self.by or 'somebody'}: {self.reason or 'no reason given'}"


class FreezeReader(Protocol):
    """Where executors look before each step."""

    def read(self) -> Freeze:
        """How the switch stands now. One that cannot be read counts as frozen."""
        ...
