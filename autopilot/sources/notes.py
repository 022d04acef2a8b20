"""Domain notes: what a team knows about its service, one file per service, as citable records.

Everything in a note is data: it is shown with its file and line, can be cited, and gives no orders.
"""

import time
from pathlib import Path

from autopilot.case.schema import frame
from autopilot.incident.evidence import NOTE, Scope
from autopilot.incident.ports import Failure
from autopilot.settings import Notes
from autopilot.sources.base import Budget, Collected
from autopilot.sources.note_files import MAX_FILE, NoteFile, read_note_file

MAX_FILES = 300
MAX_ROWS = 2_000
"""Of one case; the services of the scope come first."""
_ENDINGS = (".yaml", ".yml", ".md")


class NotesError(Failure):
    """The folder cannot be used; `problems` are lines of `file:line: key: what; remedy`."""

    def __init__(self, problems: list[str]) -> None:
        """All problems at once, so that they can be mended in one go."""
        super().__init__("\n".join(problems), who="operator")
        self.problems = tuple(problems)


def read_notes(folder: Path) -> list[NoteFile]:
    """Every file of a folder with its problems, by service. Raises NotesError when it cannot be read as a whole."""
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in _ENDINGS and not p.name.startswith("."))
    except OSError as error:
        remedy = "create it or correct `notes.path` in the settings"
        raise NotesError([f"{folder}:1: folder: {error.strerror or error}; {remedy}"]) from error
    if len(files) > MAX_FILES:
        raise NotesError([f"{folder}:1: folder: has more than {MAX_FILES} files; keep one per service"])
    return [_read(path) for path in files]


def check_notes(folder: Path) -> int:
    """How many entries a folder has. Raises NotesError with every problem of every file."""
    found = read_notes(folder)
    problems = [problem for one in found for problem in one.problems]
    if problems:
        raise NotesError(problems)
    return sum(len(one.entries) for one in found)


def _read(path: Path) -> NoteFile:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        problem = f"{path.name}:1: file: {error.strerror or error}; make it readable"
        return NoteFile(path.name, path.stem, problems=(problem,))
    return read_note_file(content, path.name, path.stem)


class NotesSource:
    """The notes of every service: which of them is to blame is not known when they are collected."""

    name = "notes"

    def __init__(self, settings: Notes) -> None:
        """Raises NotesError with all problems: notes that cannot be read stop the start."""
        self._folder = settings.path
        check_notes(self._folder)

    def collect(self, scope: Scope, budget: Budget, into: Collected) -> None:
        """One record per entry, read anew; a file that became wrong is a gap, the others still count."""
        budget.spend()
        started = time.monotonic()
        near = {service: place for place, service in enumerate(scope.services)}
        found = sorted(read_notes(self._folder), key=lambda one: (near.get(one.service, len(near)), one.service))
        counts: dict[str, int] = {}
        rows: list[dict[str, object]] = []
        for one in found:
            for problem in one.problems:
                into.miss("failed", problem, "Correct the file; it counts from the next incident on.")
            for entry in one.entries:
                counts[one.service] = number = counts.get(one.service, 0) + 1
                rows.append(
                    {
                        "id": f"{NOTE}:{one.service}:{number}",
                        "kind": NOTE,
                        "service": one.service,
                        "title": entry.text,
                        "body": f"{one.file}:{entry.line}",
                        "outcome": entry.kind,
                        "link": entry.url,
                    }
                )
        into.asked(f"notes in {self._folder}", None, len(rows), time.monotonic() - started)
        if len(rows) > MAX_ROWS:
            into.miss("truncated", f"{len(rows) - MAX_ROWS} of {len(rows)} notes were left out")
        into.add("records", frame("records", rows[:MAX_ROWS]))
