"""Recorded incidents take the same road with today's workflow; a reordered command does not go unseen."""

import asyncio
import base64
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.replay.record import FOLDER
from tests.replay.replaying import read, replay
from tests.replay.scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(FOLDER.glob("*.json"))


def test_every_scenario_is_recorded_and_nothing_else() -> None:
    assert {file.stem.rpartition("-")[0] for file in FILES} == {scenario.__name__ for scenario in SCENARIOS}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_recorded_incident_replays(file: Path) -> None:
    assert await replay(read(file)) is None


def _payloads(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "data" and isinstance(item, str):
                yield base64.b64decode(item).decode(errors="replace")
            else:
                yield from _payloads(item)
    elif isinstance(value, list):
        for item in value:
            yield from _payloads(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_recorded_incident_tells_nothing_about_the_machine(file: Path) -> None:
    told = "\n".join(_payloads(json.loads(file.read_text())))
    assert not re.findall(r"\b\d+@\S+|(?:/root|/home|/work|/Users)/\S+|\w+\.py\b", told)


SWAPS = {
    "the ticket after the page": (
        "workflows/incident.py",
        '        await self._people.ticket("handover")\n',
        "        await self._people.page(\n"
        '            on_call.primary if on_call else None, "owner", f"Over to you: {self._state.alert.title}"\n'
        "        )\n",
        "manual-1.json",
    ),
    "the message before the changes it tells": (
        "workflows/incident.py",
        "        await self._context.recent_changes()\n",
        '        await self._people.show("first message: the raw alert and the last changes")\n',
        "approved-1.json",
    ),
}


async def _replayed_by(folder: Path, *names: str) -> dict[str, str]:
    """Replay in a process that finds the workflows of `folder` first."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.replay.replaying", *(str(FOLDER / name) for name in names),
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}, cwd=folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, said = await process.communicate()
    assert process.returncode == 0, said.decode()[-2_000:]
    return json.loads(out.decode().splitlines()[-1])


async def test_a_copy_of_the_workflow_replays(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "workflows", tmp_path / "workflows")
    assert await _replayed_by(tmp_path, "approved-1.json", "manual-1.json") == {
        "approved-1.json": "", "manual-1.json": "",
    }  # fmt: skip


@pytest.mark.parametrize("swap", SWAPS)
async def test_a_reordered_command_fails_the_replay(swap: str, tmp_path: Path) -> None:
    name, first, second, recorded = SWAPS[swap]
    shutil.copytree(ROOT / "workflows", tmp_path / "workflows")
    text = (tmp_path / name).read_text()
    assert text.count(first) == text.count(second) == 1, "the swapped lines have changed: choose them anew"
    swapped = text.replace(second, "").replace(first, second + first)
    (tmp_path / name).write_text(swapped)
    assert await _replayed_by(tmp_path, recorded) == {recorded: "NondeterminismError"}
