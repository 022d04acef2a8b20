"""The dossier with what the probes found, so that everybody after the analyst can cite it."""

from collections.abc import Iterable, Sequence

from autopilot.incident.evidence import Gap
from autopilot.incident.finding import Dossier, DossierBrief, Finding
from autopilot.incident.ids import digest
from autopilot.incident.investigation import Investigation, ProbeResult
from autopilot.incident.ports import CaseStore

FINDINGS = 120
"""What a dossier holds."""


def with_answers(dossier: Dossier, results: Sequence[ProbeResult]) -> Dossier:
    """The dossier with the findings and gaps of probes; the least telling old findings make room for new ones."""
    taken = {f.id for f in dossier.findings}
    new = [f for result in results for f in result.findings if f.id not in taken]
    gaps = distinct((*dossier.gaps, *(gap for result in results for gap in result.gaps)))
    kept = _most_needed(dossier, FINDINGS - len(new))
    return dossier.model_copy(update={"findings": (*kept, *new), "gaps": gaps})


def distinct(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Every gap once, in its first place."""
    return tuple({(gap.source, gap.what): gap for gap in reversed(tuple(gaps))}.values())[::-1]


def _most_needed(dossier: Dossier, room: int) -> tuple[Finding, ...]:
    """What suspects, versions and the timeline refer to, then the most unusual findings; in their own order."""
    referred = {i for suspect in dossier.suspects for i in suspect.finding_ids}
    referred |= {version.finding_id for version in dossier.versions}
    referred |= {entry.finding_id for entry in dossier.timeline}
    order = sorted(dossier.findings, key=lambda f: (f.id not in referred, -f.score))
    kept = {f.id for f in order[:room]}
    return tuple(f for f in dossier.findings if f.id in kept)


def store_tested(
    store: CaseStore, brief: DossierBrief, tested: Dossier, investigation: Investigation
) -> DossierBrief:
    """Keep the tested dossier as a document of its own and return its brief. The same answers give the same one."""
    following = max(brief.next_finding, investigation.next_finding)
    if not any(result.findings or result.gaps for result in investigation.results):
        return brief.model_copy(update={"next_finding": following})
    content = tested.model_dump_json(indent=1).encode()
    name = f"dossier-{tested.revision}-tested-{digest(content.decode())}.json"
    document = store.put(tested.incident_id, name, content, "application/json")
    return brief.model_copy(
        update={
            "uri": document.uri,
            "findings": len(tested.findings),
            "next_finding": following,
            "gaps": tested.gaps,
        }
    )
