"""What travels through Slack and back: button values, action names, and how a click is understood.

The channel writes these and the gateway reads them, so both use this module and nothing else.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from autopilot.incident.base import clean
from autopilot.incident.decision import DecisionSignal, PersonNote
from autopilot.incident.ids import digest

ACTION_OPTION = "decide:option:"
"""Followed by the option's number."""
ACTION_REANALYSE = "decide:reanalyse"
ACTION_MANUAL = "decide:manual"
ACTION_CLAIM = "claim"
FEEDBACK_VIEW = "reanalyse_feedback"
FEEDBACK_BLOCK, FEEDBACK_INPUT = "feedback", "text"
MESSAGE_EVENT, NOTE_EVENT = "aiops_incident", "aiops_note"
MAX_VALUE = 2_000
"""Slack's limit for a button's value, characters."""
MAX_FEEDBACK = 2_000


class ButtonValue(BaseModel):
    """What a button carries: exactly what its reader saw when deciding."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    group: str = Field(min_length=1, max_length=250)
    incident_id: str = Field(max_length=250)
    plan_revision: int = 0
    plan_digest: str = Field(default="", max_length=64)
    choice: str = Field(default="", max_length=40)
    option: int | None = None

    def wire(self) -> str:
        """Compact JSON, at most `MAX_VALUE` characters."""
        return self.model_dump_json(exclude_none=True)


@dataclass(frozen=True)
class Decided:
    """A decision to signal to the workflow `group`; the gateway adds time and seal."""

    group: str
    signal: DecisionSignal


@dataclass(frozen=True)
class Claimed:
    """Somebody has the incident in hand; signal `claim` to the workflow `group`."""

    group: str
    incident_id: str
    note: PersonNote


@dataclass(frozen=True)
class AsksFeedback:
    """Re-analyse was pressed: open `view` with views.open and `trigger_id` within three seconds."""

    group: str
    trigger_id: str
    view: dict[str, JsonValue]


@dataclass(frozen=True)
class Unusable:
    """Nothing to do. `complain`: somebody pressed a button of ours that cannot be understood; tell them."""

    reason: str
    complain: bool = False


Interaction = Decided | Claimed | AsksFeedback | Unusable


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _User(_Wire):
    id: str = Field(min_length=1, max_length=40)
    name: str = ""
    username: str = ""


class _Action(_Wire):
    action_id: str = ""
    value: str = Field(default="", max_length=MAX_VALUE)
    action_ts: str = Field(default="", max_length=40)


class _Place(_Wire):
    channel_id: str = ""
    message_ts: str = ""


class _Press(_Wire):
    user: _User
    actions: list[_Action] = Field(min_length=1)
    container: _Place = _Place()
    response_url: str = Field(default="", max_length=500)
    trigger_id: str = Field(default="", max_length=200)


class _Input(_Wire):
    value: str | None = None


class _Values(_Wire):
    values: dict[str, dict[str, _Input]] = {}


class _View(_Wire):
    id: str = Field(default="", max_length=40)
    callback_id: str = ""
    private_metadata: str = Field(default="", max_length=3_000)
    state: _Values = _Values()


class _Submission(_Wire):
    user: _User
    view: _View


class _Modal(BaseModel):
    """What the feedback modal remembers of the press that opened it."""

    value: ButtonValue
    reply_to: str = ""


def parse_interaction(payload: dict[str, JsonValue]) -> Interaction:
    """Understand an interaction that Slack delivered and the gateway has verified. Pure; never raises."""
    kind = payload.get("type")
    try:
        if kind == "block_actions":
            return _pressed(_Press.model_validate(payload))
        if kind == "view_submission":
            return _submitted(_Submission.model_validate(payload))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return Unusable(f"malformed {kind}: {where}: {first['msg']}", complain=True)
    return Unusable(f"interaction {clean(kind, 40)!r} is not ours")


def _actor(user: _User) -> tuple[str, str]:
    return f"slack:{user.id}", clean(user.name or user.username or user.id, 80)


def _moment(action_ts: str) -> str:
    try:
        return datetime.fromtimestamp(float(action_ts), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _pressed(press: _Press) -> Interaction:
    action = press.actions[0]
    ours = action.action_id in (ACTION_REANALYSE, ACTION_MANUAL, ACTION_CLAIM)
    if not ours and not action.action_id.startswith(ACTION_OPTION):
        return Unusable(f"action {clean(action.action_id, 80)!r} is not ours")
    value = ButtonValue.model_validate_json(action.value)
    actor, name = _actor(press.user)
    reply_to = press.response_url or place(press.container.channel_id, press.user.id, press.container.message_ts)
    if action.action_id == ACTION_CLAIM:
        note = PersonNote(actor=actor, actor_name=name, at=_moment(action.action_ts), reply_to=reply_to)
        return Claimed(value.group, value.incident_id, note)
    if action.action_id == ACTION_REANALYSE:
        return AsksFeedback(value.group, press.trigger_id, feedback_modal(value, reply_to))
    pressed = digest("press", press.user.id, press.container.message_ts, action.action_id, action.action_ts)
    return _decided(value, pressed, press.user, reply_to, at=_moment(action.action_ts))


def _submitted(submission: _Submission) -> Interaction:
    view = submission.view
    if view.callback_id != FEEDBACK_VIEW:
        return Unusable(f"view {clean(view.callback_id, 80)!r} is not ours")
    modal = _Modal.model_validate_json(view.private_metadata)
    field = view.state.values.get(FEEDBACK_BLOCK, {}).get(FEEDBACK_INPUT, _Input())
    comment = clean(field.value or "", MAX_FEEDBACK, lines=True)
    submitted = digest("submission", submission.user.id, view.id)
    return _decided(modal.value, submitted, submission.user, modal.reply_to, comment=comment)


def _decided(
    value: ButtonValue, decision: str, user: _User, reply_to: str, *, comment: str = "", at: str = ""
) -> Decided:
    actor, name = _actor(user)
    signal = DecisionSignal(
        decision_id=f"slack-{decision}",
        incident_id=value.incident_id,
        plan_revision=value.plan_revision,
        plan_digest=value.plan_digest,
        choice=value.choice,
        option=value.option,
        comment=comment,
        actor=actor,
        actor_name=name,
        channel="slack",
        at=at,
        reply_to=reply_to,
    )
    return Decided(value.group, signal)


def place(channel: str, user: str, message_ts: str) -> str:
    """A `reply_to` for when Slack gives no response URL: whom to answer, and under which message."""
    return f"slack:{channel}/{user}/{message_ts}" if channel and user else ""


def place_of(reply_to: str) -> tuple[str, str, str] | None:
    """Channel, user and message of a `place`; None when it is something else."""
    parts = reply_to.removeprefix("slack:").split("/")
    if not reply_to.startswith("slack:") or len(parts) != 3:
        return None
    return parts[0], parts[1], parts[2]


def feedback_modal(value: ButtonValue, reply_to: str = "") -> dict[str, JsonValue]:
    """The modal that asks what to look for; its submission becomes a re-analyse decision."""
    carried = _Modal(value=value.model_copy(update={"choice": "reanalyse", "option": None}), reply_to=reply_to)
    return {
        "type": "modal",
        "callback_id": FEEDBACK_VIEW,
        "private_metadata": carried.model_dump_json(exclude_none=True),
        "title": _plain("Re-analyse"),
        "submit": _plain("Re-analyse"),
        "close": _plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": FEEDBACK_BLOCK,
                "optional": True,
                "label": _plain("What should be looked at?"),
                "hint": _plain(
                    "It is tested, not believed. Write “wrong analysis” where the explanation is wrong."
                ),
                "element": {
                    "type": "plain_text_input",
                    "action_id": FEEDBACK_INPUT,
                    "multiline": True,
                    "max_length": MAX_FEEDBACK,
                    "placeholder": _plain("For example: check the 03:00 deploy of the payment service"),
                },
            }
        ],
    }


def _plain(text: str) -> dict[str, JsonValue]:
    return {"type": "plain_text", "text": text, "emoji": False}
