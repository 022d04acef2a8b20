"""The audit record in one SQLite file that refuses changes; each entry carries the hash of the one before."""

import hashlib
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from autopilot.incident.audit import Entry, Kind, steps_that_changed
from autopilot.incident.base import Time
from autopilot.incident.ports import Failure

BUSY = 10.0
"""Seconds to wait for another writer."""
FIRST = "0" * 64
"""Stands before the first entry."""
LAST = "\U0010ffff"
"""Sorts behind every other character."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS entry_incident ON entry (incident_id, number);
CREATE INDEX IF NOT EXISTS entry_kind ON entry (kind, at);
CREATE TRIGGER IF NOT EXISTS entry_stays BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS entry_remains BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""


class SqliteAudit:
    """`AuditLog` for the processes of one machine. Opened for each operation: nothing is shared between threads."""

    def __init__(self, path: Path) -> None:
        """Create the file when it does not exist. Raises Failure(operator) when it cannot be used."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error
        with self._open() as db:
            db.executescript(_SCHEMA)

    def append(self, entries: Sequence[Entry]) -> None:
        """See `AuditLog`: all or none."""
        if not entries:
            return
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            last = db.execute("SELECT hash FROM entry ORDER BY number DESC LIMIT 1").fetchone()
            chain = str(last[0]) if last else FIRST
            for entry in entries:
                body = entry.model_dump_json()
                following = _hash(chain, body)
                added = db.execute(
                    "INSERT OR IGNORE INTO entry (key, at, kind, incident_id, body, hash)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (entry.key, entry.at.isoformat(), entry.kind, entry.incident_id, body, following),
                )
                chain = following if added.rowcount else chain
            db.execute("COMMIT")

    def entries(
        self, *, incident_id: str = "", kind: Kind | None = None, since: Time | None = None
    ) -> Iterator[Entry]:
        """Entries in the order in which they were added."""
        query, values = "SELECT body FROM entry WHERE 1", list[str]()
        for clause, value in (
            (" AND incident_id = ?", incident_id),
            (" AND kind = ?", kind),
            (" AND at >= ?", since.isoformat() if since else ""),
        ):
            if value:
                query, values = query + clause, [*values, value]
        with self._open() as db:
            for (body,) in db.execute(f"{query} ORDER BY number", values):
                yield Entry.model_validate_json(body)

    def outcomes(self, prefix: str) -> tuple[str, ...]:
        """See `AuditLog`."""
        query = "SELECT body FROM entry WHERE key >= ? AND key < ? ORDER BY number"
        with self._open() as db:
            found = db.execute(query, (prefix, prefix + LAST)).fetchall()
        return tuple(Entry.model_validate_json(body).outcome for (body,) in found)

    def changed(self, since: datetime) -> tuple[Entry, ...]:
        """See `AuditLog`."""
        return steps_that_changed(self.entries(kind="action", since=since))

    def broken(self) -> int | None:
        """The number of the first entry that does not follow from the one before; None when all do."""
        chain = FIRST
        with self._open() as db:
            for number, body, found in db.execute("SELECT number, body, hash FROM entry ORDER BY number"):
                chain = _hash(chain, str(body))
                if chain != found:
                    return int(number)
        return None

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=BUSY, isolation_level=None)) as db:
                db.execute("PRAGMA journal_mode = WAL")
                yield db
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise Failure(f"The audit record {str(self._path)!r} is busy; trying again.") from error
            raise self._unusable(error) from error
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> Failure:
        return Failure(
            f"The audit record {str(self._path)!r} cannot be used: {error}; make it writable (setting `audit`). "
            "Nothing is changed without it.",
            who="operator",
        )


def _hash(before: str, body: str) -> str:
    return hashlib.sha256(f"{before}\n{body}".encode()).hexdigest()
