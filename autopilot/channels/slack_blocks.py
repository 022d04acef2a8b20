"""An incident as one Block Kit message. Pure: the same view always gives the same blocks."""

from pydantic import JsonValue

from autopilot.channels import slack_wire as wire
from autopilot.channels.mrkdwn import escaped, link
from autopilot.incident.view import IncidentView, OptionView
from autopilot.incident.wording import OUTCOMES, PHASES

HEADER, SECTION, CONTEXT, BUTTON = 150, 3_000, 2_000, 75
"""Slack's limits in characters."""
MAX_BLOCKS = 50
TEXT = 1_200
"""Characters of one outside text inside a section: several must fit."""
Block = dict[str, JsonValue]


def plain(text: str, limit: int) -> Block:
    """A plain-text object: no markup, no emoji codes."""
    return {"type": "plain_text", "text": text if len(text) <= limit else text[: limit - 1] + "…", "emoji": False}


def section(text: str) -> Block:
    """A section of mrkdwn whose outside parts are already escaped."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, SECTION), "verbatim": True}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": _cut(text, CONTEXT), "verbatim": True}]}


def _cut(text: str, limit: int) -> str:
    """Cut between lines, so that neither an entity nor a link is halved."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 2].rsplit("\n", 1)[0]
    return kept + "\n…"


def message_blocks(view: IncidentView) -> list[Block]:
    """The whole message. Before a diagnosis exists it shows the raw alert and the last changes."""
    blocks = [_header(view), _facts(view)]
    blocks += _ending(view)
    told = "What happened" if view.outcome else "What is going on"
    blocks.append(section(f"*{told}*\n{escaped(view.whats_going_on, TEXT)}"))
    blocks.append(_cause(view) if view.cause else _last_changes(view))
    if view.planted:
        blocks.append(section(f"*Mind* {escaped(view.planted, 600)}"))
    blocks += _progress(view)
    if view.next_step and not view.outcome:
        blocks.append(section(f"*Next step*\n{escaped(view.next_step, TEXT)}"))
    if (view.options or view.impossible) and _still_open(view):
        blocks.append({"type": "divider"})
        blocks += [*(_option(option) for option in view.options), *_beside(view)]
    blocks += _buttons(view)
    blocks += _footer(view)
    return blocks[:MAX_BLOCKS]


def _still_open(view: IncidentView) -> bool:
    """Whether the options are still news: before a decision, and where nobody was asked."""
    return view.decidable or not (view.decision or view.outcome) or view.outcome == "observed"


def _ending(view: IncidentView) -> list[Block]:
    """How it ended, first: that is what somebody who comes late wants to know."""
    if not view.outcome:
        return []
    ended = escaped(OUTCOMES.get(view.outcome, view.outcome), 60)
    verdict = f" · *Verdict* {escaped(view.verdict.replace('_', ' '), 60)}" if view.verdict else ""
    lines = [f"*Outcome* {ended}{verdict}", *(f"• {escaped(moved, 300)}" for moved in view.effects[:3])]
    return [section("\n".join(lines))]


def fallback_text(view: IncidentView) -> str:
    """What notifications and screen readers get."""
    said = view.cause or view.whats_going_on
    return escaped(f"[{view.severity}] {view.title}: {said}", 600)


def _header(view: IncidentView) -> Block:
    return {"type": "header", "text": plain(f"[{view.severity.upper()}] {view.title}", HEADER)}


def _facts(view: IncidentView) -> Block:
    facts = [
        f"*{escaped(view.service, 200)}* in {escaped(view.environment, 200)}",
        f"{view.alerts} alert{'' if view.alerts == 1 else 's'} since {view.started_at:%Y-%m-%d %H:%M:%S} UTC",
        escaped(PHASES.get(view.phase, view.phase), 40),
        f"{escaped(view.mode, 40)} mode",
    ]
    others = [name for name in view.services if name != view.service]
    if others:
        facts.append("also affected: " + escaped(", ".join(others), 400))
    return _context(" · ".join(facts))


def _cause(view: IncidentView) -> Block:
    sure = f" · {escaped(view.confidence, 100)}" if view.confidence else ""
    tests = f"\n{escaped(view.tests, 200)}" if view.tests else ""
    return section(f"*Cause*{sure}\n{escaped(view.cause, TEXT)}{tests}")


def _last_changes(view: IncidentView) -> Block:
    if not view.recent_changes:
        return section("*Last changes*\nnone known yet")
    lines = "\n".join(f"• {escaped(change, 600)}" for change in view.recent_changes[:3])
    return section(f"*Last changes*\n{lines}")


