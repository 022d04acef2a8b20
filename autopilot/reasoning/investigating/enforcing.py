"""What is left of a model's hypotheses after every sentence and citation was checked against the findings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autopilot.incident.cause import CauseKind
from autopilot.incident.diagnosis import DroppedClaim
from autopilot.incident.finding import Dossier
from autopilot.incident.investigation import Proposed, ProposedLink
from autopilot.reasoning.judging.citations import enforce, existing, known_services
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.signs import short_name
from autopilot.reasoning.judging.weighing import UNRANKED, Proposal, suspect_for

MAX_CITED = 20
"""Ids that one hypothesis may list for and against."""

Neighbours = Mapping[str, frozenset[str]]


@dataclass
class Checking:
    """One diagnosis while it is checked: what was looked at, and what fell."""

    dossier: Dossier
    neighbours: Neighbours | None = None
    claims: int = 0
    """Sentences, citations and names that were checked."""
    dropped: list[DroppedClaim] = field(default_factory=list[DroppedClaim])

    def proposal(self, proposed: Proposed) -> Proposal | None:
        """A hypothesis after enforcement; None when nothing of it is supported."""
        self.claims += 1
        if proposed.service not in known_services(self.dossier):
            self._drop(proposed.statement, f"the service {proposed.service!r} occurs in no finding")
            return None
        supporting = self._existing(proposed.supporting, proposed.service)
        against = self._existing(proposed.contradicting, proposed.service)
        text, cited = self._sentences(
            proposed.statement, (*supporting, *against), proposed.service, proposed.cause_kind
        )
        if not text:
            return None
        claim = Claim(
            cause_kind=proposed.cause_kind,
            service=proposed.service,
            resource=_resource(proposed.resource, proposed.service, self.dossier),
            change_id=self._change(proposed.change_id, proposed.service),
        )
        suspect = suspect_for(claim, self.dossier)
        region = suspect.region if suspect else ""
        prior = suspect.score if suspect else UNRANKED
        return Proposal(claim, text, region, prior, supporting or cited, against)

    def add(self, other: "Checking") -> None:
        """Count what was checked elsewhere."""
        self.claims += other.claims
        self.dropped += other.dropped

    def chain(self, links: Sequence[ProposedLink], service: str) -> tuple[str, ...]:
        """The sentences of a causal chain that their findings bear out, each with its citations."""
        kept: list[str] = []
        for link in links:
            text, cited = self._sentences(link.sentence, link.findings, service)
            missing = [i for i in cited if i not in text]
            if text:
                kept.append(f"{text} ({', '.join(missing)})" if missing else text)
        return tuple(kept)

    def _drop(self, claim: str, reason: str) -> None:
        self.dropped.append(DroppedClaim(claim=claim, reason=reason))

    def _existing(self, ids: Sequence[str], service: str) -> tuple[str, ...]:
        found = existing(ids[:MAX_CITED], self.dossier, service, self.neighbours)
        self.claims += found.checked
        self.dropped += found.dropped
        return found.ids

    def _sentences(
        self, text: str, cited: Sequence[str], service: str, kind: CauseKind | None = None
    ) -> tuple[str, tuple[str, ...]]:
        checked = enforce(text, cited, self.dossier, service, self.neighbours, kind=kind)
        self.claims += checked.checked
        self.dropped += checked.dropped
        return checked.text, checked.cited

    def _change(self, change_id: str, service: str) -> str:
        """The change id, when it was found to be a change of the service that is blamed."""
        if not change_id:
            return ""
        self.claims += 1
        about = (*self.dossier.findings, *self.dossier.suspects)
        places = {x.service for x in about if x.change_id == change_id}
        if service in places:
            return change_id
        whose = f"is one of {min(places)!r}, not of {service!r}" if places else "occurs in no finding"
        self._drop(f"caused by {change_id}", f"the change {change_id!r} {whose}")
        return ""


def _resource(name: str, service: str, dossier: Dossier) -> str:
    """The full id of a resource that was named short; empty when it is unknown or ambiguous."""
    known = {f.resource for f in (*dossier.findings, *dossier.suspects) if f.resource and f.service == service}
    fits = {r for r in known if name in (r, short_name(r))}
    return fits.pop() if len(fits) == 1 else ""
