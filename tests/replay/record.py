"""Record the histories anew: `python -m tests.replay.record`, after a change of the workflow that is meant."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import TYPES
from starter import Incidents
from tests.conftest import temporal_binary
from tests.replay.scenarios import SCENARIOS, Scenario, histories
from tests.workflow.conftest import Bench, make_worker
from tests.workflow.fakes import FakeWorld

FOLDER = Path(__file__).with_name("histories")
IDENTITY = "recorded"
"""Instead of process and host, which nobody needs to know."""


def written(history: WorkflowHistory) -> str:
    """One event per line.

    Without the stack traces of failures, which hold paths of the machine, and without what activities were given,
    which replay does not look at and which makes most of the size.
    """
    events: list[Any] = json.loads(history.to_json())["events"]
    for event in events:
        event.get("activityTaskScheduledEventAttributes", {}).pop("input", None)
    lines = ",\n".join(json.dumps(_without_traces(event), sort_keys=True) for event in events)
    return f'{{"workflowId": {json.dumps(history.workflow_id)}, "events": [\n{lines}\n]}}\n'


def _without_traces(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {k: _without_traces(v) for k, v in value.items() if k != "stackTrace"}
    return [_without_traces(v) for v in value] if isinstance(value, list) else value


async def record(environment: WorkflowEnvironment, scenario: Scenario) -> None:
    """Run one scenario in a world of its own and keep its runs."""
    queue = f"replay-{scenario.__name__}"
    world = FakeWorld()
    async with make_worker(environment.client, world, queue, identity=IDENTITY):
        bench = Bench(environment.client, world, queue, Incidents(environment.client, queue))
        for number, history in enumerate(await histories(scenario, bench), start=1):
            (FOLDER / f"{scenario.__name__}-{number}.json").write_text(written(history))


async def main(wanted: set[str]) -> None:
    """Record everything, or what is named."""
    FOLDER.mkdir(exist_ok=True)
    attributes = [arg for name, kind in TYPES.items() for arg in ("--search-attribute", f"{name}={kind}")]
    async with await WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType] - open in the SDK
        dev_server_existing_path=temporal_binary(),
        ip="127.0.0.1",
        data_converter=pydantic_data_converter,
        identity=IDENTITY,
        dev_server_log_level="error",
        dev_server_extra_args=attributes,
    ) as environment:
        for scenario in SCENARIOS:
            if not wanted or scenario.__name__ in wanted:
                for old in FOLDER.glob(f"{scenario.__name__}-*.json"):
                    old.unlink()
                await record(environment, scenario)
                sys.stdout.write(f"{scenario.__name__}\n")


if __name__ == "__main__":
    asyncio.run(main(set(sys.argv[1:])))
