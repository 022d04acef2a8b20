"""Replays histories with the workflow that is importable here: `python -m tests.replay.replaying FILE…`.

Prints one JSON object: file name → the kind of error, or an empty text.
"""

import asyncio
import json
import sys
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from workflows.incident import IncidentWorkflow


async def replay(history: WorkflowHistory) -> Exception | None:
    """What speaks against the workflow taking this history's road; None when nothing does."""
    replayer = Replayer(workflows=[IncidentWorkflow], data_converter=pydantic_data_converter)
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return result.replay_failure


def read(file: Path) -> WorkflowHistory:
    """A recorded history."""
    text = file.read_text()
    return WorkflowHistory.from_json(json.loads(text)["workflowId"], text)


async def _all(recorded: dict[str, WorkflowHistory]) -> dict[str, str]:
    failures = {name: await replay(history) for name, history in recorded.items()}
    return {name: type(failure).__name__ if failure else "" for name, failure in failures.items()}


if __name__ == "__main__":
    named = [Path(name) for name in sys.argv[1:]]
    sys.stdout.write(json.dumps(asyncio.run(_all({file.name: read(file) for file in named}))) + "\n")
