"""By whose decision a step is carried out, checked once more by the executor itself. Pure.

What a workflow says is what anybody with access to Temporal can make it say. A warrant holds only what people's
sealed decisions and the worker's own rules confirm: the digest of the plan is computed anew, and who may approve is
taken from the rules on the worker's disk.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from autopilot.incident.alert import Alert
from autopilot.incident.approval import decided_at
from autopilot.incident.base import Model, Time
from autopilot.incident.decision import DecisionSignal, voice
from autopilot.incident.ids import idempotency_key
from autopilot.incident.plan import ExecuteStep, Option, Plan, PreparedStep
from autopilot.incident.playbook import Snapshot, granted
from autopilot.incident.policy import requirement
from autopilot.incident.seal import Keyring

MAX_AGE = timedelta(hours=24)
"""An approval is good for no longer; questions to people are answered or handed over long before."""

Rules = Callable[[Alert, datetime], Snapshot]
"""The rules that the worker itself reads: those for an alert, with who was on duty at a time."""


class Warrant(Model):
    """What people or the playbook decided about one plan."""

    alert: Alert
    """Decides which playbook applies."""
    plan: Plan
    option: int
    approvals: tuple[DecisionSignal, ...] = ()
    """The decisions that count; none where the playbook's grant decided."""
    error_share: float | None = None
    """As measured when it was decided: some grants demand a least share of failing requests."""


def problem(warrant: Warrant | None, order: ExecuteStep, keyring: Keyring | None, rules: Rules, now: Time) -> str:
    """Why a step must not be carried out; empty when the warrant covers it."""
    if warrant is None:
        return "no decision covers this step"
    option = warrant.plan.option(warrant.option)
    if option is None or warrant.plan.incident_id != order.incident_id:
        return "the decision is about another incident or plan"
    if warrant.plan.opened_by not in ("", warrant.alert.alert_digest):
        return "the rules of another alert would be asked"
    if not any(_is(order, prepared, warrant, number) for number, prepared in enumerate(option.steps, start=1)):
        return f"the step on {order.step.target} is not the one that option {option.id} shows"
    if not warrant.approvals:
        return _not_granted(warrant, option, rules, now)
    return _not_approved(warrant, option, keyring, rules, now)


def _is(order: ExecuteStep, prepared: PreparedStep, warrant: Warrant, number: int) -> bool:
    """Whether this is the prepared step, or its undo, on the state that was shown, under its own key.

    Under another key the same approval could take effect a second time.
    """
    if order.key != idempotency_key(order.incident_id, warrant.plan.revision, warrant.option, number, order.mode):
        return False
    if order.mode == "undo":
        return prepared.undo == order.step and prepared.leaves == order.expects
    return prepared.step == order.step and prepared.expects == order.expects


def _not_granted(warrant: Warrant, option: Option, rules: Rules, now: Time) -> str:
    playbook = rules(warrant.alert, now).playbook
    if warrant.plan.ask_people or not granted(playbook, option, warrant.error_share):
        return f"nobody approved it, and the playbook {playbook.name!r} does not grant it"
    return ""


def _not_approved(warrant: Warrant, option: Option, keyring: Keyring | None, rules: Rules, now: Time) -> str:
    counted: set[str] = set()
    wanted = requirement(rules(warrant.alert, now), warrant.plan, option)
    for signal in warrant.approvals:
        proven = keyring is not None and keyring.vouches(signal)
        when = decided_at(signal, proven=proven, now=now)
        in_force = rules(warrant.alert, when)
        wanted = requirement(in_force, warrant.plan, option)
        who, shown = signal.actor_name or signal.actor, (warrant.plan.incident_id, warrant.plan.plan_digest)
        refused = [
            (
                not proven and (wanted.of_known_people or not in_force.playbook.accept_unproven),
                f"the approval of {who!r} is not sealed by us",
            ),
            (proven and (signal.incident_id, signal.plan_digest) != shown, "an approval is of another plan"),
            (signal.choice != "option" or signal.option_number != option.id, "an approval is of another option"),
            (proven and not wanted.permits(signal.actor), f"{who!r} may not approve"),
            (now - when > MAX_AGE, f"the approval of {who!r} is older than {MAX_AGE}"),
        ]
        if why := next((text for failed, text in refused if failed), ""):
            return why
        counted.add(voice(signal.actor, proven=proven))
    return "" if wanted.enough(counted) else f"more people have to approve option {option.id}"
