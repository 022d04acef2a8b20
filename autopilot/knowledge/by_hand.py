"""What people did where we only watched: read from the targets themselves and from what changed on the services."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Literal

import structlog

from autopilot.incident.base import Model, Time, TimeWindow
from autopilot.incident.evidence import Scope
from autopilot.incident.finding import TimelineEntry
from autopilot.incident.plan import PreparedStep, Step, TargetState
from autopilot.incident.ports import Failure
from autopilot.incident.state import IncidentState
from autopilot.incident.track_record import Move

Found = Literal["same", "otherwise", "untouched"]
"""A target is now as our step would have left it, different from that and from before, or as before."""

MAX_STEPS = 6
"""Targets that are looked at; what is not looked at is not known."""
MAX_CHANGES = 20

_log = structlog.get_logger()

Inspect = Callable[[Step], TargetState]
RecentChanges = Callable[[Scope, int], tuple[TimelineEntry, ...]]


class SeenByHand(Model):
    """What became of the targets of a plan that we did not touch."""

    targets: tuple[tuple[Move, Found], ...] = ()
    """One for each step that could be looked at."""
    changed_at: Time | None = None
    """The first change on the incident's services after the alert that sources show."""

    def found(self, move: Move) -> frozenset[Found]:
        """What was found of a tool's steps on a service; empty when nothing is known."""
        return frozenset(found for about, found in self.targets if about == move)

    @property
    def touched(self) -> bool:
        """Whether somebody changed a target."""
        return any(found != "untouched" for _, found in self.targets)


class ByHandReader:
    """Looks at the targets of a plan once the incident is over. Reads only; what cannot be read is not known."""

    def __init__(self, inspect: Inspect, recent_changes: RecentChanges) -> None:
        """As `Toolbox.inspect` and `Collector.recent_changes`."""
        self._inspect = inspect
        self._recent_changes = recent_changes

    def seen(self, state: IncidentState) -> SeenByHand:
        """Nothing when we ourselves have carried out something: then a difference tells nothing of people."""
        if state.outcome not in ("observed", "handed_over") or state.plan is None or state.executed:
            return SeenByHand()
        steps = islice((prepared for option in state.plan.options for prepared in option.steps), MAX_STEPS)
        seen = SeenByHand(targets=tuple(self._targets(steps, state.service)))
        return seen.model_copy(update={"changed_at": self._changed_at(state)}) if seen.touched else seen

    def _targets(self, steps: Iterable[PreparedStep], service: str) -> Iterator[tuple[Move, Found]]:
        for prepared in steps:
            if found := self._look(prepared):
                yield Move(service=prepared.step.service or service, tool=prepared.step.tool), found

    def _look(self, prepared: PreparedStep) -> Found | None:
        before = prepared.before.target_state_digest
        if prepared.leaves in ("", before):
            return None  # such as a restart, which leaves no trace in the settings
        try:
            now = self._inspect(prepared.step).target_state_digest
        except Failure as failure:
            _log.warning("target not looked at", tool=prepared.step.tool, reason=str(failure))
            return None
        return "same" if now == prepared.leaves else "untouched" if now == before else "otherwise"

    def _changed_at(self, state: IncidentState) -> datetime | None:
        if state.manifest is None:
            return None
        asked = state.manifest.scope
        until = state.milestones.get("recovery") or datetime.now(UTC)
        window = TimeWindow(start=asked.incident.start, end=max(until, asked.incident.end))
        try:
            changes = self._recent_changes(asked.model_copy(update={"incident": window}), MAX_CHANGES)
        except Failure as failure:
            _log.warning("changes not read", reason=str(failure))
            return None
        return min((c.at for c in changes if asked.alerted_at < c.at <= until), default=None)