def _option(option: OptionView) -> Block:
    lines = [f"*{option.id}. {escaped(option.title, 300)}*", escaped(option.why, 500)]
    if option.steps != (option.title,):
        lines += [f"• {escaped(step, 300)}" for step in option.steps[:4]]
    facts = [f"risk: {escaped(option.risk, 40)}", escaped(option.reversibility, 40)]
    if option.reach:
        facts.append(f"reach: {escaped(option.reach, 250)}")
    if option.approval:
        facts.append(escaped(option.approval, 250))
    lines.append(" · ".join(facts))
    if option.expected:
        lines.append(f"expected: {escaped(option.expected, 300)}")
    if not option.feasible:
        lines.append(f"_not possible now:_ {escaped(option.note, 300)}")
    elif option.note:
        lines.append(f"_note:_ {escaped(option.note, 300)}")
    return section("\n".join(line for line in lines if line))


def _beside(view: IncidentView) -> list[Block]:
    """What cannot work and why, and what to know of how the options were chosen."""
    lines = [f"_not possible now:_ {escaped(text, 300)}" for text in view.impossible[:3]]
    lines += [f"_mind:_ {escaped(text, 300)}" for text in view.asides[:4]]
    return [_context("\n".join(lines))] if lines else []


def _buttons(view: IncidentView) -> list[Block]:
    choices: list[JsonValue] = []
    if view.decidable:
        feasible = [option for option in view.options if option.feasible][:3]
        choices += [_option_button(view, option, first=option is feasible[0]) for option in feasible]
        choices.append(_button(view, wire.ACTION_REANALYSE, "Re-analyse", "reanalyse"))
        choices.append(_button(view, wire.ACTION_MANUAL, "Manual", "manual"))
    blocks: list[Block] = []
    if choices:
        blocks.append({"type": "actions", "block_id": "decide", "elements": choices})
    if not view.claimed_by and not view.outcome and view.phase != "closed":
        claim = _button(view, wire.ACTION_CLAIM, "Claim", "claim")
        blocks.append({"type": "actions", "block_id": "person", "elements": [claim]})
    return blocks


def _option_button(view: IncidentView, option: OptionView, *, first: bool) -> Block:
    action = f"{wire.ACTION_OPTION}{option.id}"
    button = _button(view, action, f"{option.id}. {option.title}", "option", option.id)
    if first:
        button["style"] = "primary"
    if option.risk == "high" or option.reversibility == "irreversible":
        button["confirm"] = {
            "title": plain("Are you sure?", 100),
            "text": plain(f"{option.title}: {option.risk} risk, {option.reversibility}.", 300),
            "confirm": plain("Do it", 30),
            "deny": plain("Cancel", 30),
        }
    return button


def _button(view: IncidentView, action: str, text: str, choice: str, option: int | None = None) -> Block:
    value = wire.ButtonValue(
        group=view.group,
        incident_id=view.incident_id,
        plan_revision=view.plan_revision,
        plan_digest=view.plan_digest,
        choice=choice,
        option=option,
    )
    return {"type": "button", "action_id": action, "text": plain(text, BUTTON), "value": value.wire()}


def _progress(view: IncidentView) -> list[Block]:
    """What was decided, done and found out."""
    lines = [f"• {escaped(action, 400)}" for action in view.actions[-8:]]
    if view.decision and not view.actions:
        lines.insert(0, f"• {escaped(view.decision, 400)}")
    if view.claimed_by:
        lines.insert(0, f"*Claimed by* {escaped(view.claimed_by, 200)}")
    return [section("\n".join(["*What was done*", *lines]))] if lines else []


def _footer(view: IncidentView) -> list[Block]:
    blocks: list[Block] = []
    if view.gaps:
        shown = " · ".join(escaped(gap, 200) for gap in view.gaps[:4])
        more = f" · {len(view.gaps) - 4} more" if len(view.gaps) > 4 else ""
        blocks.append(_context(f"Not known: {shown}{more}"))
    about = [f"analyst: {escaped(view.analyst, 200)}"] if view.analyst else []
    about += [escaped(view.dropped, 400)] if view.dropped else []
    about += [escaped(view.cost, 200)] if view.cost else []
    about += [f"on call: {escaped(view.on_call, 200)}"] if view.on_call else []
    about.append(f"incident {escaped(view.incident_id, 250)}")
    blocks.append(_context(" · ".join(about)))
    if view.links:
        blocks.append(section(" · ".join(link(target) for target in view.links[:3])))
    return blocks
