"""A reference to one time series of a watched system, what counts as sick, and what is read along."""

from typing import Literal

from autopilot.incident.base import Model, Name

Comparison = Literal["above", "below"]


class MetricRef(Model):
    """One series, by the coordinates its own system uses."""

    source: Name
    namespace: Name = ""
    name: Name
    dimensions: dict[str, str] = {}
    statistic: Name = "Average"
    unit: str = ""
    region: str = ""
    service: Name = ""

    @property
    def label(self) -> str:
        """How a person would call it."""
        of = self.service or next(iter(self.dimensions.values()), "")
        return f"{of} {self.name} ({self.statistic})".strip()


class Signal(Model):
    """A series that is watched with a limit: healthy on the right side of the threshold."""

    metric: MetricRef
    comparison: Comparison = "above"
    threshold: float
    inclusive: bool = False
    """Whether the threshold itself is sick already, as in "at least 1 throttled request"."""
    missing: Literal["unknown", "healthy"] = "unknown"
    """What silence means: counters such as throttles publish nothing while nothing happens."""

    def breached(self, value: float) -> bool:
        """Whether `value` lies on the sick side."""
        if self.inclusive and value == self.threshold:
            return True
        return value > self.threshold if self.comparison == "above" else value < self.threshold


class Control(Model):
    """A series that no remedy touches, read along to tell what else could explain a recovery."""

    kind: Literal["demand", "sibling"]
    """`demand`: how much users ask for. `sibling`: something unrelated that was sick as well."""
    signal: Signal
    """For demand only its series counts."""
    of: Name
    """Whose it is, for readers."""
