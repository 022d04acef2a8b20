"""A dossier as plain text, for terminals and logs."""

import textwrap
from collections.abc import Iterable, Sequence

from autopilot.analysis.clue import clock
from autopilot.incident.finding import Dossier

_FINDINGS = 40
_MOMENTS = 30


def text_table(dossier: Dossier, width: int = 110) -> str:
    """The dossier in sections: verdict, suspects, impact, timeline, findings, what speaks against, gaps."""
    sections = [
        _head(dossier),
        _section("Suspects", _suspects(dossier), width),
        _section("Impact", [("", dossier.impact.summary)] if dossier.impact.summary else [], width),
        _section("Timeline", _timeline(dossier), width),
        _section("Versions", [(v.finding_id, v.evidence) for v in dossier.versions], width),
        _section("Findings", [(f"{f.id} {f.kind}", f.summary) for f in dossier.findings[:_FINDINGS]], width),
        _section("Against the obvious", [("", text) for text in dossier.contradictions], width),
        _section("Not known", [(g.source, f"{g.kind}: {g.what}") for g in dossier.gaps], width),
    ]
    left = len(dossier.findings) - _FINDINGS
    tail = f"… and {left} more findings in the stored dossier\n" if left > 0 else ""
    return "\n".join(section for section in sections if section) + tail


def _head(dossier: Dossier) -> str:
    begun = f"onset {dossier.onset:%Y-%m-%d} {clock(dossier.onset)}" if dossier.onset else "no onset found"
    verdict = ", insufficient evidence" if dossier.insufficient_evidence else ""
    return f"{dossier.incident_id}, case revision {dossier.revision}: {begun}{verdict}\n"


def _suspects(dossier: Dossier) -> list[tuple[str, str]]:
    return [
        (
            f"{number}. {suspect.score:.2f}",
            f"{suspect.service}: {suspect.cause_kind}"
            + (f" ({suspect.change_summary})" if suspect.change_summary else "")
            + f". {suspect.reason} [{', '.join(suspect.finding_ids)}]",
        )
        for number, suspect in enumerate(dossier.suspects, start=1)
    ]


def _timeline(dossier: Dossier) -> list[tuple[str, str]]:
    return [
        (f"{clock(entry.at)} {entry.kind}", entry.text + (" [after the onset]" if entry.after_onset else ""))
        for entry in dossier.timeline[-_MOMENTS:]
    ]


def _section(title: str, rows: Sequence[tuple[str, str]], width: int) -> str:
    if not rows:
        return ""
    margin = max(len(label) for label, _ in rows) + 3
    return f"{title}\n" + "".join(f"{line}\n" for line in _wrapped(rows, margin, width))


def _wrapped(rows: Iterable[tuple[str, str]], margin: int, width: int) -> Iterable[str]:
    for label, text in rows:
        lines = textwrap.wrap(text, max(width - margin, 30)) or [""]
        yield f"  {label}".ljust(margin) + lines[0] if label else f"  {lines[0]}"
        for line in lines[1:]:
            yield " " * (margin if label else 2) + line
