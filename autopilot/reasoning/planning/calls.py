"""The catalogue as strict function schemas, and a model's calls of them as options: nothing else becomes one. Pure.

A call counts only when it is one of the inspected offers to the letter. What it is not is never changed into
something that exists: it is refused and counted. No word of the model is kept of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from autopilot.clients.model_question import Function
from autopilot.incident.base import Scalar
from autopilot.incident.diagnosis import DroppedClaim
from autopilot.incident.plan import Offer
from autopilot.reasoning.asking.reading import Called
from autopilot.reasoning.judging.signs import short_name
from autopilot.reasoning.planning.ranking import Group, Idea, group_problem, idea
from autopilot.reasoning.prompts.planted import shown
from autopilot.reasoning.prompts.redaction import Redaction

MAX_REFUSED = 30
FIXED = ("option", "target", "why")
"""Fields that every function has besides the tool's own arguments."""
_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def function_name(tool: str) -> str:
    """How a tool is called in a schema, which allows no full stop."""
    return tool.replace(".", "__")


def _harmless(text: str, redaction: Redaction) -> bool:
    """Whether a text can stand in a schema as it is: no order, no secret, nothing that would have to be cut."""
    return redaction.mask(shown(text)) == text


def askable(offers: Sequence[Offer], redaction: Redaction) -> tuple[Offer, ...]:
    """The offers that a model may choose among: those whose arguments can be shown to it unchanged."""
    return tuple(
        offer
        for offer in offers
        if all(_harmless(v, redaction) for v in offer.draft.steps[0].arguments.values() if isinstance(v, str))
    )


def labels(offers: Sequence[Offer], redaction: Redaction) -> dict[str, str]:
    """Target → what a model calls it: its short name; else, when ambiguous or not harmless, the offer's id."""
    found: dict[str, str] = {}
    for offer in offers:
        target = offer.draft.steps[0].target
        short = short_name(target)
        if target not in found:
            plain = _harmless(short, redaction) and short not in found.values()
            found[target] = short if plain else f"target of {offer.id}"
    return found


def functions(
    offers: Sequence[Offer], named: Mapping[str, str], limit: int, about: Mapping[str, str]
) -> tuple[Function, ...]:
    """One function per tool that has an offer; its fields take only values of the offers.

    Args:
        offers: What was inspected and can work, each of one step.
        named: Target → what a model calls it.
        limit: Options that may be made.
        about: Tool → what it does, in one sentence of ours.
    """
    by_tool: dict[str, list[Offer]] = {}
    for offer in offers:
        by_tool.setdefault(offer.draft.steps[0].tool, []).append(offer)
    return tuple(
        Function(function_name(tool), about.get(tool, tool), _arguments(tool, by_tool[tool], named, limit))
        for tool in sorted(by_tool)
    )


def _arguments(tool: str, offers: Sequence[Offer], named: Mapping[str, str], limit: int) -> type[BaseModel]:
    steps = [offer.draft.steps[0] for offer in offers]
    fields: dict[str, Any] = {
        "option": _one_of(tuple(range(1, limit + 1)), "the option that this step belongs to"),
        "target": _one_of(tuple(named[step.target] for step in steps), "what it acts on"),
    }
    for name in dict.fromkeys(name for step in steps for name in step.arguments):
        fields[name] = _one_of(tuple(step.arguments.get(name) for step in steps), "as listed")
    fields["why"] = (str, Field(description="one short sentence that cites findings, such as (F3)"))
    return create_model(function_name(tool), __config__=ConfigDict(strict=True, extra="forbid"), **fields)


def _one_of(values: Sequence[Scalar], description: str) -> tuple[Any, Any]:
    """A field's type and schema: one of the values. Their membership is judged by `options_of`, not by the type."""
    allowed = list(dict.fromkeys(values))
    kinds = [type(value) for value in allowed]
    kind: Any = next((k for k in kinds if k is not type(None)), str)
    may_lack = type(None) in kinds
    named = [_JSON_TYPES[kind], *(["null"] if may_lack else [])]
    schema = {"type": named if may_lack else named[0], "enum": allowed, "description": description}
    return Annotated[kind | None if may_lack else kind, WithJsonSchema(schema)], ...


@dataclass
class _Draft:
    """An option as far as the calls have made it."""

    group: list[Offer] = field(default_factory=list[Offer])
    reasons: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Chosen:
    """What became of a model's calls."""

    groups: tuple[Group, ...] = ()
    reasons: tuple[str, ...] = ()
    """Of each group, as the model gave them: not yet checked."""
    refused: tuple[DroppedClaim, ...] = ()


def options_of(calls: Sequence[Called], offers: Sequence[Offer], named: Mapping[str, str], limit: int) -> Chosen:
    """Calls as options by their number, and why the others are none. `named`: target → what a model calls it."""
    drafts: dict[int, _Draft] = {}
    refused: list[DroppedClaim] = []
    for call in calls:
        found, problem = _offer(call, offers, named, limit)
        if found is None:
            refused.append(DroppedClaim(claim=_about(call, offers), reason=problem))
            continue
        number, offer, why = found
        draft = drafts.setdefault(number, _Draft())
        if offer not in draft.group:
            draft.group.append(offer)
            draft.reasons.append(why)
    groups: list[tuple[Group, str]] = []
    seen: set[Idea] = set()
    for number in sorted(drafts):
        draft = drafts[number]
        problem = group_problem(draft.group) or ("it is another one again" if idea(draft.group) in seen else "")
        if problem:
            refused.append(DroppedClaim(claim=f"option {number}", reason=problem))
            continue
        seen.add(idea(draft.group))
        groups.append((tuple(draft.group), " ".join(filter(None, draft.reasons))))
    return Chosen(tuple(g for g, _ in groups), tuple(r for _, r in groups), tuple(refused[:MAX_REFUSED]))


def _offer(
    call: Called, offers: Sequence[Offer], named: Mapping[str, str], limit: int
) -> tuple[tuple[int, Offer, str] | None, str]:
    """(option number, the offer that a call is to the letter, its reason), or why it is none."""
    own = [offer for offer in offers if function_name(offer.draft.steps[0].tool) == call.name]
    if not own:
        return None, "there is no such tool among those that were offered"
    if call.arguments is None:
        return None, "its arguments do not have the form that was asked for"
    given: dict[str, Scalar] = call.arguments.model_dump()
    number = given.get("option")
    if not isinstance(number, int) or not 1 <= number <= limit:
        return None, f"its option is none of 1 to {limit}"
    there = [offer for offer in own if named[offer.draft.steps[0].target] == given.get("target")]
    if not there:
        return None, "its target is none of those that were observed"
    wanted = {name: value for name, value in given.items() if name not in FIXED}
    offer = next((offer for offer in there if _is_exactly(offer.draft.steps[0].arguments, wanted)), None)
    if offer is None:
        return None, "its arguments are none of those that were observed for its target"
    return (number, offer, str(given.get("why") or "")), ""


def _is_exactly(offered: Mapping[str, Scalar], wanted: Mapping[str, Scalar]) -> bool:
    """Whether two sets of arguments are the same, by type too; one that is left out is one of None."""
    names = set(offered) | set(wanted)
    pairs = [(offered.get(name), wanted.get(name)) for name in names]
    return all(type(ours) is type(theirs) and ours == theirs for ours, theirs in pairs)


def _about(call: Called, offers: Sequence[Offer]) -> str:
    """What a refused call was about, in our words only."""
    tools = {function_name(offer.draft.steps[0].tool): offer.draft.steps[0].tool for offer in offers}
    return f"a step of {tools[call.name]}" if call.name in tools else "a step of an unknown tool"
