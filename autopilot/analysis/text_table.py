"""A dossier as plain text, for terminals and logs."""

import textwrap
from collections.abc import Iterable, Sequence

from autopilot.analysis.clue import clock
from autopilot.analysis.ranking.suspects import ENOUGH
from autopilot.analysis.timeline import most_telling
from autopilot.incident.finding import Dossier

_FINDINGS = 40
_MOMENTS = 30
_MODALITIES: dict[str, frozenset[str]] = {
    "metrics": frozenset({"metric", "trend"}),
    "logs": frozenset({"log"}),
    "traces": frozenset({"trace"}),
    "state": frozenset({"state"}),
    "changes": frozenset({"change"}),
}
"""What can be collected → the kinds of findings that it gives."""


def text_table(dossier: Dossier, width: int = 110) -> str:
    """The dossier in sections: verdict, suspects, impact, timeline, findings, what speaks against, gaps."""
    sections = [
        _head(dossier, width),
        _section("Suspects (evidence; how often their like were right)", _suspects(dossier), width),
        _section("Impact", [("", dossier.impact.summary)] if dossier.impact.summary else [], width),
        _section("Timeline", _timeline(dossier, width), width),
        _section("Versions", [(v.finding_id, v.evidence) for v in dossier.versions], width),
        _section("Findings", [(f"{f.id} {f.kind}", f.summary) for f in dossier.findings[:_FINDINGS]], width),
        _section("Against the obvious", [("", text) for text in dossier.contradictions], width),
        _section("Not known", [(g.source, f"{g.kind}: {g.what}") for g in dossier.gaps], width),
    ]
    left = len(dossier.findings) - _FINDINGS
    tail = f"… and {left} more findings in the stored dossier\n" if left > 0 else ""
    return "\n".join(section for section in sections if section) + tail


def _head(dossier: Dossier, width: int) -> str:
    lines = [f"{dossier.incident_id}, case revision {dossier.revision}"]
    if dossier.onset:
        reach = f", give or take {_span(dossier.onset_uncertainty)}" if dossier.onset_uncertainty else ""
        lines.append(f"onset {dossier.onset:%Y-%m-%d} {clock(dossier.onset)}{reach}")
    else:
        lines.append("no onset found: nothing in scope moved clearly")
    if dossier.insufficient_evidence:
        lines += textwrap.wrap(_lacking(dossier), width)
    return "\n".join(lines) + "\n"


def _span(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < 600 else f"{seconds / 60:.3g} min"


def _lacking(dossier: Dossier) -> str:
    """Why the evidence does not suffice, and what would help."""
    best = max((s.score for s in dossier.suspects), default=None)
    seen = {finding.kind for finding in dossier.findings}
    silent = [name for name, kinds in _MODALITIES.items() if not seen & kinds]
    why = "nothing is suspect" if best is None else f"the best suspect has {best:.2f}"
    parts = [f"insufficient evidence: {why}, {ENOUGH:.2f} is needed before anything may be blamed"]
    if silent:
        parts.append(f"nothing was found in {', '.join(silent)}")
    if dossier.gaps:
        asked = sorted({gap.source for gap in dossier.gaps})
        parts.append(f"{len(dossier.gaps)} questions were not answered ({', '.join(asked[:6])}), see Not known")
    return "; ".join(parts) + "."


def _suspects(dossier: Dossier) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for number, suspect in enumerate(dossier.suspects, start=1):
        cause = suspect.cause_kind.replace("_", " ")
        exact = f", {suspect.mechanism.replace('_', ' ')}" if suspect.mechanism else ""
        where = f" ({suspect.region})" if suspect.region else ""
        right = f"; {suspect.likelihood:.0%}" if suspect.likelihood is not None else ""
        rows.append((f"{number}. {suspect.score:.2f}{right}", f"{suspect.service}{where}: {cause}{exact}"))
        if suspect.change_summary:
            rows.append(("", f"by {suspect.change_summary}"))
        rows.append(("", f"{suspect.reason} [{', '.join(suspect.finding_ids)}]"))
    return rows


def _timeline(dossier: Dossier, width: int) -> list[tuple[str, str]]:
    """A line each: the finding that is named has the whole sentence."""
    day = dossier.scope_incident.start.date()
    rows: list[tuple[str, str]] = []
    for entry in most_telling(dossier.timeline, _MOMENTS):
        date = "" if entry.at.date() == day else f"{entry.at:%Y-%m-%d} "
        tail = " [after the onset]" if entry.after_onset else ""
        tail += f" [{entry.finding_id}]" if entry.finding_id else ""
        label = f"{date}{clock(entry.at)} {entry.kind}"
        text = textwrap.shorten(entry.text, max(width - 24 - len(date) - len(tail), 30), placeholder=" …")
        rows.append((label, text + tail))
    return rows


def _section(title: str, rows: Sequence[tuple[str, str]], width: int) -> str:
    if not rows:
        return ""
    margin = max(len(label) for label, _ in rows)
    margin += 4 if margin else 2
    return f"{title}\n" + "".join(f"{line}\n" for line in _wrapped(rows, margin, width))


def _wrapped(rows: Iterable[tuple[str, str]], margin: int, width: int) -> Iterable[str]:
    for label, text in rows:
        lines = textwrap.wrap(text, max(width - margin, 30), break_on_hyphens=False) or [""]
        yield f"  {label}".ljust(margin) + lines[0]
        for line in lines[1:]:
            yield " " * margin + line
