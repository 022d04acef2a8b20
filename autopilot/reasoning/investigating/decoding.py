"""What a model called, as a turn: typed, bounded and numbered on. What cannot be done is listed with its reason."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from autopilot.analysis.probes.catalogue import ProbeArguments
from autopilot.incident.base import Scalar, clean
from autopilot.incident.cause import CAUSE_KINDS, CauseKind
from autopilot.incident.diagnosis import DroppedClaim
from autopilot.incident.investigation import Probe, Proposed, ProposedLink
from autopilot.reasoning.asking.reading import Called
from autopilot.reasoning.investigating.functions import (
    DIAGNOSE,
    Diagnose,
    WrittenHypothesis,
    probe_named,
)
from autopilot.reasoning.investigating.testing import PROBES_PER_TURN, repeats
from autopilot.reasoning.prompts.redaction import Redaction

HYPOTHESES = 4
LINKS = 8
CITED = 32
REFUSED = 30
SHOWN = 160
"""Characters of a refused call that are told."""

_KINDS: Mapping[str, CauseKind] = {kind: kind for kind in CAUSE_KINDS}


class Decoded(NamedTuple):
    """What is left of an answer."""

    proposed: tuple[Proposed, ...]
    chain: tuple[ProposedLink, ...]
    probes: tuple[Probe, ...]
    refused: tuple[DroppedClaim, ...]


class _Reading:
    """One answer while it is read."""

    def __init__(self, asked: Sequence[Probe], most: int, redaction: Redaction) -> None:
        self._asked, self._most, self._restore = asked, most, redaction.restore
        self.diagnosed: Diagnose | None = None
        self.probes: list[Probe] = []
        self.refused: list[DroppedClaim] = []

    def refuse(self, what: str, reason: str) -> None:
        self.refused.append(DroppedClaim(claim=clean(what, SHOWN), reason=reason))

    def take(self, called: Called) -> None:
        name, arguments = probe_named(called.name), called.arguments
        if called.problem:
            self.refuse(f"{called.name}({called.raw})", called.problem)
        elif isinstance(arguments, Diagnose):
            if self.diagnosed is not None:
                self.refuse(DIAGNOSE, "it was called more than once; the first call counts")
            self.diagnosed = self.diagnosed or arguments
        elif name is not None and isinstance(arguments, ProbeArguments):
            given = {k: self._scalar(v) for k, v in arguments.model_dump().items()}
            number, why = given.pop("hypothesis"), str(given.pop("why"))
            self._probe(Probe(id="", name=name, arguments=given, hypothesis=int(number or 0), why=why))
        else:
            self.refuse(called.name, "no such function was offered")

    def _scalar(self, value: object) -> Scalar:
        return self._restore(value) if isinstance(value, str) else value if isinstance(value, int | float) else None

    def _probe(self, probe: Probe) -> None:
        said = f"{probe.name}({', '.join(f'{k}={v}' for k, v in probe.arguments.items() if v)})"
        earlier = next((p for p in (*self._asked, *self.probes) if repeats(probe, p)), None)
        total = len(self._asked) + len(self.probes)
        if earlier is not None:
            self.refuse(said, f"{earlier.id} asks the same")
        elif total >= self._most:
            self.refuse(said, f"the limit of {self._most} probes is reached")
        elif len(self.probes) >= PROBES_PER_TURN:
            self.refuse(said, f"one turn has room for {PROBES_PER_TURN} probes")
        else:
            self.probes.append(probe.model_copy(update={"id": f"P{total + 1}"}))

    def hypotheses(self) -> dict[int, Proposed]:
        """The written hypotheses in the words of the taxonomy, by the number under which they were written."""
        written = self.diagnosed.hypotheses if self.diagnosed else []
        for extra in written[HYPOTHESES:]:
            self.refuse(extra.statement, f"more than {HYPOTHESES} hypotheses")
        read = {number: self._hypothesis(one) for number, one in enumerate(written[:HYPOTHESES], start=1)}
        return {number: one for number, one in read.items() if one is not None}

    def _hypothesis(self, written: WrittenHypothesis) -> Proposed | None:
        kind = _KINDS.get(written.cause_kind)
        if kind is None:
            self.refuse(written.statement, f"{clean(written.cause_kind, 40)!r} is no kind of cause")
            return None
        return Proposed(
            statement=self._restore(written.statement),
            cause_kind=kind,
            service=self._restore(written.service),
            resource=self._restore(written.resource),
            change_id=clean(self._restore(written.change_id), SHOWN),
            supporting=_ids(written.supporting),
            contradicting=_ids(written.contradicting),
        )

    def links(self) -> tuple[ProposedLink, ...]:
        """The causal chain as it was told."""
        chain = self.diagnosed.causal_chain[:LINKS] if self.diagnosed else []
        return tuple(ProposedLink(sentence=self._restore(x.sentence), findings=_ids(x.findings)) for x in chain)


def _ids(written: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(clean(one, 20).strip("()[], ") for one in written[:CITED]))


def decode(calls: Sequence[Called], asked: Sequence[Probe], most: int, redaction: Redaction) -> Decoded:
    """Read the calls of one answer. Nothing that it claims is believed here; `conclude` checks it.

    Args:
        calls: What the model called, in its order.
        asked: Every probe of the investigation so far: none is asked twice, and ids go on from them.
        most: How many probes the whole investigation may make.
        redaction: What was masked in the prompt; readers and sources see the addresses again.
    """
    reading = _Reading(asked, most, redaction)
    for called in calls:
        reading.take(called)
    proposed, chain = reading.hypotheses(), reading.links()
    place = {number: index for index, number in enumerate(proposed, start=1)}
    probes = tuple(p.model_copy(update={"hypothesis": place.get(p.hypothesis, 0)}) for p in reading.probes)
    return Decoded(tuple(proposed.values()), chain, probes, tuple(reading.refused[:REFUSED]))
