"""What is said in the thread under the incident's message: the detail that the message has no room for."""

from collections.abc import Sequence

from autopilot.incident.diagnosis import Diagnosis, Hypothesis
from autopilot.incident.effect import seen_words
from autopilot.incident.investigation import Investigation
from autopilot.incident.offering import asides, expectation, impossible, provenance
from autopilot.incident.plan import Option, Plan, StepResult
from autopilot.incident.reasoning_words import (
    dropped_words,
    planted_words,
    questions_words,
    standing_words,
    stopped_words,
    telling_tests,
    trial_words,
)
from autopilot.incident.verification import Verification
from autopilot.incident.wording import VERDICTS, gap_words, plain, step_words, worst_first

LIMIT = 2_800
"""Characters: below what any channel takes in one message."""


def _cut(text: str) -> str:
    return text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"


def _weighed(hypothesis: Hypothesis) -> str:
    asked = f" (idea of a person: {hypothesis.asked_by})" if hypothesis.asked_by else ""
    head = f"{standing_words(hypothesis).capitalize()}: {hypothesis.statement}{asked}"
    found = [("for", hypothesis.supporting), ("against", hypothesis.contradicting)]
    cited = [f"{side} {', '.join(ids[:8])}" for side, ids in found if ids]
    lines = [head, *(f"• {trial_words(test)}" for test in telling_tests(hypothesis, 3))]
    return "\n".join([*lines, *([f"• evidence: {'; '.join(cited)}"] if cited else [])])


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    return ["\n".join([title, *(f"• {line}" for line in lines)])] if lines else []


def diagnosis_note(diagnosis: Diagnosis, investigation: Investigation | None = None) -> str:
    """The explanations that were weighed, their tests, what was asked, and what was dropped."""
    warning = planted_words(diagnosis)
    parts = [f"Explanations weighed by the {diagnosis.analyst}", *([warning] if warning else [])]
    parts += [_weighed(h) for h in diagnosis.hypotheses]
    ending = [text for text in (dropped_words(diagnosis), stopped_words(diagnosis)) if text]
    parts += ["\n".join(f"{text}." for text in ending)] if ending else []
    parts += _listed("Asked", questions_words(investigation))
    parts += _listed("Not known", [gap_words(gap) for gap in worst_first(diagnosis.gaps)[:4]])
    parts += _listed("Look at", diagnosis.next_steps[:4])
    return _cut("\n\n".join(parts))


def _offered(option: Option) -> str:
    blocked = "" if option.feasible else f" (not possible: {option.infeasible_reason})"
    expected = expectation(option)
    lines = [f"{option.id}. {plain(option.title)}{blocked}", *([f"• expected: {expected}"] if expected else [])]
    for prepared in option.steps:
        lines += [f"• {plain(change)}" for change in prepared.dry_run.changes]
        lines += [f"• {source}" for source in provenance(prepared.step)]
        lines += [f"• mind: {warning}" for warning in prepared.dry_run.warnings]
        if prepared.step.command:
            lines.append(f"• by hand: {prepared.step.command}")
    return "\n".join(lines)


def plan_note(plan: Plan) -> str:
    """What each option would change and from where its values come, what cannot work, and how all was chosen."""
    nothing = "No tool can help here; please handle it by hand or ask for another analysis."
    parts = (
        [f"Options of plan {plan.revision}", *(_offered(o) for o in plan.options)] if plan.options else [nothing]
    )
    rest = (("Not possible now", impossible(plan)), ("Mind", asides(plan)), ("For later", plan.recommendations))
    parts += ["\n".join([title, *(f"• {text}" for text in texts)]) for title, texts in rest if texts]
    return _cut("\n\n".join(parts))


def action_note(results: list[StepResult]) -> str:
    """What was done."""
    return _cut("\n".join(step_words(r) for r in results))


def verification_note(verification: Verification) -> str:
    """Whether it helped."""
    said = f"{VERDICTS[verification.verdict]} after {verification.seconds:.0f} s: {verification.explanation}."
    return f"{said}\n{seen_words(verification.effect)}." if verification.effect else said
