"""One change at a time per target: what a target's workflow says about who holds it."""

from pydantic import BaseModel, ConfigDict

from autopilot.incident.base import Line, Name

WORKFLOW, RELEASE, MEMO = "Target", "release", "held_by"
"""The workflow that stands for a target, the signal that lets it go, and the memo that names the holder."""


def target_id(resource: str) -> str:
    """The workflow id of a target: Temporal lets only one of them run, so only one incident can hold it."""
    return f"target:{resource}"


class Hold(BaseModel):
    """Who holds a target, and what for. Permissive: wire form."""

    model_config = ConfigDict(extra="ignore")

    target: Name
    incident_id: str
    group: str = ""
    doing: Line = ""
    """Such as `option 1: roll back checkout`."""
    look_every: float = 60.0
    """Seconds between looks whether the holder is still there: one that was terminated holds nothing for ever."""


class Holder(BaseModel):
    """Who is in the way."""

    model_config = ConfigDict(extra="ignore")

    target: Name = ""
    incident_id: str = ""
    doing: Line = ""

    @property
    def words(self) -> str:
        """For people who wait."""
        return f"{self.target} is busy with {self.incident_id or 'another incident'}" + (
            f" ({self.doing})" if self.doing else ""
        )
