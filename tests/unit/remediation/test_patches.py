"""Patches and words of drafts: exact, bounded, harmless; and no draft before what ends the incident now."""

import difflib
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from autopilot.incident.plan import ExpectedEffect
from autopilot.reasoning.planning.ranking import LATE, score
from autopilot.remediation.patches import (
    MAX_PATCH,
    Because,
    FileChange,
    branch_of,
    cited,
    code,
    editing_patch,
    proposal,
    reverting_patch,
    safe_path,
)
from autopilot.remediation.repository_changes import Setting, put_back
from autopilot.sources.diff_excerpt import FileDiff, split_patch
from autopilot.sources.git_inventory import setting_changes
from tests.unit.reasoning.test_ranking import believed
from tests.unit.remediation.story import catalogue, context, service

KEY = "incident-checkout-1.abc/2/1/3/do"


def numbered(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("seed", range(4))
def test_a_reversed_patch_gives_back_the_text_before(seed: int, tmp_path: Path) -> None:
    """Any edit: `git apply` of the reversed diff on the text after it is the text before it."""
    luck = random.Random(seed)
    before = [f"line {luck.randrange(9)} of {n}" for n in range(40)]
    after = list(before)
    for _ in range(6):
        at = luck.randrange(len(after))
        after[at : at + luck.randrange(3)] = [f"new {luck.randrange(9)}"] * luck.randrange(3)
    old, new = numbered(before), numbered(after).removesuffix("\n" if seed % 2 else "")
    (tmp_path / "x.txt").write_text(new)
    hunks = editing_patch("x.txt", old, new).partition("\n@@ ")[2]
    assert f"@@ {hunks}".count("@@") >= 2
    patch = reverting_patch([FileChange("x.txt", "modified", f"@@ {hunks}")])
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch.encode(), check=True)
    assert (tmp_path / "x.txt").read_text() == old


def test_a_rename_is_taken_back_too(tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("a\nb\n")
    patch = reverting_patch([FileChange("new.txt", "renamed", "@@ -1,2 +1,2 @@\n a\n-c\n+b", "old.txt")])
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch.encode(), check=True)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"old.txt": "a\nc\n"}


def test_what_does_not_fit_is_left_out_whole_and_said() -> None:
    big = FileChange("big.txt", "added", "@@ -0,0 +1 @@\n+" + "x" * MAX_PATCH)
    small = FileChange("small.txt", "added", "@@ -0,0 +1 @@\n+y")
    patch = reverting_patch([small, big, FileChange("image.png", "modified")])
    assert patch.count("diff --git") == 1
    assert "# 2 more files do not fit here" in patch
    assert "binary or too large" in reverting_patch([FileChange("image.png", "modified")])


def test_a_whole_diff_is_split_by_file() -> None:
    before, after = ["a\n", "b\n"], ["a\n", "c\n"]
    one = "".join(difflib.unified_diff(before, after, "a/x y.txt", "b/x y.txt"))
    whole = (
        f"diff --git a/x y.txt b/x y.txt\nindex 1..2 100644\n{one}diff --git a/z b/z\ndeleted file mode 100644\n"
    )
    whole += "--- a/z\n+++ /dev/null\n@@ -1 +0,0 @@\n-diff --git a/trap b/trap\n"
    split = split_patch(whole)
    assert set(split) == {"x y.txt", "z"}
    assert split["x y.txt"].startswith("@@ -1,2 +1,2 @@\n a\n-b")


@pytest.mark.parametrize(
    ("path", "safe"),
    [("src/a b.py", True), *((p, False) for p in ("a/../b", "/etc/passwd", ".git/config", "a\nb", ""))],
)
def test_paths_stay_inside_the_checkout(path: str, safe: bool) -> None:
    assert safe_path(path) is safe


def test_words_from_outside_mention_nobody_and_the_branch_is_made_of_the_key() -> None:
    assert code("x` @team [a](b) \u202e") == "`x' @team [a](b)`"
    because = Because(KEY, "https://autopilot.example/incidents/i", "Revert it", ("F1",))
    words = proposal("revert", "ABC/../def", 'Revert "x"', ["- `a`"], because)
    assert words.branch == branch_of("revert", "ABC/../def", KEY)
    assert words.branch.startswith("autopilot/revert-abc-def-")
    assert branch_of("revert", "abc", KEY) != branch_of("revert", "abc", KEY.replace("/3/", "/4/"))
    assert "plan 2, option 1, step 3" in words.body
    assert words.message.count("Autopilot-Key: ") == 1
    assert cited(["inventory a b; suspected by F3, F12", "inventory F9 x"]) == ("F3", "F12")


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("  max: 4", "  max: 40"),
        ('  "max": "4",', '  "max": "40",'),
        ("max = 4  # per copy", "max = 40  # per copy"),
        ("# max: 4", None),
        ("max: 41", None),
        ("max: 4 # x\nmax: 4", None),
        ("the_max: 4", None),
    ],
)
def test_a_setting_is_put_back_only_where_it_stands_literally(line: str, after: str | None) -> None:
    wanted = Setting(file="a.yaml", key="max", value="4", former="40", base="main")
    text, _, reason = put_back(f"top: 4\n{line}\nend: 4\n", wanted)
    assert text == f"top: 4\n{after or line}\nend: 4\n"
    assert bool(reason) is (after is None)


def test_only_numbers_in_settings_files_that_changed_once_are_seen() -> None:
    once = ["-max: 40", "+max: 4", "-name: a", "+name: b", "-same: 5", "+same: 5"]
    patch = "\n".join(["@@ -1,5 +1,5 @@", *once, "-twice: 1", "-twice: 2", "+twice: 3"])
    found = list(setting_changes([FileDiff("a.yaml", patch), FileDiff("a.py", patch)]))
    assert [(c.file, c.key, c.former, c.value) for c in found] == [("a.yaml", "max", "40", "4")]


def test_what_people_must_finish_ranks_behind_what_ends_the_incident_now() -> None:
    diagnosis, dossier = believed("memory")
    candidates = catalogue().candidates(context(service(), suspects=dossier.suspects))
    now = {s.key: s.score for s in score(candidates, diagnosis, dossier, {})}
    late = [replace(c, expected=ExpectedEffect(within=LATE)) for c in candidates]
    then = {s.key: s.score for s in score(late, diagnosis, dossier, {})}
    assert now
    assert all(then[key] < value - 0.3 for key, value in now.items())
