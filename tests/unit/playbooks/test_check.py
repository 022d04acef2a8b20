"""`check`: what others write passes, and every mistake is told with its line and what to do."""

import argparse
import json
import re
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autopilot.playbooks.checking import check
from autopilot.playbooks.schema import playbook_schema, text
from cli import check as command_module
from cli.main import EXIT_FAILED
from tests.unit.playbooks.documents import RESPONSE, SCHEDULE, SUNDAY, write
from tests.unit.playbooks.mistakes import MISTAKES, Mistake, changed

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("document", [RESPONSE, SCHEDULE])
def test_documents_of_others_pass_each_by_itself_and_by_schema(tmp_path: Path, document: str) -> None:
    found = check(write(tmp_path, one=document), SUNDAY)
    assert [str(problem) for problem in found.problems] == []
    values = json.loads(json.dumps(yaml.safe_load(document), default=str))
    jsonschema.validate(values, playbook_schema())


def test_both_pass_together_as_folder_and_as_file(tmp_path: Path) -> None:
    folder = write(tmp_path, response=RESPONSE, schedule=SCHEDULE)
    assert check(folder, SUNDAY).problems == ()
    assert check(folder / "response.yaml", SUNDAY).problems == ()
    assert [w.kind for w in check(folder, SUNDAY).rules.written] == ["IncidentResponse", "ConfigMap", "ConfigMap"]


def test_what_has_no_effect_or_another_one_is_said(tmp_path: Path) -> None:
    advise = RESPONSE.replace("mode: autonomous", "mode: advise").replace("gitHub", "prometheus")
    notes = check(write(tmp_path, one=advise, two=SCHEDULE), SUNDAY).notes
    lines = {note.key: note.line for note in notes}
    written = advise.splitlines()
    for key, word in (
        ("apiVersion", "apiVersion"), ("spec.actions.autoRollback", "autoRollback"),
        ("spec.actions.grants", "grants"),
        ("spec.actions.autoScale.0.targetCPU", "targetCPU"), ("spec.analysis.model", "model: gpt-4o"),
        ("spec.notifications.channels", "channels"), ("spec.actions.escalation", "escalation"),
    ):  # fmt: skip
        assert word in written[lines[key] - 1], key
    whole = "\n".join(map(str, notes))
    assert "with `mode: autonomous` it is a grant" in whole
    assert "'prometheus' is no source here" in whole
    assert "'kim' can be named, but neither asked nor paged" in whole
    assert "is asked of pagerduty" in whole


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_every_mistake_has_its_line_and_remedy(tmp_path: Path, mistake: Mistake) -> None:
    problems = check(write(tmp_path, bad=mistake.document), SUNDAY).problems
    assert len(problems) == 1, [*map(str, problems)]
    assert (problems[0].line, problems[0].file) == (mistake.line, str(tmp_path / "bad.yaml")), str(problems[0])
    assert mistake.key in problems[0].key, str(problems[0])
    assert mistake.remedy in problems[0].remedy, str(problems[0])


def test_twenty_five_mistakes_at_least() -> None:
    assert len({mistake.document for mistake in MISTAKES}) >= 25


HOSTILE = [
    ("aliases", "a: &a [x, x]\nb: [*a, *a]\n", 1, "anchor"),
    ("deep lists", "a: " + "[" * 5_000 + "]" * 5_000, 1, "nested deeper"),
    ("deep mappings", "".join(f"{' ' * n}a:\n" for n in range(500)), 21, "nested deeper"),
    ("many values", "a:\n" + "- 1\n" * 30_000, 19_999, "values"),
    ("large", "# " + "x" * 300_000, 1, "bytes"),
    ("objects", "kind: !!python/object/apply:os.system [exit]\n", 1, "uses a tag"),
    ("no time", "kind: !!timestamp soon\n", 1, "uses a tag"),
    ("numbers", "kind: " + "9" * 5_000, 1, "digits"),
    ("bytes", "kind: \x07\n", 1, "special characters"),
]


@pytest.mark.parametrize(("name", "document", "line", "what"), HOSTILE, ids=[h[0] for h in HOSTILE])
@pytest.mark.parametrize("inside", [False, True])
def test_hostile_yaml_is_refused_quickly(
    tmp_path: Path, name: str, document: str, line: int, what: str, inside: bool
) -> None:
    embedded = "kind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: |\n" + "".join(
        f"    {row}\n" for row in document.splitlines()
    )
    shift = 4 if inside and name not in ("large", "bytes") else 0
    start = time.monotonic()
    problems = check(write(tmp_path, bad=embedded if inside else document), SUNDAY).problems
    assert time.monotonic() - start < 10
    assert problems[0].line == line + shift, str(problems[0])
    assert what in str(problems[0])


