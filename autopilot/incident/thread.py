"""What is said in the thread under the incident's message: the detail that the message has no room for."""

from autopilot.incident.diagnosis import Diagnosis, Hypothesis
from autopilot.incident.plan import Option, Plan, StepResult
from autopilot.incident.verification import Verification

LIMIT = 2_800
"""Characters: below what any channel takes in one message."""


def _cut(text: str) -> str:
    return text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"


def _weighed(hypothesis: Hypothesis) -> str:
    lines = [f"{hypothesis.standing} ({hypothesis.confidence:.0%}): {hypothesis.statement}"]
    lines += [f"  tested: {test}" for test in hypothesis.tests[:3]]
    if hypothesis.supporting:
        lines.append(f"  for: {', '.join(hypothesis.supporting[:8])}")
    if hypothesis.contradicting:
        lines.append(f"  against: {', '.join(hypothesis.contradicting[:8])}")
    return "\n".join(lines)


def diagnosis_note(diagnosis: Diagnosis) -> str:
    """The explanations that were weighed, their tests, and what was dropped for want of evidence."""
    parts = [f"Explanations weighed by {diagnosis.analyst}:", *(_weighed(h) for h in diagnosis.hypotheses)]
    if diagnosis.dropped_claims:
        parts.append(f"{len(diagnosis.dropped_claims)} statements were dropped because nothing supports them.")
    parts += [f"Not known: {gap.source}: {gap.what}" for gap in diagnosis.gaps[:4]]
    parts += [f"Look at: {step}" for step in diagnosis.next_steps[:4]]
    return _cut("\n".join(parts))


def _offered(option: Option) -> str:
    lines = [
        f"{option.id}. {option.title}" + ("" if option.feasible else f" (not possible: {option.infeasible_reason})")
    ]
    for prepared in option.steps:
        lines += [f"  {change}" for change in prepared.dry_run.changes]
        lines += [f"  warning: {warning}" for warning in prepared.dry_run.warnings]
        if prepared.step.command:
            lines.append(f"  by hand: {prepared.step.command}")
    return "\n".join(lines)


def plan_note(plan: Plan) -> str:
    """What each option would change, and how to do it by hand."""
    if not plan.options:
        return "No tool can help here; please handle it by hand or ask for another analysis."
    longer = [f"Later: {text}" for text in plan.recommendations]
    return _cut("\n".join([f"Options of plan {plan.revision}:", *(_offered(o) for o in plan.options), *longer]))


def action_note(results: list[StepResult]) -> str:
    """What was done."""
    return _cut("\n".join(f"{r.tool} on {r.target}: {r.status}. {r.detail}" for r in results))


def verification_note(verification: Verification) -> str:
    """Whether it helped."""
    verdict = verification.verdict.replace("_", " ")
    return f"Verified after {verification.seconds:.0f} s: {verdict}. {verification.explanation}"
