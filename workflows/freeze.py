"""The freeze switch as one long-lived workflow: it survives every restart, and its history says who did what."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from autopilot.incident.decision import PersonNote
    from autopilot.incident.freeze import MEMO, WORKFLOW, Freeze


@workflow.defn(name=WORKFLOW)
class FreezeWorkflow:
    """On or off, by whom, why and since when."""

    @workflow.init
    def __init__(self, start: Freeze) -> None:
        self._now = start
        self._shown: Freeze | None = None

    @workflow.run
    async def run(self, _start: Freeze) -> None:
        """Show every change; go on for ever."""
        while True:
            await workflow.wait_condition(lambda: self._now != self._shown)
            self._shown = self._now
            workflow.upsert_memo({MEMO: self._now})
            workflow.set_current_details(self._now.words or "Changes are allowed.")
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._now)

    @workflow.signal(description="Stop all changes at once, undo included")
    def freeze(self, note: PersonNote) -> None:
        """Switch it on."""
        self._set(note, frozen=True)

    @workflow.signal(description="Allow changes again")
    def thaw(self, note: PersonNote) -> None:
        """Switch it off."""
        self._set(note, frozen=False)

    @workflow.query(description="How the switch stands")
    def state(self) -> Freeze:
        """On or off, by whom, why and since when."""
        return self._now

    def _set(self, note: PersonNote, *, frozen: bool) -> None:
        who = note.actor_name or note.actor or "somebody"
        self._now = Freeze.model_validate(
            {"frozen": frozen, "by": who, "reason": note.comment, "since": workflow.now()}
        )
