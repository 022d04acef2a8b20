"""What bears on running something unasked, read where it is kept: track records, and what was changed lately."""

from datetime import UTC, datetime

from autopilot.incident.audit import AuditLog, Entry, action_key
from autopilot.incident.autonomy import Acted, Circumstances, PolicyOrder, look_back, objections
from autopilot.incident.plan import ExecuteStep
from autopilot.incident.playbook import Playbook
from autopilot.incident.track_record import Experiences, moves, track_record
from autopilot.incident.warrant import Warrant


class Unasked:
    """Reads the circumstances when the playbook decides, and once more when its decision is carried out."""

    def __init__(self, experiences: Experiences, audit: AuditLog) -> None:
        self._experiences = experiences
        self._audit = audit

    def circumstances(self, order: PolicyOrder, frozen: str = "", *, besides: str = "") -> Circumstances:
        """As they are now. `besides`: the beginning of the keys of entries that do not count. Raises Failure."""
        now = datetime.now(UTC)
        changed = self._audit.changed(now - look_back(order.playbook))
        wanted = dict.fromkeys(m for option in order.plan.options for m in moves(option, order.alert.service))
        return Circumstances(
            now=now,
            frozen=frozen,
            changes=tuple(_acted(e) for e in changed if not (besides and e.key.startswith(besides))),
            records=tuple(track_record(m, self._experiences.experiences(order.environment, m)) for m in wanted),
        )

    def objection(self, warrant: Warrant, step: ExecuteStep, playbook: Playbook) -> str:
        """Why a step that the playbook decided must not begin any more; empty when it may. Raises Failure.

        Two incidents can decide at the same moment, each of them within a limit. A step is recorded before this is
        asked, so at least the later one of them sees the other: at worst both of them ask people.
        """
        option = warrant.plan.option(warrant.option)
        if option is None:
            return "there is no such option"
        order = PolicyOrder(
            alert=warrant.alert,
            playbook=playbook,
            plan=warrant.plan.model_copy(update={"options": (option,)}),
            environment=warrant.alert.environment,
            error_share=warrant.error_share,
        )
        # What is left of the option, this step included; the steps before it are in the record.
        here = next((n for n, prepared in enumerate(option.steps) if prepared.step == step.step), 0)
        rest = option.model_copy(update={"steps": option.steps[here:]})
        return "; ".join(objections(order, rest, self.circumstances(order, besides=action_key(step.key))))


def _acted(entry: Entry) -> Acted:
    return Acted(tool=entry.tool, service=entry.service, at=entry.at, incident_id=entry.incident_id)
