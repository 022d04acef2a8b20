"""A dossier as the answer that public scorers understand."""

from dataclasses import asdict, dataclass
from typing import Any

from autopilot.incident.finding import Dossier, Suspect
from benchmarks.cases import PublicCase
from benchmarks.fault_types import CAUSE_REMEDIATION, MECHANISM_FAULT

NO_COMMIT = "none"
_LEADING = 3
_COMMITTED = ("commit", "deploy")


@dataclass(frozen=True)
class Prediction:
    """What was answered for one case, best first."""

    id: str
    dataset: str
    ranking: tuple[str, ...]
    diagnoses: tuple[tuple[str, str], ...] = ()
    """Component and fault type."""
    commit: str = NO_COMMIT
    remediation: str = ""
    blast_radius: tuple[str, ...] = ()
    suspects: tuple[tuple[str, float], ...] = ()
    """The leading suspects with their scores; "" for what is no candidate."""
    seconds: float = 0.0
    error: str = ""

    def line(self) -> dict[str, Any]:
        """The prediction as one object of `predictions.jsonl`."""
        told = asdict(self)
        told["diagnoses"] = [{"object": component, "root_cause": fault} for component, fault in self.diagnoses]
        return {key: value for key, value in told.items() if value}


def predict(public: PublicCase, dossier: Dossier, seconds: float) -> Prediction:
    """The answer that a dossier gives: suspects first, then what else was found, then what was not."""
    blamed = [(public.candidate(s.service), s) for s in dossier.suspects]
    diagnoses = [(c, MECHANISM_FAULT[s.mechanism]) for c, s in blamed if c and s.mechanism in MECHANISM_FAULT]
    first = dossier.suspects[0] if dossier.suspects else None
    return Prediction(
        id=public.id,
        dataset=public.dataset,
        ranking=_ranking(public, dossier, [c for c, _ in blamed if c]),
        diagnoses=tuple(dict.fromkeys(diagnoses)),
        commit=_commit(first),
        remediation=CAUSE_REMEDIATION.get(first.cause_kind, "") if first else "",
        blast_radius=tuple(s for s in dossier.impact.services if first is None or s != first.service),
        suspects=tuple((component, suspect.score) for component, suspect in blamed[:_LEADING]),
        seconds=round(seconds, 4),
    )


def _ranking(public: PublicCase, dossier: Dossier, blamed: list[str]) -> tuple[str, ...]:
    strongest: dict[str, float] = {}
    for finding in dossier.findings:
        name = public.candidate(finding.service)
        strongest[name] = max(strongest.get(name, 0.0), finding.score)
    rest = sorted(public.candidates, key=lambda c: -strongest.get(c, 0.0))
    return tuple(dict.fromkeys([*blamed, *rest]))


def _commit(first: Suspect | None) -> str:
    """The commit that the first suspect names; none when it is no commit's doing."""
    if first is None:
        return NO_COMMIT
    kind, _, rest = (first.commit or first.change_id).partition(":")
    return rest.rpartition(":")[2] or NO_COMMIT if kind in _COMMITTED else NO_COMMIT
