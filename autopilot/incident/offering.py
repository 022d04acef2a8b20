"""A plan in words: where arguments come from, what cannot work and why, what a model was refused. Pure."""

from collections import Counter
from collections.abc import Sequence

from autopilot.incident.base import Scalar
from autopilot.incident.decision import DecisionRequest, Judgement
from autopilot.incident.effect import expected_words
from autopilot.incident.plan import Option, Plan, Step
from autopilot.incident.wording import plain, short, shortened

REASONS = 4
"""Different reasons of refusals that are told."""


def _value(value: Scalar) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None else short(str(value))


def provenance(step: Step) -> tuple[str, ...]:
    """Each argument with its source, such as `version 1: inventory checkout:live versions[1]; healthy by F8`."""
    return tuple(
        f"{plain(name)} {_value(value)}: {step.sources[name]}"
        for name, value in step.arguments.items()
        if step.sources.get(name)
    )


def expectation(option: Option) -> str:
    """What an option should change, by how much and until when."""
    return expected_words(option.expected)


def approvals_needed(request: DecisionRequest | None, judgements: Sequence[Judgement], option: int) -> str:
    """How many people an option takes and who has approved already; empty where the first one decides."""
    if request is None:
        return ""
    wanted = request.requirement(option)
    of_plan = (
        j for j in judgements if j.counted and j.option == option and j.plan_revision == request.plan_revision
    )
    given = [plain(j.actor_name or j.actor) for j in of_plan]
    if wanted.people == 1 and not given:
        return ""
    missing = f"takes {wanted.people} people" if wanted.people > 1 else "takes somebody else too"
    return f"{missing}; approved by {', '.join(given)}" if given else missing


def impossible(plan: Plan) -> tuple[str, ...]:
    """What would have been offered and cannot work now, with the reason."""
    return tuple(
        f"{plain(option.title)}: cannot work now, {shortened(option.infeasible_reason)}"
        for option in plan.infeasible
    )


def refusals(plan: Plan) -> str:
    """How many requests of a model were refused and why, none of its words; empty when none was."""
    if not plan.refused:
        return ""
    count = len(plan.refused)
    reasons = Counter(f"{dropped.claim}: {dropped.reason}" for dropped in plan.refused).most_common()
    told = [f"{reason}{f' ({times} times)' if times > 1 else ''}" for reason, times in reasons[:REASONS]]
    more = "; and more" if len(reasons) > REASONS else ""
    return f"{count} request{'' if count == 1 else 's'} of the model refused: {'; '.join(told)}{more}."


def asides(plan: Plan) -> tuple[str, ...]:
    """What a reader should know of how the options were chosen: the notes, and what a model was refused."""
    return (*plan.notes, *([refused] if (refused := refusals(plan)) else []))
