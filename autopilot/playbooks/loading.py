"""Reading a folder of YAML, or one file: every problem at once, or rules that are valid as a whole."""

import hashlib
from pathlib import Path

from autopilot.playbooks.checkout import commit_of, repository_of
from autopilot.playbooks.code_owners import code_owners_in, read_code_owners
from autopilot.playbooks.conflicts import conflicts
from autopilot.playbooks.documents import read_documents
from autopilot.playbooks.problem import PlaybookError, Problem
from autopilot.playbooks.rules import Rules
from autopilot.playbooks.written import Written

MAX_FILES = 200


def files_of(path: Path) -> list[Path]:
    """The files of a folder, or the file itself. Subfolders are somebody else's."""
    if path.is_file():
        return [path]
    found = [*path.glob("*.yaml"), *path.glob("*.yml")]
    return sorted(p for p in found if p.is_file() and not p.name.startswith("."))


def watched(path: Path) -> list[Path]:
    """What rules depend on: their files, CODEOWNERS, and the log of commits of their checkout."""
    folder = path if path.is_dir() else path.parent
    root = repository_of(folder)
    besides = (code_owners_in(folder, root), root / ".git" / "logs" / "HEAD" if root else None)
    return [*files_of(path), *(file for file in besides if file is not None and file.is_file())]


def read_rules(path: Path) -> tuple[Rules, list[Problem]]:
    """Read and validate every file: what is valid, and every problem that was found."""
    if not path.exists():
        remedy = "create it or set `playbooks:` in the settings"
        return Rules((), {}), [Problem(str(path), 1, "folder", "does not exist", remedy)]
    files = files_of(path)
    if len(files) > MAX_FILES:
        return Rules((), {}), [Problem(str(path), 1, "folder", f"has more than {MAX_FILES} files", "split it")]
    digests, written, problems = dict[str, str](), list[Written](), list[Problem]()
    for file in files:
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            what = f"cannot be read ({type(error).__name__})"
            problems.append(Problem(str(file), 1, "file", what, "check its permissions and save it as UTF-8"))
            continue
        digests[str(file)] = hashlib.sha256(text.encode()).hexdigest()
        found, wrong = read_documents(text, str(file))
        written += found
        problems += wrong
    folder = path if path.is_dir() else path.parent
    owners, wrong = read_code_owners(folder, repository_of(folder))
    if owners is not None:
        digests[owners.file] = owners.sha256
    rules = Rules(tuple(written), digests, owners, commit_of(folder, files))
    return rules, [*problems, *wrong, *conflicts(rules)]


def load_rules(folder: Path) -> Rules:
    """Read and validate a folder. Raises PlaybookError with every problem found."""
    rules, problems = read_rules(folder)
    if problems:
        raise PlaybookError(problems)
    return rules
