"""Orders planted in collected text: reported to people, and kept from models."""

import re
from collections.abc import Iterable, Mapping

from autopilot.incident.base import clean
from autopilot.incident.diagnosis import PlantedOrder
from autopilot.incident.finding import Dossier, Finding
from autopilot.reasoning.prompts.fence import cell
from autopilot.reasoning.prompts.orders import order_in
from autopilot.reasoning.prompts.redaction import Redaction

MARK = "[withheld: gives orders]"
MOST = 10
"""Planted orders that are reported of one incident."""
EXCERPT = 160
"""Characters shown of each."""

_QUOTED = re.compile(r"\".*\"", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.;!?])\s+")


def withheld(text: str) -> str:
    """The text as a prompt may show it: what gives orders is replaced, our own words and numbers around it stay.

    The rules of analysis quote outside text in straight quotes; a sentence is judged alone where none is quoted.
    """
    if not order_in(text):
        return text
    shown = _QUOTED.sub(lambda quoted: f'"{MARK}"' if order_in(quoted[0]) else quoted[0], text)
    if shown == text:
        shown = " ".join(MARK if order_in(s) else s for s in _SENTENCE.split(text))
    return MARK if order_in(shown) else shown


def shown(value: object) -> str:
    """A cell of a prompt with outside text in it: `fence.cell` of what is not withheld."""
    return cell(withheld(str(value)))


def _texts(dossier: Dossier) -> Iterable[tuple[str, str]]:
    """(where, text) of everything in the dossier that was written outside."""
    for finding in dossier.findings:
        where = (
            f"{finding.kind} of {cell(finding.service, 60)} ({cell(finding.provenance.source, 60)}, {finding.id})"
        )
        yield from ((where, text) for text in _of_finding(finding))
    for suspect in dossier.suspects:
        where = f"suspect {cell(suspect.service, 60)} ({', '.join(suspect.finding_ids[:4])})"
        yield from ((where, t) for t in (suspect.reason, suspect.change_summary, suspect.service, suspect.resource))
    for version in dossier.versions:
        yield (
            f"version of {cell(version.service, 60)} ({version.finding_id})",
            f"{version.version} {version.evidence}",
        )
    for entry in dossier.timeline:
        yield f"timeline {entry.at:%H:%M:%S} ({entry.finding_id or entry.kind})", entry.text
    for text in (dossier.impact.summary, *dossier.contradictions, *(g.what for g in dossier.gaps)):
        yield "summary of the analysis", text


def _of_finding(finding: Finding) -> tuple[str, ...]:
    labels = (finding.metric.name, *finding.metric.dimensions.values()) if finding.metric else ()
    return (
        finding.summary, finding.service, finding.resource, finding.region, finding.change_id, finding.unit, *labels
    )  # fmt: skip


def planted(dossier: Dossier, others: Mapping[str, str] | None = None) -> tuple[PlantedOrder, ...]:
    """Every text of the dossier, and of `others` (where it stands → text), that gives orders to a model.

    A text that stands in several places is reported once, at the first. Excerpts are short and without secrets.
    """
    redaction = Redaction()
    found: dict[str, PlantedOrder] = {}
    for where, text in (*_texts(dossier), *(others or {}).items()):
        why = order_in(text)
        if why:
            excerpt = clean(redaction.mask(_excerpt(text)), EXCERPT)
            found.setdefault(excerpt, PlantedOrder(where=where, excerpt=excerpt, why=why))
    return tuple(found.values())[:MOST]


def _excerpt(text: str) -> str:
    """The part that gives the order: what is quoted, else the whole."""
    quoted = _QUOTED.search(text)
    return quoted[0].strip('"') if quoted and order_in(quoted[0]) else text
