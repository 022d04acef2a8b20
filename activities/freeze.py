"""Reading and setting the freeze switch over a Temporal client."""

import asyncio
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from autopilot.incident.decision import PersonNote
from autopilot.incident.freeze import MEMO, WORKFLOW, WORKFLOW_ID, Freeze
from autopilot.incident.ports import Failure

READ_SECONDS = 5.0
CARRIED_OUT_SECONDS = 20.0

log = structlog.get_logger()


class FreezeSwitch:
    """The one switch of a namespace."""

    def __init__(self, client: Client, task_queue: str) -> None:
        """`task_queue`: of the workers that keep the switch alive."""
        self._client = client
        self._queue = task_queue

    async def ensure(self) -> None:
        """Let the switch exist, off when nobody has touched it. A worker does this before it takes work."""
        await self._client.start_workflow(
            WORKFLOW,
            Freeze(),
            id=WORKFLOW_ID,
            task_queue=self._queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary="Freeze switch: stops all changes",
        )

    async def look(self) -> Freeze:
        """How the switch stands. Raises RPCError or TemporalError when it cannot be read."""
        handle = self._client.get_workflow_handle(WORKFLOW_ID)
        description = await handle.describe(rpc_timeout=timedelta(seconds=READ_SECONDS))
        unset = Freeze(frozen=True, reason="the switch has not been set up yet")
        return await description.memo_value(MEMO, default=unset, type_hint=Freeze)

    async def set(self, note: PersonNote, *, frozen: bool) -> Freeze:
        """Switch it, and wait until a worker has carried it out. Raises Failure."""
        handle: WorkflowHandle[Any, Any] = self._client.get_workflow_handle(WORKFLOW_ID)
        try:
            await handle.signal("freeze" if frozen else "thaw", note)
            state: Freeze = await handle.query(  # pyright: ignore[reportUnknownMemberType] - open in the SDK
                "state", result_type=Freeze, rpc_timeout=timedelta(seconds=CARRIED_OUT_SECONDS)
            )
        except (RPCError, TemporalError) as error:
            raise Failure(f"The freeze switch did not answer: {error}. Is a worker running?") from error
        return state


class SwitchReader:
    """`FreezeReader` for activities, which run on threads beside the client's event loop."""

    def __init__(self, switch: FreezeSwitch, loop: asyncio.AbstractEventLoop) -> None:
        self._switch = switch
        self._loop = loop

    def read(self) -> Freeze:
        """See `FreezeReader`."""
        try:
            return asyncio.run_coroutine_threadsafe(self._switch.look(), self._loop).result(READ_SECONDS + 1)
        except Exception as error:  # noqa: BLE001 - whatever keeps us from reading it, it counts as frozen
            log.error("freeze switch not readable", error=str(error))
            why = f"the freeze switch cannot be read ({type(error).__name__})"
            return Freeze(frozen=True, by="nobody", reason=why)
