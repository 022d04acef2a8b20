"""A worker that keeps no run which a query moved ahead of its history."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import Client
from temporalio.worker import Worker, WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

log = structlog.get_logger()


class Progress:
    """How far a cached run was moved, and whether by events that no workflow task has started for.

    A query that waits for a worker comes with the history as it is when it is taken, and events may have followed
    the last workflow task by then. SDK Core (of temporalio 1.35) gives them to the run all the same, at the time of
    that last task, and keeps the run. When their own task starts, it is answered with what was decided too early:
    at an older time and without what else the task brings. Every later replay decides at the task's own time, and
    where that decides differently, the incident stands still with a nondeterminism error.
    """

    def __init__(self) -> None:
        self._length = 0
        self._time = (0, 0)

    def ahead(self, act: WorkflowActivation) -> bool:
        """Take note of an activation; true when it brings new events at the time of older ones."""
        if all(job.HasField("query_workflow") or job.HasField("remove_from_cache") for job in act.jobs):
            return False
        time, grown = (act.timestamp.seconds, act.timestamp.nanos), act.history_length > self._length
        stood_still = time == self._time
        self._length, self._time = act.history_length, time
        return grown and stood_still


@dataclass(frozen=True)
class _Runner(SandboxedWorkflowRunner):
    """The SDK's own runner, with an eye on the progress of every run."""

    forget: Callable[[str], None] = field(kw_only=True)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """A run as the SDK makes it; one that is ahead is forgotten as soon as the query has its answer."""
        instance = super().create_instance(det)
        progress, activate = Progress(), instance.activate

        def watched(act: WorkflowActivation) -> WorkflowActivationCompletion:
            if progress.ahead(act):
                self.forget(act.run_id)
            return activate(act)

        instance.activate = watched
        return instance


class IncidentWorker(Worker):
    """Temporal's worker, whose cached runs are never ahead of their histories."""

    def __init__(self, client: Client, **options: Any) -> None:
        """`options` are the SDK's."""
        runner = _Runner(forget=self._forget)
        super().__init__(client, workflow_runner=runner, **options)  # pyright: ignore[reportUnknownMemberType] - open in SDK

    def _forget(self, run_id: str) -> None:
        """The next task of the run replays it. The SDK can do this, but has no public name for it."""
        log.debug("a query moved a run ahead of its history", run_id=run_id)
        self._bridge_worker.request_workflow_eviction(run_id)
