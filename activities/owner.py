"""Escalating: whom to turn to about the component that broke."""

from datetime import UTC, datetime

from temporalio import activity

from activities.edge import guarded
from autopilot.incident.base import Model, Name
from autopilot.incident.ownership import Owner, OwnerSource


class FindOwner(Model):
    """Who owns the component of the root cause, which may not be the one that alarmed?"""

    component: Name
    files: tuple[str, ...] = ()
    """Paths that the blamed change touched, as far as they are known."""
    authors: tuple[Name, ...] = ()
    """Who made the blamed change."""


class Owning:
    """The activity of escalation."""

    def __init__(self, owners: OwnerSource) -> None:
        self._owners = owners

    @activity.defn
    @guarded
    def find_owner(self, order: FindOwner) -> Owner | None:
        """Schedule, catalogue and CODEOWNERS, then the author; None when nobody is known."""
        return self._owners.owner(order.component, order.files, order.authors, datetime.now(UTC))
