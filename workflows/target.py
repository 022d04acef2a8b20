"""A target that is being changed: held from before the first step until recovery is proven or all is undone.

Its id is the target, so that Temporal itself keeps a second incident from changing the same thing meanwhile.
"""

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.open import Neighbourhood
    from autopilot.incident.target import MEMO, WORKFLOW, Hold, Holder
    from workflows.calls import QUICK, call


@workflow.defn(name=WORKFLOW)
class TargetWorkflow:
    """One target, held by one incident."""

    @workflow.init
    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._released = False

    @workflow.run
    async def run(self, _hold: Hold) -> None:
        """Hold it until the incident lets go, or is gone."""
        workflow.upsert_memo({MEMO: self.holder()})
        workflow.set_current_details(self.holder().words)
        while not self._released:
            try:
                await workflow.wait_condition(
                    lambda: self._released, timeout=self._hold.look_every, timeout_summary="held?"
                )
            except TimeoutError:
                self._released = not await self._still_there()

    @workflow.signal(description="The holder lets go")
    def release(self, incident_id: str) -> None:
        """Only the holder can."""
        self._released = self._released or incident_id == self._hold.incident_id

    @workflow.query(description="Who holds it, and what for")
    def holder(self) -> Holder:
        """For whoever waits."""
        return Holder(target=self._hold.target, incident_id=self._hold.incident_id, doing=self._hold.doing)

    async def _still_there(self) -> bool:
        try:
            return await call(Neighbourhood.is_open, self._hold.incident_id, QUICK, "is the holder still there?")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return True
