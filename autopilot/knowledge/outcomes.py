"""What counts as a known outcome of a diagnosis: the one rule, with its reasons.

A leading hypothesis was **right** when the incident was fixed by an option that aimed at its kind of cause, at the
place that it names, and nothing was undone. It was **wrong** when
- the fix aimed at another explanation that was still standing: the competitor's remedy worked,
- people asked for another analysis and that one ended elsewhere,
- a person who may decide said in plain words that the analysis was wrong.

Everything else says nothing and is not counted: an incident that healed by itself or was fixed by hand shows no
cause; a remedy that aims at no standing explanation may only have relieved the symptom (more capacity helps
whatever raised the demand); after an undo nobody knows which of the actions helped. What was measured outranks what
was said.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Literal

from pydantic import Field

from autopilot.incident.base import Model, Name
from autopilot.incident.cause import SPREADING, CauseKind
from autopilot.incident.diagnosis import Hypothesis
from autopilot.incident.plan import StepResult
from autopilot.incident.state import IncidentState

Aims = Mapping[str, frozenset[CauseKind]]
"""Tool → the kinds of cause it helps against."""
Why = Literal["fixed", "another_fix", "reanalysed", "said"]

_DENIES = re.compile(
    r"\b(wrong|incorrect|mistaken|false)\s+(analysis|diagnosis|cause|conclusion|explanation)\b"
    r"|\b(analysis|diagnosis|cause|conclusion|explanation)\s+(is|was)\s+(wrong|incorrect|mistaken|false|not\s+right)\b"
    r"|\b(is|was)\s*(not|n['’]t)\s+(the|a)\s+(root\s+)?cause\b"  # noqa: RUF001  # as phones write it
    r"|(원인|분석|진단)[이은가는을]?\s*(틀렸|잘못|아니|아닙)|(틀린|잘못된)\s*(원인|분석|진단)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?\uff1f;\n]+[!?\uff1f]*")
_QUESTION = re.compile(r"[?\uff1f]!?$|(?:나요|까요|[을일]까|[습입됩합닙]니까|가요|는지|은지)[\s~]*$")
_TAKEN_BACK = re.compile(
    r"(?:\b(?:not|never|nobody|none|cannot|without|doubt|if|whether|unless|maybe|perhaps|might|may|could)\b"
    r"|n['’]t\b)"  # noqa: RUF001  # as phones write it
    r"(?:(?!\b(?:because|since|but|so|and)\b| - )[^,:()–—])*$"  # noqa: RUF001  # as phones write it
    r"|\bno\s+$",
    re.IGNORECASE,
)
"""Before a denial, within its clause: that it is none."""
_TAKEN_BACK_KOREAN = re.compile(r"[^,:]*?(?:아니|아닙|아닌|않)")
"""Behind it, where Korean says so."""
_BEFORE = 120
"""Characters before a denial in which it may be taken back."""


class KnownOutcome(Model):
    """Whether a leading hypothesis turned out to be right."""

    cause_kind: CauseKind
    service: Name
    confidence: float = Field(ge=0, le=1)
    """As the rules of evidence gave it, not calibrated."""
    right: bool
    why: Why


def denies(text: str) -> bool:
    """Whether a person says in plain words that an analysis was wrong. A question or a hint says nothing.

    Neither does a condition, a guess, or a denial that is denied itself. Whoever is read wrongly here would make a
    right analysis a wrong one, so a sentence that could be either is none.
    """
    return any(
        not _TAKEN_BACK.search(said, max(0, found.start() - _BEFORE), found.start())
        and not _TAKEN_BACK_KOREAN.match(said, found.end())
        for said in _SENTENCE.findall(text)
        if not _QUESTION.search(said)
        for found in _DENIES.finditer(said)
    )


def outcomes(state: IncidentState, aims: Aims) -> tuple[KnownOutcome, ...]:
    """The known outcomes of an incident, one per explanation that led at some time. Pure."""
    final = state.diagnosis.best if state.diagnosis else None
    last = _of_final(state, final, aims) if final else None
    found = [last] if last else []
    for doubted in state.doubted:
        earlier = doubted.hypothesis
        if final is not None and same(earlier, final):
            continue  # what became of it is told by the last analysis
        if final is not None and final.standing in ("confirmed", "likely"):
            found.append(_outcome(earlier, "reanalysed"))
        elif denies(doubted.said):
            found.append(_outcome(earlier, "said"))
    # To say that the cause is unknown is no explanation.
    known = {(o.cause_kind, o.service): o for o in reversed(found) if o.cause_kind != "unknown"}
    return tuple(reversed(known.values()))


def same(one: Hypothesis, other: Hypothesis) -> bool:
    """Whether two hypotheses explain alike: the same kind of cause at the same service."""
    return (one.cause_kind, one.service) == (other.cause_kind, other.service)


def _outcome(hypothesis: Hypothesis, why: Why) -> KnownOutcome:
    return KnownOutcome(
        cause_kind=hypothesis.cause_kind,
        service=hypothesis.service,
        confidence=hypothesis.confidence,
        right=why == "fixed",
        why=why,
    )


def _of_final(state: IncidentState, final: Hypothesis, aims: Aims) -> KnownOutcome | None:
    fix = fixing_steps(state)
    if fix and not any(result.took_effect for result in state.undone):
        if _aimed(fix, final, state, aims):
            return _outcome(final, "fixed")
        weighed = state.diagnosis.hypotheses if state.diagnosis else ()
        others = (h for h in weighed if h.standing != "refuted" and not same(h, final))
        if any(_aimed(fix, other, state, aims) for other in others):
            return _outcome(final, "another_fix")
    return _outcome(final, "said") if any(denies(text) for text in _said_of(final, state)) else None


def _said_of(final: Hypothesis, state: IncidentState) -> Iterator[str]:
    """What people who may decide said of the last explanation, and of the same one in an earlier round."""
    yield from (doubted.said for doubted in state.doubted if same(doubted.hypothesis, final))
    accepted = [judgement for judgement in state.judgements if judgement.accepted]
    yield from (j.comment for j in takewhile(lambda j: j.choice != "reanalyse", reversed(accepted)))


def _aimed(fix: tuple[StepResult, ...], at: Hypothesis, state: IncidentState, aims: Aims) -> bool:
    places = places_of(state)
    for result in fix:
        place = places.get((result.tool, result.target), "")
        near = place in ("", at.service) or result.target == at.resource or at.cause_kind in SPREADING
        if near and at.cause_kind in aims.get(result.tool, frozenset()):
            return True
    return False


def fixing_steps(state: IncidentState) -> tuple[StepResult, ...]:
    """The steps that brought the recovery: of the last option, when our own verification called it fixed.

    Empty when people fixed it, when it healed by itself, and when the last option was undone.
    """
    steps = [result for result in state.executed if result.took_effect]
    if not steps or (state.verdict, state.outcome) != ("fixed", "resolved") or state.handled_by:
        return ()
    last = attempt_of(steps[-1].key)
    if last in {attempt_of(result.key) for result in state.undone if result.took_effect}:
        return ()
    return tuple(result for result in steps if attempt_of(result.key) == last)


def attempt_of(key: str) -> str:
    """Incident, plan revision and option of an idempotency key: what was chosen at once."""
    return key.rsplit("/", 2)[0]


def places_of(state: IncidentState) -> dict[tuple[str, str], str]:
    """(tool, target) → service, as far as plan and undo stack still know."""
    prepared = [entry.prepared for entry in state.undo_stack]
    prepared += [step for option in (state.plan.options if state.plan else ()) for step in option.steps]
    return {(p.step.tool, p.step.target): p.step.service for p in prepared if p.step.service}
