"""The dossier as compact tables in a stable order: what a model reads. Everything in them is data, never orders."""

from collections.abc import Callable, Sequence

from autopilot.incident.finding import Dossier, Finding, Suspect, VersionHealth
from autopilot.reasoning.judging.signs import short_name
from autopilot.reasoning.prompts.fence import CLOSE, OPEN
from autopilot.reasoning.prompts.planted import shown

SUSPECTS = "suspects (ranked by statistics): service|resource|cause kind|change|score|findings|reason"
FINDINGS = "findings: id|kind|service|resource|from (UTC)|score|cause|change|summary"


def _row(*values: object) -> str:
    return "|".join(shown(value) for value in values)


def _finding(f: Finding) -> str:
    at = f"{f.onset:%H:%M:%S}" if f.onset else f"{f.window.start:%H:%M}"
    return _row(f.id, f.kind, f.service, short_name(f.resource), at, f"{f.score:.2f}", f.cause_kind or "",
                f.change_id, f.summary)  # fmt: skip


def _suspect(s: Suspect) -> str:
    return _row(s.service, short_name(s.resource), s.cause_kind, s.change_id, f"{s.score:.2f}",
                " ".join(s.finding_ids), s.reason)  # fmt: skip


def _version(v: VersionHealth, told: frozenset[str]) -> str:
    return _row(v.service, v.version, f"{v.window.start:%H:%M}", f"{v.window.end:%H:%M}",
                "yes" if v.healthy else "no", v.finding_id, "" if v.finding_id in told else v.evidence)  # fmt: skip


def _findings(dossier: Dossier) -> list[Finding]:
    """What suspects rest on first, then by how unusual it is; records of the past last."""
    cited = {i for s in dossier.suspects for i in s.finding_ids}
    return sorted(dossier.findings, key=lambda f: (f.kind == "record", f.id not in cited, -f.score, _number(f.id)))


def _number(finding_id: str) -> int:
    digits = finding_id[1:]
    return int(digits) if digits.isdecimal() else 0


def _beside(dossier: Dossier, told: frozenset[str]) -> list[tuple[str, list[str]]]:
    """The short tables that follow the findings. What a finding says already is not said again."""
    versions = sorted(dossier.versions, key=lambda v: (v.service, v.window.start))
    return [
        ("versions: service|version|from|to|healthy|finding|evidence", [_version(v, told) for v in versions]),
        ("contradictions", [_row(c) for c in dossier.contradictions]),
        ("gaps (not known): source|kind|what", [_row(g.source, g.kind, g.what) for g in dossier.gaps]),
    ]


def _timeline(dossier: Dossier, told: frozenset[str]) -> list[str]:
    return [
        _row(f"{e.at:%H:%M:%S}", e.kind, e.finding_id, "" if e.finding_id in told else e.text)
        for e in dossier.timeline
    ]


class _Page:
    """Lines within a number of tokens."""

    def __init__(self, lines: list[str], limit: int, count: Callable[[str], int]) -> None:
        self.lines, self._count = lines, count
        self._left = limit - sum(map(self.cost, lines)) - self.cost(CLOSE)

    def cost(self, line: str) -> int:
        return self._count(line) + 1

    def table(self, header: str, rows: Sequence[str], spare: int = 0) -> int:
        """Add what fits of a table while `spare` tokens stay; says how many rows were kept."""
        if not rows:
            return 0
        left = self._left - spare - self.cost(f"({len(rows)} rows left out: {header.partition(':')[0]})")
        kept: list[str] = []
        for row in (f"## {header}", *rows):
            if self.cost(row) > left:
                break
            kept.append(row)
            left -= self.cost(row)
        missing = len(rows) - max(len(kept) - 1, 0)
        added = kept if len(kept) > 1 else []
        added += [f"({missing} rows left out: {header.partition(':')[0]})"] if missing else []
        self.lines += added
        self._left -= sum(map(self.cost, added))
        return len(rows) - missing


def dossier_tables(dossier: Dossier, limit: int, count: Callable[[str], int]) -> str:
    """The dossier within `limit` tokens as `count` counts them; the same dossier always gives the same bytes.

    What does not fit is left out row by row, the least informative first, and counted. The short tables after the
    findings (versions, contradictions, gaps) keep up to a quarter of the limit.
    """
    onset = f"{dossier.onset:%Y-%m-%d %H:%M:%S}" if dossier.onset else "unknown"
    window = dossier.scope_incident
    page = _Page([
        OPEN,
        f"incident window {window.start:%Y-%m-%d %H:%M} to {window.end:%H:%M} UTC; first symptom {onset}",
        f"impact: {shown(dossier.impact.summary or 'not measured')}",
    ], limit, count)  # fmt: skip
    page.table(SUSPECTS, [_suspect(s) for s in dossier.suspects])
    findings = _findings(dossier)
    beside = _beside(dossier, frozenset(f.id for f in findings))
    spare = min(sum(page.cost(row) for header, rows in beside for row in (header, *rows)) + 40, limit // 4)
    kept = page.table(FINDINGS, [_finding(f) for f in findings], spare)
    told = frozenset(f.id for f in findings[:kept])
    for header, rows in _beside(dossier, told):
        page.table(header, rows)
    page.table("timeline (UTC): time|kind|finding|text", _timeline(dossier, told))
    return "\n".join([*page.lines, CLOSE])
