"""`spec.severity`: what a playbook changes about the published severity table."""

from pydantic import Field

from autopilot.incident.severity import ImpactLevel, Reached, SeverityRules
from autopilot.playbooks.values import Percent, SeverityWord, Shape


class ReachedShape(Shape):
    """From where on an impact is of a level: whichever is reached first."""

    error_share: Percent | None = None
    users: int | None = Field(default=None, ge=1)
    services: int | None = Field(default=None, ge=1)
    slo_budget: Percent | None = None
    """Of the error budget."""

    def over(self, usual: Reached) -> Reached:
        """What is written, over what is usual."""
        shares = {
            "error_share": None if self.error_share is None else self.error_share / 100,
            "slo_budget": None if self.slo_budget is None else self.slo_budget / 100,
        }
        said = {"users": self.users, "services": self.services, **shares}
        return usual.model_copy(update={name: value for name, value in said.items() if value is not None})


class SeverityShape(Shape):
    """How severe incidents of this playbook are."""

    at_least: SeverityWord | None = None
    """No incident of this playbook is less severe."""
    table: dict[SeverityWord, dict[ImpactLevel, SeverityWord]] = {}
    """Alarm severity → impact → severity, where it differs."""
    some: ReachedShape = ReachedShape()
    many: ReachedShape = ReachedShape()
    most: ReachedShape = ReachedShape()

    def rules(self) -> SeverityRules:
        """As the incident sees it."""
        usual = SeverityRules()
        return SeverityRules(
            some=self.some.over(usual.some),
            many=self.many.over(usual.many),
            most=self.most.over(usual.most),
            table=self.table,
            at_least=self.at_least,
        )