ODD = (
    "~", "[]", "{}", "-1", "1e999", ".nan", "'", "|", "? a", "9999-99-99", "2026-11-18T99:99", "0001-01-01",
    "\u202e", "\t", "---", "22:99", "true", "99999999999999999999", "{a: {b: [1]}}", "[[1]]", "<<: {a: 1}",
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=st.sampled_from((RESPONSE, SCHEDULE)), line=st.integers(0, 60), value=st.sampled_from(ODD))
def test_an_odd_value_anywhere_is_a_problem_or_none_but_never_a_failure(
    tmp_path: Path, document: str, line: int, value: str
) -> None:
    rows = document.splitlines()
    place = line % len(rows)
    rows[place] = f"{rows[place].partition(':')[0]}: {value}"
    found = check(write(tmp_path, odd="\n".join(rows)), SUNDAY)
    for problem in (*found.problems, *found.notes):
        assert 1 <= problem.line <= len(rows) + 1
        assert problem.what
        assert problem.remedy


def command(*arguments: str) -> int:
    """`check` with these arguments; its exit code."""
    parser = argparse.ArgumentParser()
    command_module.configure(parser)
    return command_module.run(parser.parse_args(arguments))


def test_the_command_tells_people_and_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, good=RESPONSE)
    assert command(str(tmp_path), "--json") == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["ok"]
    assert said["documents"] == [
        {"kind": "IncidentResponse", "name": "checkout-errors", "file": str(tmp_path / "good.yaml"), "line": 1}
    ]
    write(tmp_path, bad="kind: IncidentResponse\nmetadata: {name: x}\nspec:\n  mode: yolo\n")
    assert command(str(tmp_path)) == EXIT_FAILED
    assert f"{tmp_path / 'bad.yaml'}:4: spec.mode: " in capsys.readouterr().out


def test_the_days_that_are_looked_at_are_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one_week = "kind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: '[{week: 2026-11-18, primary: kim}]'\n"
    where = str(write(tmp_path, a=one_week))
    wanted = {"2026-11-18": {"7": 0, "8": 1}, "2026-11-17": {"1": 1, "0": 0}}
    for since, days in wanted.items():
        for number, code in days.items():
            said = command(where, "--from", since, "--days", number)
            assert said == code, (since, number)
    assert "from 2026-11-25 00:00 to 2026-11-26 00:00 (UTC)" in capsys.readouterr().out


def test_the_commit_is_stamped_only_while_files_are_as_committed(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        settings = ["-c", "user.name=kim", "-c", "user.email=kim@example.com", "-c", "commit.gpgsign=false"]
        said = subprocess.run(
            ["git", *settings, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return said.stdout.strip()

    assert check(write(tmp_path, a=RESPONSE), SUNDAY).rules.commit == ""
    git("init", "-q")
    assert check(tmp_path, SUNDAY).rules.commit == ""
    git("add", "a.yaml")
    git("commit", "-qm", "rules")
    assert check(tmp_path, SUNDAY).rules.commit == git("rev-parse", "HEAD")
    (tmp_path / "a.yaml").write_text(RESPONSE + "# changed\n")
    assert check(tmp_path, SUNDAY).rules.commit == ""


def test_the_published_schema_is_current() -> None:
    assert (ROOT / "docs" / "playbook.schema.json").read_text() == text(), "run `make schema`"


def test_the_schema_refuses_what_check_refuses() -> None:
    for before, after in (
        ("mode: autonomous", "mode: yolo"),
        ("targetCPU: 70%", "targetCPU: hot"),
        ("people: 2}", "people: 9}"),
    ):
        values = json.loads(json.dumps(yaml.safe_load(changed(RESPONSE, before, after)), default=str))
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(values, playbook_schema())


def test_shipped_examples_have_no_problem_for_a_year() -> None:
    for days in range(0, 365, 90):
        assert check(ROOT / "playbooks", datetime.now(UTC) + timedelta(days=days)).problems == ()


def test_every_commented_key_of_the_examples_is_a_real_one(tmp_path: Path) -> None:
    """Lines such as `# quietHours:` and the items below them are what people uncomment."""
    commented = re.compile(r"^( +)# ( *(?:- )?(?:[{]?[a-z]\w*:(?: .*)?))$")
    for file in sorted((ROOT / "playbooks").glob("*.yaml")):
        rows = [commented.sub(r"\1\2", row) for row in file.read_text().splitlines()]
        (tmp_path / file.name).write_text("\n".join(rows))
    found = check(tmp_path, SUNDAY)
    assert [str(problem) for problem in found.problems] == []
    told = {note.key for note in found.notes}
    assert {"spec.actions.autoRollback", "spec.actions.grants", "spec.actions.quietHours"} <= told
