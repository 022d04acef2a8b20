"""The dossier as compact tables in a stable order: what a model reads. Everything in them is data, never orders."""

from collections.abc import Callable, Iterable, Sequence

from autopilot.incident.finding import Dossier, Finding
from autopilot.reasoning.judging.signs import short_name
from autopilot.reasoning.prompts.fence import CLOSE, OPEN, cell


def estimated_tokens(text: str) -> int:
    """An upper estimate of tokens: prose needs about one per four bytes, tables of numbers one per two."""
    return len(text.encode()) // 2 + 1


def _row(*values: object) -> str:
    return "|".join(cell(value) for value in values)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _finding(f: Finding) -> str:
    at = f"{f.onset:%H:%M:%S}" if f.onset else f"{f.window.start:%H:%M}"
    cause = f.cause_kind or ""
    return _row(f.id, f.kind, f.service, short_name(f.resource), at, f.direction, _number(f.baseline),
                _number(f.observed), f.unit, f"{f.score:.2f}", cause, f.change_id, f.summary)  # fmt: skip


def _sections(dossier: Dossier) -> list[tuple[str, list[str]]]:
    """(header, rows), most informative first; the order depends on the content alone."""
    findings = sorted(dossier.findings, key=lambda f: (f.kind == "record", -f.score, f.id))
    versions = sorted(dossier.versions, key=lambda v: (v.service, v.window.start))
    return [
        (
            "suspects (ranked by statistics): service|resource|cause kind|change|score|findings|reason",
            [
                _row(s.service, short_name(s.resource), s.cause_kind, s.change_id, f"{s.score:.2f}",
                     " ".join(s.finding_ids), s.reason)
                for s in dossier.suspects
            ],
        ),
        (
            "findings: id|kind|service|resource|from (UTC)|direction|usual|now|unit|score|cause|change|summary",
            [_finding(f) for f in findings],
        ),
        (
            "versions: service|version|from|to|healthy|finding|evidence",
            [
                _row(v.service, v.version, f"{v.window.start:%H:%M}", f"{v.window.end:%H:%M}",
                     "yes" if v.healthy else "no", v.finding_id, v.evidence)
                for v in versions
            ],
        ),
        ("contradictions", [_row(c) for c in dossier.contradictions]),
        ("gaps (not known): source|kind|what", [_row(g.source, g.kind, g.what) for g in dossier.gaps]),
        (
            "timeline (UTC): time|kind|finding|text",
            [_row(f"{e.at:%H:%M:%S}", e.kind, e.finding_id, e.text) for e in dossier.timeline],
        ),
    ]  # fmt: skip


def dossier_tables(dossier: Dossier, limit: int, count: Callable[[str], int] = estimated_tokens) -> str:
    """The dossier within `limit` tokens as `count` counts them.

    What does not fit is left out from the end, and counted.
    """
    onset = f"{dossier.onset:%Y-%m-%d %H:%M:%S}" if dossier.onset else "unknown"
    window = dossier.scope_incident
    lines = [
        OPEN,
        f"incident window {window.start:%Y-%m-%d %H:%M} to {window.end:%H:%M} UTC; first symptom {onset}",
        f"impact: {cell(dossier.impact.summary or 'not measured')}",
    ]
    left = limit - count("\n".join(lines)) - 60
    for header, rows in _sections(dossier):
        kept, left = _fitting((f"## {header}", *rows), left, count)
        if rows:
            lines += kept
        if len(kept) <= len(rows):
            lines.append(f"({len(rows) + 1 - max(len(kept), 1)} rows left out)")
            left -= 12
    return "\n".join([*lines, CLOSE])


def _fitting(rows: Iterable[str], left: int, count: Callable[[str], int]) -> tuple[Sequence[str], int]:
    kept: list[str] = []
    for row in rows:
        cost = count(row) + 1
        if cost > left:
            break
        kept.append(row)
        left -= cost
    return kept, left
