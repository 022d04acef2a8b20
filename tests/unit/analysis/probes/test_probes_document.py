"""The page about probes tells arguments, tables and outcomes as they are."""

import re
from pathlib import Path
from typing import get_args

import pytest

from autopilot.analysis.probes.catalogue import CATALOGUE
from autopilot.incident.investigation import ProbeName, ProbeOutcome

ROOT = Path(__file__).parents[4]
TEXT = (ROOT / "docs/probes.md").read_text()
ROWS = {
    cells[0].strip("`"): [re.findall(r"`(\w+)`", cell) for cell in cells[1:]]
    for line in TEXT.split("| probe |")[1].splitlines()
    if line.startswith("| `") and len(cells := [c.strip() for c in line.strip("| ").split("|")]) == 4
}


def test_every_probe_has_its_row_and_its_paragraph() -> None:
    assert set(ROWS) == set(CATALOGUE) == set(get_args(ProbeName))
    assert all(f"\n- `{name}` " in TEXT for name in CATALOGUE)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_arguments_and_tables_are_told_as_they_are(name: ProbeName) -> None:
    arguments, tables, _ = ROWS[name]
    kind = CATALOGUE[name]
    assert arguments == [f for f in kind.arguments.model_fields if f not in ("hypothesis", "why", "service")]
    assert tuple(tables) == kind.tables
    for field in arguments:
        closed = get_args(kind.arguments.model_fields[field].annotation)
        assert all(f"`{choice}`" in TEXT for choice in closed)


def test_outcomes_are_told() -> None:
    told = {
        name
        for line in re.findall(r"^\| ((?:`\w+` ?)+) \|", TEXT, re.MULTILINE)
        for name in re.findall(r"\w+", line)
    }
    assert set(get_args(ProbeOutcome)) <= told


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_outcomes_of_a_probe_are_those_it_may_give(name: ProbeName) -> None:
    assert tuple(ROWS[name][2]) == CATALOGUE[name].outcomes
