"""The knowledge base in one SQLite file: safe from several threads and processes on one machine."""

import re
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from autopilot.incident.cause import CauseKind
from autopilot.incident.ports import Failure
from autopilot.incident.state import IncidentState
from autopilot.knowledge.base import Lesson, Similar, lesson_of

VERSION = 1
BUSY = 10.0
"""Seconds to wait for another writer."""
MAX_WORDS = 40
_SCHEMA = """
CREATE TABLE lesson (
    incident_id TEXT PRIMARY KEY, at REAL NOT NULL, service TEXT NOT NULL, signature TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX lesson_service ON lesson (service, at);
CREATE INDEX lesson_signature ON lesson (signature, at);
CREATE TABLE tool_outcome (
    incident_id TEXT NOT NULL, service TEXT NOT NULL, tool TEXT NOT NULL, target TEXT NOT NULL,
    worked INTEGER NOT NULL
);
CREATE INDEX tool_outcome_of ON tool_outcome (service, tool);
CREATE TABLE edge (
    environment TEXT NOT NULL, caller TEXT NOT NULL, callee TEXT NOT NULL, seen REAL NOT NULL,
    PRIMARY KEY (environment, caller, callee)
);
CREATE VIRTUAL TABLE lesson_text USING fts5 (incident_id UNINDEXED, words, tokenize = 'porter unicode61');
"""


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
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version == 0:
                for statement in _SCHEMA.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {VERSION}")
            elif version > VERSION:
                raise Failure(
                    f"The knowledge base {str(path)!r} was written by a newer version; update this one.",
                    who="operator",
                )

    def remember(self, state: IncidentState) -> None:
        """Record the outcome of an incident; recording it again replaces what was known of it. Raises Failure."""
        lesson = lesson_of(state)
        words = " ".join(
            (lesson.title, lesson.statement, lesson.detail, *lesson.services, lesson.service, lesson.cause_kind)
        )
        with self._transaction() as db:
            for table in ("lesson", "tool_outcome", "lesson_text"):
                db.execute(f"DELETE FROM {table} WHERE incident_id = ?", (lesson.incident_id,))  # noqa: S608  # our names
            db.execute(
                "INSERT INTO lesson VALUES (?, ?, ?, ?, ?)",
                (
                    lesson.incident_id,
                    lesson.at.timestamp(),
                    lesson.service,
                    lesson.dossier_signature,
                    lesson.model_dump_json(),
                ),
            )
            db.executemany(
                "INSERT INTO tool_outcome VALUES (?, ?, ?, ?, ?)",
                [(lesson.incident_id, t.service, t.tool, t.target, t.worked) for t in lesson.tools],
            )
            db.execute("INSERT INTO lesson_text VALUES (?, ?)", (lesson.incident_id, words))

    def similar(self, services: Sequence[str], signature: str, text: str, limit: int = 5) -> list[Similar]:
        """Past incidents that look alike, best first: same signature, same service, shared words.

        Raises Failure.
        """
        found: dict[str, Similar] = {}
        with self._transaction(write=False) as db:
            if signature:
                rows = db.execute(
                    "SELECT body FROM lesson WHERE signature = ? ORDER BY at DESC LIMIT ?", (signature, limit)
                )
                _keep(found, (Similar(lesson=_lesson(r[0]), why="signature", score=1.0) for r in rows))
            for service in services:
                rows = db.execute(
                    "SELECT body FROM lesson WHERE service = ? ORDER BY at DESC LIMIT ?", (service, limit)
                )
                _keep(found, (Similar(lesson=_lesson(r[0]), why="service", score=0.6) for r in rows))
            if words := _words(text):
                rows = db.execute(
                    "SELECT body, bm25(lesson_text) FROM lesson_text JOIN lesson USING (incident_id) "
                    "WHERE lesson_text MATCH ? ORDER BY bm25(lesson_text) LIMIT ?",
                    (words, limit),
                )
                _keep(found, (Similar(lesson=_lesson(r[0]), why="text", score=_relevance(r[1])) for r in rows))
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

    def calibrated(
        self,
        kind: CauseKind,  # noqa: ARG002  # no outcome is known yet
        confidence: float,  # noqa: ARG002
    ) -> tuple[float | None, int]:
        """How often such a confidence in that kind of cause was right here, and from how many known outcomes.

        The share is None while no outcome of the kind is known.
        """
        return None, 0

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


def _lesson(body: str) -> Lesson:
    return Lesson.model_validate_json(body)


def _keep(found: dict[str, Similar], candidates: Iterable[Similar]) -> None:
    """Keep the best reason for each incident; a second reason raises the score a little."""
    for candidate in candidates:
        known = found.get(candidate.lesson.incident_id)
        if known is None:
            found[candidate.lesson.incident_id] = candidate
        elif known.why != candidate.why:
            raised = min(1.0, max(known.score, candidate.score) + 0.1)
            found[candidate.lesson.incident_id] = known.model_copy(update={"score": raised})


def _words(text: str) -> str:
    """A full-text query for any of the words; quoting makes every word plain, whatever it contains."""
    words = dict.fromkeys(re.findall(r"[^\W_]{3,}", text.lower()))
    return " OR ".join(f'"{word}"' for word in list(words)[:MAX_WORDS])


def _relevance(bm25: float) -> float:
    """SQLite's rank (more negative is better) as 0 to 0.5: words alone never outrank a signature or service."""
    strength = max(0.0, -bm25)
    return round(0.5 * strength / (1.0 + strength), 3)
