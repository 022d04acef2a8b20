"""What happened in an incident as numbered facts: what a summary is written from and held against. Pure."""

from autopilot.incident.course import course
from autopilot.incident.diagnosis import Hypothesis
from autopilot.incident.finding import Dossier, Finding, Provenance
from autopilot.incident.state import IncidentState
from autopilot.incident.wording import OUTCOMES, clock, headline
from autopilot.reasoning.prompts.planted import withheld

SOURCE = "record of the incident"
MAX_FACTS = 24
MAX_CITED = 12
"""Findings of the dossier that are told besides."""


def account(state: IncidentState, dossier: Dossier) -> Dossier:
    """The facts of the incident and the findings its diagnosis rests on, as one dossier that can be cited.

    The facts get the numbers behind the dossier's. Orders that somebody planted in them are withheld, so that no
    sentence can repeat them.
    """
    last = max((int(f.id[1:]) for f in dossier.findings if f.id[1:].isdecimal()), default=0)
    facts = tuple(
        Finding(
            id=f"F{number}",
            kind="record",
            service=state.service,
            window=dossier.scope_incident,
            score=score,
            summary=withheld(text),
            provenance=Provenance(source=SOURCE),
        )
        for number, (text, score) in enumerate(_facts(state), start=last + 1)
    )
    return dossier.model_copy(update={"findings": (*facts, *_cited(state, dossier))})


def _cited(state: IncidentState, dossier: Dossier) -> list[Finding]:
    """The findings for and against the hypotheses, the leading one's first."""
    hypotheses = state.diagnosis.hypotheses if state.diagnosis else ()
    ids = dict.fromkeys(i for h in hypotheses for i in (*h.supporting, *h.contradicting))
    found = [finding for i in ids if (finding := dossier.finding(i)) is not None]
    return [f.model_copy(update={"summary": withheld(f.summary)}) for f in found[:MAX_CITED]]


def _facts(state: IncidentState) -> list[tuple[str, float]]:
    """What is known, and 1; what was refuted, and 0: only a sentence that denies it may rest on that. Bounded."""
    alert = state.alerts[0] if state.alerts else None
    where = ", ".join(filter(None, (state.environment, *state.regions)))
    hypotheses = state.diagnosis.hypotheses if state.diagnosis else ()
    known = [
        f"At {clock(alert.started_at)} {headline(alert)!r} was reported for {state.service} ({where})."
        if alert
        else "",
        state.diagnosis.impact.summary if state.diagnosis else "",
        *(_told(h) for h in hypotheses if h.standing != "refuted"),
        *(f"At {clock(m.at)}: {m.text}." for m in course(state)),
        _recovery(state),
        f"The incident ended as {OUTCOMES.get(state.outcome, state.outcome)}." if state.outcome else "",
    ]
    refuted = [(_told(h), 0.0) for h in hypotheses if h.standing == "refuted"]
    said = _both_ends([(fact, 1.0) for fact in known if fact])
    return [*said, *refuted][:MAX_FACTS]


def _both_ends(facts: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """How it began and how it ended: of a long incident the middle is left out."""
    half = MAX_FACTS // 2
    return facts if len(facts) <= MAX_FACTS else [*facts[:half], *facts[-half:]]


def _told(hypothesis: Hypothesis) -> str:
    asked = f" (asked by {hypothesis.asked_by})" if hypothesis.asked_by else ""
    return f"Explanation, {hypothesis.standing}{asked}: {hypothesis.statement}"


def _recovery(state: IncidentState) -> str:
    seconds = state.seconds()["to_recovery"]
    if seconds is None:
        return ""
    return f"The service was healthy again {seconds:.0f} seconds ({seconds / 60:.0f} minutes) after the alert."
