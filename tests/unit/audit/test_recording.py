"""What is asked of watched systems is recorded with the incident on whose behalf it was asked."""

from datetime import UTC, datetime
from pathlib import Path

from autopilot.audit.recording import RecordedCollector
from autopilot.audit.sqlite import SqliteAudit
from autopilot.incident.evidence import QueryRecord
from autopilot.incident.metric import MetricRef, Signal
from autopilot.incident.ports import Failure
from autopilot.incident.verification import Reading
from tests.workflow.fakes import FakeCollector, FakeWorld

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATENCY = Signal(metric=MetricRef(source="cloudwatch", namespace="N", name="Latency"), threshold=1.0)


class Answering(FakeCollector):
    """Says what it asked."""

    def read(
        self, signals: object, seconds: float, _incident_id: str = "", /
    ) -> tuple[Reading, tuple[QueryRecord, ...]]:
        asked = QueryRecord.model_validate({"source": "cloudwatch", "query": "mean(Latency)", "rows": 1})
        return Reading(at=NOW, values=(1.0,)), (asked,)


def test_a_reading_of_verification_belongs_to_its_incident(tmp_path: Path) -> None:
    audit = SqliteAudit(tmp_path / "audit.db")
    collector = RecordedCollector(Answering(FakeWorld()), audit)
    collector.read([LATENCY], 60, "i1")
    collector.read([LATENCY], 60, "i2")
    [entry] = audit.entries(incident_id="i1", kind="query")
    assert (entry.actor, entry.what, entry.outcome) == ("source:cloudwatch", "mean(Latency)", "rows 1")
    assert len(list(audit.entries(incident_id="i2"))) == 1


def test_a_record_that_cannot_be_kept_stops_no_reading(tmp_path: Path) -> None:
    class Full(SqliteAudit):
        def append(self, entries: object) -> None:
            raise Failure("no space left", who="operator")

    reading, _ = RecordedCollector(Answering(FakeWorld()), Full(tmp_path / "audit.db")).read([LATENCY], 60, "i1")
    assert reading.values == (1.0,)
