"""What tools that run the team's own automation share: offered per service, out of the settings only."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import Risk, Step
from autopilot.remediation.base import Arguments, Candidate, Context, InventoryItem, Nothing, RepeatGuard
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.people import speaks_for_service
from autopilot.remediation.tool import BaseTool


class RunbookTool(BaseTool):
    """One runbook of the allow-list: targets such as `http:warm-cache:checkout`."""

    tier: Literal["A", "B"] = "B"
    repeat_guard: RepeatGuard = "token"
    takes: ClassVar[type[Arguments]] = Nothing
    risk: Risk
    permissions: tuple[str, ...]

    def __init__(
        self,
        system: str,
        name: str,
        risk: Risk,
        services: tuple[str, ...],
        choices: Mapping[str, tuple[str, ...]],
        helps_against: tuple[CauseKind, ...],
        seconds: float,
    ) -> None:
        """As the settings have it.

        Args:
            system: `automation` or `http`.
            name: Its name in the settings.
            risk: What the team says of it.
            services: For incidents of these only; empty: any.
            choices: Argument → the values that may be given; the first is what is offered.
            helps_against: Without any it is never offered.
            seconds: Until when its effect should be seen.
        """
        self.system: str = system
        self.name: str = f"{system}.{name}"
        self.risk = risk
        self._runbook, self._services, self._choices = name, services, choices
        self._helps_against, self._seconds = frozenset(helps_against), seconds

    def problem(self, step: Step) -> str:
        """Why target or arguments are not what the settings allow; empty when they are."""
        if not step.service or step.target != f"{self.system}:{self._runbook}:{step.service}":
            return f"{step.target!r} is not {self.system}:{self._runbook}:{step.service or 'SERVICE'}"
        if self._services and step.service not in self._services:
            return f"{self.name} is not for {step.service!r} but for {', '.join(self._services)}"
        if step.arguments.keys() != self._choices.keys():
            return f"{self.name} takes exactly the arguments {', '.join(self._choices) or 'none'}"
        strange = next((n for n, value in step.arguments.items() if value not in self._choices[n]), None)
        return f"{strange!r} of {self.name} may only be {', '.join(self._choices[strange])}" if strange else ""

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Once per service it is for, where a suspect is of a kind that it helps against."""
        how_well = fit(item, context, self._helps_against)
        if not speaks_for_service(item, context) or how_well < 0.4:
            return ()
        if self._services and item.service not in self._services:
            return ()
        arguments: dict[str, Scalar] = {name: values[0] for name, values in self._choices.items()}
        step = self._step(
            item,
            f"Run {self._runbook} for {item.service}",
            arguments,
            dict.fromkeys(arguments, self._own("the allow-list of the settings")),
            target=f"{self.system}:{self._runbook}:{item.service}",
        )
        effect = expected(context, f"{self._runbook} helps {item.service}", self._seconds)
        why = f"the team's own {self._runbook} is made for this"
        offer = self._offer(step, effect, why, evidence(item, context, self._helps_against), how_well)
        own: dict[str, tuple[Scalar, ...]] = {**self._choices}
        return (replace(offer, addresses=self._helps_against, own=own),)
