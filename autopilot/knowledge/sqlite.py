"""The knowledge base in one SQLite file: safe from several threads and processes on one machine."""

import re
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from autopilot.incident.cause import CauseKind
from autopilot.incident.ports import Failure
from autopilot.incident.state import IncidentState
from autopilot.incident.track_record import LATEST, Experience, Move
from autopilot.knowledge import calibration
from autopilot.knowledge.base import Feedback, Lesson, Similar, lesson_of
from autopilot.knowledge.calibration import LEAST_OUTCOMES, Mapped
from autopilot.knowledge.experience import experiences
from autopilot.knowledge.outcomes import Aims, KnownOutcome, outcomes
from autopilot.knowledge.schema import VERSION, bring_up_to_date, version_of

BUSY = 10.0
"""Seconds to wait for another writer."""
MAX_WORDS = 40
_OF_INCIDENT = ("lesson", "tool_outcome", "lesson_text", "cause_outcome", "feedback", "experience")
"""Tables that speak of one incident: remembering it again replaces its rows."""


class KnowledgeBase:
    """Past incidents, how often a tool helped, and who calls whom."""

    def __init__(self, path: Path) -> None:
        """Create the file when it does not exist. Raises Failure(operator) when it cannot be used."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error
        with self._transaction() as db:
            if version_of(db) > VERSION:
                raise Failure(
                    f"The knowledge base {str(path)!r} was written by a newer version; update this one.",
                    who="operator",
                )
            bring_up_to_date(db)

    def remember(
        self, state: IncidentState, aims: Aims | None = None, learned: Sequence[Experience] | None = None
    ) -> None:
        """Record the outcome of an incident; recording it again replaces what was known of it. Raises Failure.

        Args:
            state: The closed incident.
            aims: What each tool helps against; without it no diagnosis is known to have been right.
            learned: What became of its tools; None: what the state alone tells.
        """
        known = outcomes(state, aims or {})
        learned = experiences(state, aims) if learned is None else learned
        lesson = lesson_of(state, known)
        with self._transaction() as db:
            touched = _kinds_of(db, lesson.incident_id) | {outcome.cause_kind for outcome in known}
            for table in _OF_INCIDENT:
                db.execute(f"DELETE FROM {table} WHERE incident_id = ?", (lesson.incident_id,))  # noqa: S608  # our names
            _insert(db, lesson, known)
            _insert_experiences(db, learned)
        self._calibrate(touched)

    def _calibrate(self, kinds: Iterable[str]) -> None:
        """Fit the maps of some kinds of cause anew; below the least outcomes there is none."""
        with self._transaction(write=False) as db:
            enough = any(len(_outcomes_of(db, kind)) >= LEAST_OUTCOMES for kind in kinds)
        if enough:
            calibration.load()  # takes seconds once: never while other writers wait
        with self._transaction() as db:
            for kind in kinds:
                db.execute("DELETE FROM calibration WHERE kind = ?", (kind,))
                rows = _outcomes_of(db, kind)
                if len(rows) >= LEAST_OUTCOMES:
                    fitted = calibration.fit([row[0] for row in rows], [row[1] for row in rows])
                    values = (kind, fitted.stored(), len(rows))
                    db.execute("INSERT INTO calibration VALUES (?, ?, ?)", values)

    def similar(self, services: Sequence[str], signature: str, text: str, limit: int = 5) -> list[Similar]:
        """Past incidents that look alike, best first: same signature, same service, shared words.

        Raises Failure.
        """
        found: dict[str, Similar] = {}
        wide = limit * 4  # what helped comes first, also when it is older
        with self._transaction(write=False) as db:
            if signature:
                rows = db.execute(
                    "SELECT body FROM lesson WHERE signature = ? ORDER BY at DESC LIMIT ?", (signature, wide)
                )
                _keep(found, (_similar(r[0], "signature", 1.0) for r in rows))
            for service in services:
                rows = db.execute(
                    "SELECT body FROM lesson WHERE service = ? ORDER BY at DESC LIMIT ?", (service, wide)
                )
                _keep(found, (_similar(r[0], "service", 0.6) for r in rows))
            if words := _words(text):
                rows = db.execute(
                    "SELECT body, bm25(lesson_text) FROM lesson_text JOIN lesson USING (incident_id) "
                    "WHERE lesson_text MATCH ? ORDER BY bm25(lesson_text) LIMIT ?",
                    (words, wide),
                )
                _keep(found, (_similar(r[0], "text", _relevance(r[1])) for r in rows))
        best = sorted(found.values(), key=lambda s: (s.score, s.lesson.at), reverse=True)
        return best[:limit]

    def track_record(self, service: str, tool: str) -> tuple[int, int]:
        """How often a tool worked for a service, and how often it was tried. Raises Failure."""
        with self._transaction(write=False) as db:
            row = db.execute(
                "SELECT COALESCE(SUM(worked), 0), COUNT(*) FROM tool_outcome WHERE service = ? AND tool = ?",
                (service, tool),
            ).fetchone()
        return int(row[0]), int(row[1])

    def experiences(self, environment: str, move: Move) -> tuple[Experience, ...]:
        """See `Experiences`."""
        with self._transaction(write=False) as db:
            rows = db.execute(
                "SELECT body FROM experience WHERE environment = ? AND service = ? AND tool = ? "
                "ORDER BY at DESC, rowid DESC LIMIT ?",
                (environment, move.service, move.tool, LATEST),
            ).fetchall()
        return tuple(Experience.model_validate_json(body) for (body,) in reversed(rows))

    def all_experiences(self, environment: str) -> tuple[Experience, ...]:
        """Every experience of an environment, oldest first. Raises Failure."""
        with self._transaction(write=False) as db:
            query = "SELECT body FROM experience WHERE environment = ? ORDER BY at, rowid"
            rows = db.execute(query, (environment,)).fetchall()
        return tuple(Experience.model_validate_json(body) for (body,) in rows)

    def calibrated(self, kind: CauseKind, confidence: float) -> tuple[float | None, int]:
        """How often such a confidence in that kind of cause was right here, and from how many known outcomes.

        The share is None below 30 outcomes of the kind. Raises Failure.
        """
        with self._transaction(write=False) as db:
            row = db.execute("SELECT points FROM calibration WHERE kind = ?", (kind,)).fetchone()
            count = int(db.execute("SELECT COUNT(*) FROM cause_outcome WHERE kind = ?", (kind,)).fetchone()[0])
        if row is None or count < LEAST_OUTCOMES:
            return None, count
        return Mapped.read(str(row[0])).share(confidence), count

    def feedback(self, services: Sequence[str], limit: int = 5) -> list[Feedback]:
        """What people said of analyses about some services, newest first. Raises Failure."""
        found: list[tuple[float, Feedback]] = []
        with self._transaction(write=False) as db:
            for service in services:
                rows = db.execute(
                    "SELECT at, body FROM feedback WHERE service = ? ORDER BY at DESC LIMIT ?", (service, limit)
                )
                found += [(float(at), Feedback.model_validate_json(body)) for at, body in rows]
        return [one for _, one in sorted(found, key=lambda pair: -pair[0])[:limit]]

    def save_edges(self, environment: str, edges: Iterable[tuple[str, str]]) -> None:
        """Remember who calls whom (caller, callee); known pairs are refreshed. Raises Failure."""
        now = datetime.now(UTC).timestamp()
        with self._transaction() as db:
            db.executemany(
                "INSERT INTO edge VALUES (?, ?, ?, ?) "
                "ON CONFLICT (environment, caller, callee) DO UPDATE SET seen = excluded.seen",
                [(environment, caller, callee, now) for caller, callee in edges if caller and callee],
            )

    def edges(self, environment: str) -> tuple[tuple[str, str], ...]:
        """Every known (caller, callee) pair of an environment. Raises Failure."""
        with self._transaction(write=False) as db:
            rows = db.execute(
                "SELECT caller, callee FROM edge WHERE environment = ? ORDER BY caller, callee", (environment,)
            ).fetchall()
        return tuple((str(caller), str(callee)) for caller, callee in rows)

    @contextmanager
    def _transaction(self, *, write: bool = True) -> Generator[sqlite3.Connection]:
        """A connection of its own for each operation: nothing is shared between threads."""
        try:
            with closing(sqlite3.connect(self._path, timeout=BUSY, isolation_level=None)) as db:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                yield db
                # Leaving without COMMIT, by an error, rolls everything back.
                db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise Failure(f"The knowledge base {str(self._path)!r} is busy; trying again.") from error
            raise self._unusable(error) from error
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> Failure:
        return Failure(
            f"The knowledge base {str(self._path)!r} cannot be used: {error}; make it writable, or move the file "
            "away to start a new one.",
            who="operator",
        )


def _insert(db: sqlite3.Connection, lesson: Lesson, known: Iterable[KnownOutcome]) -> None:
    """The rows of one incident."""
    incident = lesson.incident_id
    db.execute(
        "INSERT INTO lesson VALUES (?, ?, ?, ?, ?)",
        (incident, lesson.at.timestamp(), lesson.service, lesson.dossier_signature, lesson.model_dump_json()),
    )
    db.executemany(
        "INSERT INTO tool_outcome VALUES (?, ?, ?, ?, ?)",
        [(incident, t.service, t.tool, t.target, t.worked) for t in lesson.tools],
    )
    db.executemany(
        "INSERT INTO cause_outcome VALUES (?, ?, ?, ?, ?)",
        [(incident, o.cause_kind, o.confidence, o.right, o.why) for o in known],
    )
    db.executemany(
        "INSERT INTO feedback VALUES (?, ?, ?, ?)",
        [(incident, f.at.timestamp(), f.service, f.model_dump_json()) for f in lesson.feedback],
    )
    words = (lesson.title, lesson.statement, lesson.detail, *lesson.services, lesson.service, lesson.cause_kind)
    db.execute("INSERT INTO lesson_text VALUES (?, ?)", (incident, " ".join(words)))


def _insert_experiences(db: sqlite3.Connection, learned: Iterable[Experience]) -> None:
    db.executemany(
        "INSERT INTO experience VALUES (?, ?, ?, ?, ?, ?)",
        [(e.incident_id, e.environment, e.service, e.tool, e.at.timestamp(), e.model_dump_json()) for e in learned],
    )


def _kinds_of(db: sqlite3.Connection, incident: str) -> set[str]:
    """The kinds of cause whose outcomes an incident has told so far."""
    rows = db.execute("SELECT DISTINCT kind FROM cause_outcome WHERE incident_id = ?", (incident,))
    return {str(row[0]) for row in rows}


def _outcomes_of(db: sqlite3.Connection, kind: str) -> list[tuple[float, bool]]:
    """(confidence, right) of every known outcome of a kind, in a stable order."""
    rows = db.execute("SELECT confidence, correct FROM cause_outcome WHERE kind = ? ORDER BY 1, 2", (kind,))
    return [(float(confidence), bool(correct)) for confidence, correct in rows]


def _similar(body: str, why: Literal["signature", "service", "text"], score: float) -> Similar:
    lesson = Lesson.model_validate_json(body)
    return Similar(lesson=lesson, why=why, score=round(score * _worth(lesson), 3))


def _worth(lesson: Lesson) -> float:
    """What worked comes before what is not known, and that before what did not help: never across the reasons."""
    if any(tool.worked for tool in lesson.tools):
        return 1.0
    failed = bool(lesson.tools) or any(said.wrong for said in lesson.feedback)
    return 0.9 if failed else 0.95


def _keep(found: dict[str, Similar], candidates: Iterable[Similar]) -> None:
    """Keep the best reason for each incident; a second reason raises the score a little."""
    for candidate in candidates:
        known = found.get(candidate.lesson.incident_id)
        if known is None:
            found[candidate.lesson.incident_id] = candidate
        elif known.why != candidate.why:
            best = max(known.score, candidate.score)
            found[candidate.lesson.incident_id] = known.model_copy(update={"score": best + 0.1 * (1 - best)})


def _words(text: str) -> str:
    """A full-text query for any of the words; quoting makes every word plain, whatever it contains."""
    words = dict.fromkeys(re.findall(r"[^\W_]{3,}", text.lower()))
    return " OR ".join(f'"{word}"' for word in list(words)[:MAX_WORDS])


def _relevance(bm25: float) -> float:
    """SQLite's rank (more negative is better) as 0 to 0.5: words alone never outrank a signature or service."""
    strength = max(0.0, -bm25)
    return round(0.5 * strength / (1.0 + strength), 3)
