"""Playbook folders: what applies to whom and when, and errors a person can act on."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autopilot.incident.alert import Alert
from autopilot.playbooks.folder import PlaybookFolder
from autopilot.playbooks.problem import PlaybookError

NOW = datetime(2026, 11, 18, 3, 15, tzinfo=UTC)  # a Wednesday

PEOPLE = """\
kind: People
metadata: {name: all}
spec:
  people:
    - {name: kim, slack: U1}
    - {name: noor, slack: U2, pager: P2}
"""


def _alert(service: str = "checkout") -> Alert:
    return Alert(source="test", external_id="1", title="slow", service=service, started_at=NOW, received_at=NOW)


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_shipped_examples_are_valid_and_cover_any_moment() -> None:
    folder = PlaybookFolder(Path("playbooks"))
    for days in (0, 7, 14, 400):
        snapshot = folder.snapshot(_alert(), NOW + timedelta(days=days))
        assert snapshot.playbook.mode == "advise"
        assert not snapshot.playbook.accept_unproven
        assert snapshot.playbook.windows.baseline == 10_800
        assert snapshot.on_call.primary is not None
        assert snapshot.on_call.secondary is not None


def test_durations_grants_and_modes_arrive_in_the_domain(tmp_path: Path) -> None:
    _write(tmp_path, p="""\
kind: IncidentResponse
metadata: {name: fast}
spec:
  mode: autonomous
  triggers: {services: [checkout]}
  analysis: {agentEnabled: false, maxRounds: 2, windows: {baseline: 1h30m, incident: 600}}
  approvers: [anyone]
  acceptUnproven: true
  ladder: {remind: 500ms, pageSecondary: 2s, handOver: 4}
  verification: {settle: 0}
  actions:
    grants: [{tool: dynamodb.set_capacity, services: [orders], maxRisk: medium}]
    createTicket: {priority: critical}
""")  # fmt: skip
    playbook = PlaybookFolder(tmp_path).snapshot(_alert(), NOW).playbook
    assert (playbook.windows.baseline, playbook.windows.incident) == (5_400, 600)
    assert (playbook.ladder.remind, playbook.ladder.page_secondary, playbook.ladder.hand_over) == (0.5, 2, 4)
    assert playbook.verification.settle == 0
    assert playbook.grants[0].max_risk == "medium"
    assert (playbook.agent_enabled, playbook.accept_unproven, playbook.ticket_priority) == (False, True, "critical")


def test_playbook_of_the_service_then_default_then_built_in(tmp_path: Path) -> None:
    def text(name: str, services: str) -> str:
        return f"kind: IncidentResponse\nmetadata: {{name: {name}}}\nspec: {{triggers: {{services: {services}}}}}\n"

    assert PlaybookFolder(tmp_path).snapshot(_alert(), NOW).playbook.mode == "advise"
    folder = PlaybookFolder(_write(tmp_path, a=text("default", "[]"), b=text("shop", "[checkout]")))
    assert folder.snapshot(_alert("checkout"), NOW).playbook.name == "shop"
    assert folder.snapshot(_alert("other"), NOW).playbook.name == "default"


def test_settings_mode_overrides_and_changes_the_digest(tmp_path: Path) -> None:
    plain = PlaybookFolder(tmp_path).snapshot(_alert(), NOW)
    observing = PlaybookFolder(tmp_path, mode="observe").snapshot(_alert(), NOW)
    assert observing.playbook.mode == "observe"
    assert observing.digest != plain.digest


SCHEDULE = """\
kind: OnCallSchedule
metadata: {name: shop}
spec:
  timezone: Europe/Berlin
  entries:
    - {week: 2026-11-16, primary: kim, secondary: noor}
    - {week: 2026-11-23, repeatWeeks: 2, primary: noor}
    - {from: 2026-11-18T00:00:00Z, to: 2026-11-19T00:00:00Z, primary: noor, services: [orders]}
