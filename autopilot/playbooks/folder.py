"""Playbooks, on-call schedules and people out of a folder of YAML; changed files are taken up without a restart."""

import hashlib
import threading
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import structlog

from autopilot.incident.alert import Alert
from autopilot.incident.base import Time
from autopilot.incident.playbook import Mode, OnCall, Person, Playbook, Snapshot
from autopilot.incident.ports import Failure
from autopilot.playbooks.documents import Written, read_documents
from autopilot.playbooks.response import (
    DutyShape,
    IncidentResponseSpec,
    OnCallSpec,
    PeopleSpec,
)

log = structlog.get_logger()

DEFAULT = "default"
MAX_FILES = 200


class PlaybookError(Failure):
    """The folder cannot be used; `problems` are lines of `file:line: key: what; remedy`."""

    def __init__(self, problems: list[str]) -> None:
        """All problems at once, so that they can be mended in one go."""
        super().__init__("\n".join(problems), who="operator")
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Rules:
    """What a folder says, valid as a whole."""

    playbooks: tuple[tuple[Playbook, str], ...]
    """With the file each comes from."""
    schedules: tuple[tuple[OnCallSpec, str], ...]
    people: dict[str, Person]
    people_files: tuple[str, ...]
    digests: dict[str, str]
    """File → SHA-256."""


def _files(folder: Path) -> list[Path]:
    found = [*folder.glob("*.yaml"), *folder.glob("*.yml")]
    return sorted(p for p in found if p.is_file() and not p.name.startswith("."))


def load_rules(folder: Path) -> Rules:
    """Read and validate every file. Raises PlaybookError with every problem found."""
    if not folder.is_dir():
        raise PlaybookError([f"{folder}:1: folder: does not exist; create it or set `playbooks:` in the settings"])
    files, problems, written = _files(folder), list[str](), list[Written]()
    if len(files) > MAX_FILES:
        raise PlaybookError([f"{folder}:1: folder: has more than {MAX_FILES} files; split it"])
    digests: dict[str, str] = {}
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}:1: file: cannot be read ({error}); check its permissions and encoding")
            continue
        digests[str(path)] = hashlib.sha256(text.encode()).hexdigest()
        documents, wrong = read_documents(text, str(path))
        written += documents
        problems += wrong
    problems += _conflicts(written)
    if problems:
        raise PlaybookError(problems)
    return _rules(written, digests)


def _conflicts(written: list[Written]) -> list[str]:
    """What is wrong between documents: names used twice, people nobody knows."""
    problems: list[str] = []
    named: dict[tuple[str, str], str] = {}
    for document in written:
        key = (document.kind, document.name)
        if key in named and document.kind == "IncidentResponse":
            problems.append(
                f"{document.where}: metadata.name: {document.name!r} is already used in {named[key]}; rename one"
            )
        named.setdefault(key, document.where)
    known = {p.name for d in written if isinstance(d.spec, PeopleSpec) for p in d.spec.people}
    for document in written:
        if isinstance(document.spec, OnCallSpec):
            on_duty = {n for e in document.spec.entries for n in (e.primary, e.secondary) if n}
            problems += [
                f"{document.where}: spec.entries: nobody is called {name!r}; add him to a document of kind People"
                for name in sorted(on_duty - known)
            ]
    return problems


def _rules(written: list[Written], digests: dict[str, str]) -> Rules:
    def file(document: Written) -> str:
        return document.where.rpartition(":")[0]

    people = [p.person() for d in written if isinstance(d.spec, PeopleSpec) for p in d.spec.people]
    return Rules(
        playbooks=tuple(
            (d.spec.playbook(d.name), file(d)) for d in written if isinstance(d.spec, IncidentResponseSpec)
        ),
        schedules=tuple((d.spec, file(d)) for d in written if isinstance(d.spec, OnCallSpec)),
        people={p.name: p for p in people},
        people_files=tuple(file(d) for d in written if isinstance(d.spec, PeopleSpec)),
        digests=digests,
    )


def matching(rules: Rules, service: str) -> tuple[Playbook, str]:
    """The first playbook that names the service, else the one called `default`, else the built-in rules."""
    named = next((p for p in rules.playbooks if service in p[0].services), None)
    general = next((p for p in rules.playbooks if p[0].name == DEFAULT and not p[0].services), None)
    return named or general or (Playbook(), "")


def on_duty(rules: Rules, service: str, now: Time) -> tuple[OnCall, str]:
    """Who is on duty for a service: an entry that names it comes before one for all."""
    duties: list[tuple[DutyShape, str]] = [
        (entry, file)
        for schedule, file in rules.schedules
        for entry in schedule.entries
        if (not entry.services or service in entry.services) and entry.covers(now, schedule.zone)
    ]
    duties.sort(key=lambda duty: not duty[0].services)
    if not duties:
        note = f"Nobody is on call for {service} at {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC."
        return OnCall(note=note), ""
    duty, file = duties[0]
    return OnCall(primary=rules.people.get(duty.primary), secondary=rules.people.get(duty.secondary)), file


class PlaybookFolder:
    """The playbooks of a folder. A wrong change is refused and logged; the last good rules stay in force."""

    def __init__(self, path: Path, mode: Mode | None = None) -> None:
        """Read the folder now; `mode` overrides every playbook's. Raises PlaybookError."""
        self._path, self._mode = path, mode
        self._lock = threading.Lock()
        self._stamp = self._present()
        self._rules = load_rules(path)

    def snapshot(self, alert: Alert, now: Time) -> Snapshot:
        """See `PlaybookSource`."""
        rules = self._current()
        playbook, playbook_file = matching(rules, alert.service)
        duty, duty_file = on_duty(rules, alert.service, now)
        if self._mode is not None:
            playbook = playbook.model_copy(update={"mode": self._mode})
        used = sorted({f for f in (playbook_file, duty_file, *(rules.people_files if duty_file else ())) if f})
        together = "\n".join(f"{Path(f).name} {rules.digests[f]}" for f in used)
        stamp = hashlib.sha256(f"{together}\nmode {self._mode or ''}".encode()).hexdigest()
        return Snapshot(playbook=playbook, on_call=duty, digest=stamp)

    def _present(self) -> tuple[tuple[str, int, int], ...]:
        """What tells a changed folder from an unchanged one, without reading files."""
        stats = ((str(p), p.stat()) for p in _files(self._path)) if self._path.is_dir() else iter(())
        return tuple((name, s.st_mtime_ns, s.st_size) for name, s in stats)

    def _current(self) -> Rules:
        with self._lock:
            try:
                present = self._present()
                if present != self._stamp:
                    self._stamp = present
                    self._rules = load_rules(self._path)
                    log.info("playbooks reloaded", folder=str(self._path), files=len(present))
            except (PlaybookError, OSError) as error:
                log.error("changed playbooks refused, the last good ones stay in force", problems=str(error))
            return self._rules
