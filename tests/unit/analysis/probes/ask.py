"""Asking a probe as the prober does, with what holds for every answer."""

from datetime import datetime

from autopilot.analysis.probes.catalogue import CATALOGUE, Answer, arguments_of, probe_problem
from autopilot.analysis.probes.probe import Observed
from autopilot.case.case import Case
from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import TABLES, Table
from autopilot.incident.investigation import FINDINGS_PER_PROBE, Probe, ProbeName
from tests.unit.analysis.story import Story


def ask(case: Case, name: ProbeName, onset: datetime | None = None, /, **arguments: Scalar) -> Answer:
    """The answer; whatever it is, it is bounded, and each of its findings says what was asked."""
    probe = Probe(id="P1", name=name, arguments=arguments, hypothesis=1, why="it might be wrong")
    assert not probe_problem(probe)
    answer = arguments_of(probe).answer(Observed(case, onset))
    assert answer.outcome in CATALOGUE[name].outcomes
    assert 0 < len(answer.summary) <= 600
    assert len(answer.findings) <= FINDINGS_PER_PROBE
    assert all(f.provenance.query and f.provenance.source and f.summary for f in answer.findings)
    assert answer.outcome == "unknown" or answer.findings, "what is known can be cited"
    assert not (answer.missing and answer.outcome in ("absent", "unchanged"))
    return answer


def only(case: Case, *tables: Table) -> Case:
    """The case with some of its tables."""
    return Case(case.manifest, {name: case.table(name) for name in tables})


def nothing() -> Case:
    """A case for which nothing was collected."""
    return Case(Story(1).case().manifest, {name: frame(name) for name in TABLES})
