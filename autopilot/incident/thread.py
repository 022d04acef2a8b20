"""What is said in the thread under the incident's message: the detail that the message has no room for."""

from autopilot.incident.diagnosis import Diagnosis, Hypothesis
from autopilot.incident.effect import seen_words
from autopilot.incident.offering import asides, expectation, impossible, provenance
from autopilot.incident.plan import Option, Plan, StepResult
from autopilot.incident.verification import Verification
from autopilot.incident.wording import VERDICTS, gap_words, plain, step_words, test_words, worst_first

LIMIT = 2_800
"""Characters: below what any channel takes in one message."""


def _cut(text: str) -> str:
    return text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"


def _weighed(hypothesis: Hypothesis) -> str:
    head = f"{hypothesis.standing.capitalize()} ({hypothesis.confidence:.0%}): {hypothesis.statement}"
    found = [("for", hypothesis.supporting), ("against", hypothesis.contradicting)]
    cited = [f"{side} {', '.join(ids[:8])}" for side, ids in found if ids]
    lines = [head, *(f"• {test_words(test)}" for test in hypothesis.tests[:3])]
    return "\n".join([*lines, *([f"• evidence: {'; '.join(cited)}"] if cited else [])])


def diagnosis_note(diagnosis: Diagnosis) -> str:
    """The explanations that were weighed, their tests, and what was dropped for want of evidence."""
    parts = [f"Explanations weighed by the {diagnosis.analyst}", *(_weighed(h) for h in diagnosis.hypotheses)]
    if diagnosis.dropped_claims:
        parts.append(f"{len(diagnosis.dropped_claims)} statements were dropped because nothing supports them.")
    gaps = [f"• {gap_words(gap)}" for gap in worst_first(diagnosis.gaps)[:4]]
    parts += ["\n".join(["Not known", *gaps])] if gaps else []
    steps = [f"• {step}" for step in diagnosis.next_steps[:4]]
    parts += ["\n".join(["Look at", *steps])] if steps else []
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
