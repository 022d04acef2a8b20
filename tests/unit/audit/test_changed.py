"""Which steps count against limits: what changed something, and what may be changing something now."""

from datetime import timedelta
from pathlib import Path

import pytest

from autopilot.audit.sqlite import SqliteAudit
from autopilot.incident.audit import Entry, NoAudit, action_key
from tests.unit.incident.worlds import T0, after


def told(key: str, *outcomes: str) -> list[Entry]:
    """What the executor records of one step: each attempt begins, and ends unless its worker dies."""
    entries: list[Entry] = []
    attempt = 0
    for second, outcome in enumerate(outcomes):
        attempt += outcome == "begins"
        name = f"{action_key(key)}5/{attempt}/{outcome}"
        entries.append(Entry(key=name, at=after(second), kind="action", actor="policy", what="do", outcome=outcome))
    return entries


@pytest.mark.parametrize(
    ("outcomes", "counts"),
    [
        (("begins", "done"), True),
        (("begins", "unknown"), True),
        (("begins",), True),
        (("begins", "begins", "already"), True),
        (("begins", "begins", "done"), True),
        (("begins", "already"), False),
        (("begins", "refused"), False),
        (("begins", "changed_world"), False),
        (("begins", "frozen"), False),
        (("begins", "failed"), False),
    ],
)
def test_a_step_counts_when_it_changed_something_or_may_have(
    tmp_path: Path, outcomes: tuple[str, ...], counts: bool
) -> None:
    audit = SqliteAudit(tmp_path / "audit.db")
    audit.append(told("i/1/1/1/do", *outcomes))
    audit.append(told("i/1/1/2/do", "begins", "refused"))
    found = audit.changed(T0 - timedelta(seconds=1))
    assert [entry.outcome for entry in found] == ([outcomes[-1]] if counts else [])
    assert audit.changed(after(10)) == ()
    assert NoAudit().changed(T0) == ()
