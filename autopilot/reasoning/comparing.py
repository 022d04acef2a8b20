"""What differs between the diagnosis of record and the one that is made of the same case today. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from autopilot.incident.base import Model
from autopilot.incident.diagnosis import Diagnosis, Hypothesis, Standing
from autopilot.incident.finding import Dossier, Finding
from autopilot.incident.plan import DraftOption, Option, PreparedStep

T = TypeVar("T")


class Leading(Model):
    """The leading hypothesis in short; all empty where every one was refuted or none was found."""

    cause_kind: str = ""
    service: str = ""
    change_id: str = ""
    standing: Standing | None = None
    confidence: float | None = None

    @property
    def cause(self) -> tuple[str, str, str]:
        """What must be the same for the leading cause to be the same."""
        return self.cause_kind, self.service, self.change_id


class Side(Model):
    """One of the two that are compared."""

    leading: Leading
    analyst: str
    tokens: int
    """Input and output of all model calls."""
    cost_usd: float | None
    tools: tuple[str, ...] | None = None
    """Those of the options, None where they are not known."""


class Moved(Model):
    """What only one of the two has."""

    added: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class Difference(Model):
    """The whole comparison; `record` is what was concluded then, `replay` what is concluded now."""

    incident_id: str
    revision: int
    same_cause: bool
    record: Side
    replay: Side
    hypotheses: Moved
    findings: Moved | None
    """None where the dossier of record is not stored."""
    tools: Moved | None
    """None where no plan was kept, or no tools are configured here."""


def leading(diagnosis: Diagnosis) -> Leading:
    """The leading hypothesis of a diagnosis."""
    best = diagnosis.best
    if best is None:
        return Leading()
    return Leading(
        cause_kind=best.cause_kind,
        service=best.service,
        change_id=best.change_id,
        standing=best.standing,
        confidence=best.confidence,
    )


def side(diagnosis: Diagnosis, tools: Iterable[str] | None) -> Side:
    """What of a diagnosis is compared, with the tools of its plan."""
    used = diagnosis.usage
    return Side(
        leading=leading(diagnosis),
        analyst=diagnosis.analyst,
        tokens=used.input_tokens + used.output_tokens,
        cost_usd=used.cost_usd,
        tools=None if tools is None else tuple(sorted(set(tools))),
    )


def tools_of(options: Sequence[Option | DraftOption]) -> list[str]:
    """The tools that options use."""
    steps = (step for option in options for step in option.steps)
    return [step.step.tool if isinstance(step, PreparedStep) else step.tool for step in steps]


def compare(
    incident_id: str,
    diagnoses: tuple[Diagnosis, Diagnosis],
    dossiers: tuple[Dossier | None, Dossier],
    tools: tuple[Iterable[str] | None, Iterable[str] | None],
) -> Difference:
    """The difference, each pair as (of record, of the replay)."""
    before, after = diagnoses
    then, now = side(before, tools[0]), side(after, tools[1])
    old, new = dossiers
    return Difference(
        incident_id=incident_id,
        revision=after.revision,
        same_cause=then.leading.cause == now.leading.cause,
        record=then,
        replay=now,
        hypotheses=_moved(before.hypotheses, after.hypotheses, _hypothesis),
        findings=None if old is None else _moved(old.findings, new.findings, _finding),
        tools=None if then.tools is None or now.tools is None else _moved(then.tools, now.tools, str),
    )


def _moved(before: Iterable[T], after: Iterable[T], named: Callable[[T], str]) -> Moved:
    old, new = [dict.fromkeys(map(named, some)) for some in (before, after)]
    return Moved(added=tuple(n for n in new if n not in old), lost=tuple(n for n in old if n not in new))


def _hypothesis(hypothesis: Hypothesis) -> str:
    change = f", {hypothesis.change_id}" if hypothesis.change_id else ""
    return f"{hypothesis.cause_kind} of {hypothesis.service}{change}"


def _finding(finding: Finding) -> str:
    """What a finding is about; its number and its figures may differ."""
    what = finding.metric.label if finding.metric else finding.change_id or finding.resource
    cause = f" ({finding.cause_kind})" if finding.cause_kind else ""
    return " ".join(filter(None, (finding.kind, finding.service, what, finding.direction))) + cause