"""


@pytest.mark.parametrize(
    ("service", "at", "primary"),
    [
        ("checkout", NOW, "kim"),
        ("orders", NOW, "noor"),
        ("checkout", datetime(2026, 11, 15, 22, 59, tzinfo=UTC), None),
        ("checkout", datetime(2026, 11, 15, 23, 1, tzinfo=UTC), "kim"),  # midnight in Berlin
        ("checkout", datetime(2026, 11, 25, tzinfo=UTC), "noor"),
        ("checkout", datetime(2026, 12, 2, tzinfo=UTC), None),
        ("checkout", datetime(2026, 12, 9, tzinfo=UTC), "noor"),
    ],
)
def test_schedule_covers_weeks_spans_and_services(
    tmp_path: Path, service: str, at: datetime, primary: str | None
) -> None:
    duty = PlaybookFolder(_write(tmp_path, people=PEOPLE, schedule=SCHEDULE)).snapshot(_alert(service), at).on_call
    assert (duty.primary.name if duty.primary else None) == primary
    assert bool(duty.note) is (primary is None)


BROKEN = [
    ("kind: IncidentResponse\nmetadata: {name: x}\nspec:\n  mod: observe\n", 4, "spec.mod", "'mode'"),
    ("kind: IncidentResponse\nmetadata: {name: x}\nspec:\n  mode: yolo\n", 4, "spec.mode", "'advise'"),
    ("kind: IncidentResponse\nmetadata: {}\nspec: {}\n", 2, "metadata.name", "add `name:`"),
    ("kind: IncidentResponse\nmetadata: {name: x}\nspec:\n  ladder:\n    remind: soon\n",
     5, "spec.ladder.remind", "30s"),
    ("kind: IncidentResponse\nmetadata: {name: x}\nspec:\n  analysis:\n    maxRound: 2\n",
     5, "maxRound", "maxRounds"),
    ("kind: IncidentResponse\nmetadata: {name: x}\nspec:\n  mode: observe\n  mode: advise\n", 5, "mode", "twice"),
    ("kind: Playbook\nmetadata: {name: x}\n", 1, "kind", "IncidentResponse"),
    ("kind: IncidentResponse\nmetadata: {name: x\n", 3, "YAML", "indentation"),
    ("- 1\n", 1, "document", "mapping"),
    ("kind: OnCallSchedule\nmetadata: {name: x}\nspec:\n  entries:\n    - {primary: kim}\n",
     5, "entries.0.primary", "'kim'"),
    ("kind: OnCallSchedule\nmetadata: {name: x}\nspec:\n  timezone: Mars/Base\n  entries: [{primary: kim}]\n",
     4, "spec.timezone", "Europe/Berlin"),
    ("kind: IncidentResponse\nmetadata: {name: x}\nspec:\n  actions:\n    grants:\n      - tool: a.b\n"
     "        maxRisk: huge\n", 7, "spec.actions.grants.0.maxRisk", "'low'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "remedy"), BROKEN)
def test_errors_name_file_line_key_and_remedy(tmp_path: Path, text: str, line: int, key: str, remedy: str) -> None:
    with pytest.raises(PlaybookError) as caught:
        PlaybookFolder(_write(tmp_path, bad=text))
    assert len(caught.value.problems) == 1
    problem = caught.value.problems[0]
    assert problem.startswith(f"{tmp_path / 'bad.yaml'}:{line}: ")
    assert key in problem
    assert remedy in problem
    assert caught.value.who == "operator"


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    _write(tmp_path, a=BROKEN[0][0], b=BROKEN[1][0] + "---\n" + BROKEN[6][0])
    with pytest.raises(PlaybookError) as caught:
        PlaybookFolder(tmp_path)
    assert [p.split(":")[1] for p in caught.value.problems] == ["4", "4", "6"]


def test_same_playbook_name_twice_is_refused(tmp_path: Path) -> None:
    text = "kind: IncidentResponse\nmetadata: {name: x}\nspec: {}\n"
    with pytest.raises(PlaybookError, match="already used"):
        PlaybookFolder(_write(tmp_path, a=text, b=text))


def test_changed_file_is_taken_up_and_a_broken_change_is_not(tmp_path: Path) -> None:
    good = "kind: IncidentResponse\nmetadata: {{name: default}}\nspec: {{mode: {mode}}}\n"
    folder = PlaybookFolder(_write(tmp_path, p=good.format(mode="advise")))
    first = folder.snapshot(_alert(), NOW)
    _write(tmp_path, p=good.format(mode="observe"))
    second = folder.snapshot(_alert(), NOW)
    assert second.playbook.mode == "observe"
    assert second.digest != first.digest
    _write(tmp_path, p="kind: IncidentResponse\nmetadata: {name: default}\nspec: {mode: nonsense}\n")
    assert folder.snapshot(_alert(), NOW) == second
    _write(tmp_path, p=good.format(mode="autonomous"))
    assert folder.snapshot(_alert(), NOW).playbook.mode == "autonomous"


def test_digest_depends_on_content_not_on_place_or_time(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for place in (one, two):
        place.mkdir()
        _write(place, people=PEOPLE, schedule=SCHEDULE)
    os.utime(two / "people.yaml", (1, 1))
    assert PlaybookFolder(one).snapshot(_alert(), NOW).digest == PlaybookFolder(two).snapshot(_alert(), NOW).digest


def test_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PlaybookError, match="create it or set `playbooks:`"):
        PlaybookFolder(tmp_path / "none")


def test_code_owners_are_taken_up_without_a_restart(tmp_path: Path) -> None:
    folder = PlaybookFolder(_write(tmp_path, people=PEOPLE))
    assert folder.owner("orders", (), (), NOW) is None
    (tmp_path / "CODEOWNERS").write_text("/orders/ @kim\n")
    owner = folder.owner("orders", (), (), NOW)
    assert owner is not None
    assert owner.found == "code owner of orders (CODEOWNERS line 1: /orders/)"
    assert owner.person is not None
    assert owner.person.slack == "U1"


def test_a_bare_number_is_no_time(tmp_path: Path) -> None:
    text = SCHEDULE.replace("from: 2026-11-18T00:00:00Z", "from: 20261118")
    with pytest.raises(PlaybookError, match=r"schedule.yaml:8: spec.entries.2.from: .*; write it as 2026-01-31T08"):
        PlaybookFolder(_write(tmp_path, people=PEOPLE, schedule=text))
