"""The page about the analysis tells the kinds of findings and the taxonomy of causes as they are."""

import re
from pathlib import Path
from typing import get_args

import autopilot.analysis
from autopilot.incident.cause import CAUSE_KINDS, CAUSE_MEANING, MECHANISMS
from autopilot.incident.finding import FindingKind

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/analysis.md").read_text()
CODE = Path(autopilot.analysis.__file__).parent


def test_taxonomy_is_told_as_it_is() -> None:
    kinds = {f"| `{kind}` | | {CAUSE_MEANING[kind]} |" for kind in CAUSE_KINDS}
    mechanisms = {f"| `{kind}` | `{name}` | {meaning} |" for name, (kind, meaning) in MECHANISMS.items()}
    told = TEXT.split("| kind | mechanism | meaning |")[1].splitlines()
    assert {line for line in told if line.startswith("| `")} == kinds | mechanisms


def test_every_kind_of_finding_is_told_with_modules_that_exist() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \| [^|]+ \|$", TEXT, re.MULTILINE)
    assert {kind for kind, _ in rows} == set(get_args(FindingKind))
    modules = {name for _, cell in rows for name in re.findall(r"`([\w/]+)`", cell)}
    assert {name for name in modules if not ((CODE / f"{name}.py").exists() or (CODE / name).is_dir())} == set()
