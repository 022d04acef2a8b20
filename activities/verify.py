"""Verifying: one look at the symptom."""

from temporalio import activity

from activities.edge import guarded
from autopilot.incident.base import Model
from autopilot.incident.metric import Signal
from autopilot.incident.ports import Collector
from autopilot.incident.verification import Reading


class ReadSymptom(Model):
    """Which signals, averaged over how many seconds."""

    signals: tuple[Signal, ...]
    seconds: float
    incident_id: str = ""
    """On whose behalf; orders of older workflows do not say."""


class Verifying:
    """RecoveryVerifier's activity."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    @activity.defn
    @guarded
    def read_symptom(self, order: ReadSymptom) -> Reading:
        """Read every signal now; None where the system had no data."""
        reading, _queries = self._collector.read(order.signals, order.seconds, order.incident_id)
        return reading
