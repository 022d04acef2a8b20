"""The tables of the knowledge base, version by version. A file of an older version gets the steps it lacks."""

import sqlite3

_LESSONS = """
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
_OUTCOMES = """
CREATE TABLE cause_outcome (
    incident_id TEXT NOT NULL, kind TEXT NOT NULL, confidence REAL NOT NULL, correct INTEGER NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX cause_outcome_of ON cause_outcome (kind);
CREATE INDEX cause_outcome_in ON cause_outcome (incident_id);
CREATE TABLE calibration (
    kind TEXT PRIMARY KEY, points TEXT NOT NULL, outcomes INTEGER NOT NULL
);
CREATE TABLE feedback (
    incident_id TEXT NOT NULL, at REAL NOT NULL, service TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX feedback_about ON feedback (service, at);
CREATE INDEX feedback_in ON feedback (incident_id);
"""
_EXPERIENCES = """
CREATE TABLE experience (
    incident_id TEXT NOT NULL, environment TEXT NOT NULL, service TEXT NOT NULL, tool TEXT NOT NULL,
    at REAL NOT NULL, body TEXT NOT NULL
);
CREATE INDEX experience_of ON experience (environment, service, tool, at);
CREATE INDEX experience_in ON experience (incident_id);
INSERT INTO experience SELECT DISTINCT incident_id, environment, service, tool, at, json_object(
        'incident_id', incident_id, 'plan', 0, 'environment', environment, 'service', service, 'tool', tool,
        'at', at, 'verdict', CASE WHEN worked THEN 'fixed' WHEN ended <> 'aborted' THEN 'still_broken' END)
    FROM (SELECT t.incident_id, t.service, t.tool, MIN(t.worked) AS worked, l.at,
            COALESCE(json_extract(l.body, '$.environment'), 'production') AS environment,
            COALESCE(json_extract(l.body, '$.outcome'), '') AS ended
        FROM tool_outcome t JOIN lesson l USING (incident_id)
        WHERE t.tool NOT LIKE 'ticket.%' AND t.tool NOT LIKE 'page.%'
        GROUP BY t.incident_id, t.service, t.tool);
"""
"""Before, it was kept whether a tool had worked, not who had chosen it nor why it had not. What had not worked
counts as a failure, which may be too strict and is never too trusting; what was stopped counts as nothing, and
neither do tickets and pages, which fix nothing."""
_STEPS = (_LESSONS, _OUTCOMES, _EXPERIENCES)
VERSION = len(_STEPS)


def version_of(db: sqlite3.Connection) -> int:
    """The version of a file; 0 for a new one."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """Run the steps that are missing, within the transaction of the connection."""
    found = version_of(db)
    for step in _STEPS[found:]:
        for statement in step.split(";\n"):
            db.execute(statement)
    if found < VERSION:
        db.execute(f"PRAGMA user_version = {VERSION}")
