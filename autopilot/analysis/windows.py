"""The time spans an analysis compares, as microseconds since the epoch, the unit of the tables."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import Scope

MICROS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(at: datetime) -> int:
    """Microseconds since the epoch, exactly (no float on the way)."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def moment(at: float) -> datetime:
    """The UTC datetime of microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=int(at))


@dataclass(frozen=True)
class Windows:
    """Baseline [start, split) and incident [split, end), in microseconds."""

    start: int
    split: int
    end: int
    alerted: int

    @classmethod
    def of(cls, scope: Scope) -> "Windows":
        """The windows of a scope. Where baseline and incident overlap, the incident wins."""
        split, end = micros(scope.incident.start), max(micros(scope.incident.end), micros(scope.incident.start) + 1)
        return cls(min(micros(scope.baseline.start), split), split, end, micros(scope.alerted_at))

    @property
    def whole(self) -> TimeWindow:
        """Baseline and incident together."""
        return TimeWindow(start=moment(self.start), end=moment(self.end))

    @property
    def baseline_minutes(self) -> float:
        """Length of the baseline."""
        return (self.split - self.start) / MICROS / 60

    def since(self, onset: int | None) -> TimeWindow:
        """From the onset (the incident's start when unknown) until the end."""
        begin = self.split if onset is None else min(onset, self.end - 1)
        return TimeWindow(start=moment(begin), end=moment(self.end))
