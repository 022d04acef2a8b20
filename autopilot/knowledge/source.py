"""The knowledge base as a source: past incidents as records, known calls as topology."""

import re
import time
from collections.abc import Sequence

from autopilot.case.schema import frame
from autopilot.incident.evidence import WRONG_ANALYSIS, Scope
from autopilot.knowledge.base import Feedback, Similar
from autopilot.knowledge.sqlite import KnowledgeBase
from autopilot.sources.base import Budget, Collected

LIMIT = 20
_CITATION = re.compile(r"[ \t]*[(\[]\s*F\d+(?:\s*(?:,|;|and|&|-)\s*F\d+)*\s*[)\]]")
_ID = re.compile(r"\bF(\d+)\b")


class KnowledgeSource:
    """Our own past incidents about the scope's services."""

    name = "knowledge"

    def __init__(self, knowledge: KnowledgeBase, environment: str) -> None:
        """`environment` is whose topology `edges` tells."""
        self._knowledge, self._environment = knowledge, environment

    def collect(self, scope: Scope, budget: Budget, into: Collected) -> None:
        """Past incidents as records with their outcome, and the calls around the services."""
        budget.spend()
        started = time.monotonic()
        text = " ".join((*scope.services, scope.hint))
        found = self._knowledge.similar(scope.services, "", text, LIMIT)
        records = [_record(s) for s in found if s.lesson.incident_id != scope.incident_id]
        into.asked(f"similar incidents: {text}", None, len(records), time.monotonic() - started)
        into.add("records", frame("records", records))
        self._denials(scope, found, into)
        if not records:
            into.miss("no_data", "no past incident resembles this one")
        budget.spend()
        edges = self._knowledge.edges(scope.environment)
        near = [e for e in edges if set(e) & set(scope.services)]
        into.asked(f"known calls in {scope.environment}", None, len(near))
        calls = [
            {"caller": caller, "callee": callee, "weight": 1.0, "source": "catalogue"} for caller, callee in near
        ]
        into.add("topology", frame("topology", calls))

    def _denials(self, scope: Scope, found: Sequence[Similar], into: Collected) -> None:
        """Explanations that turned out wrong, about these services or in an incident that resembles this one."""
        said = [*self._knowledge.feedback(scope.services, LIMIT), *(f for s in found for f in s.lesson.feedback)]
        wrong = {
            (f.incident_id, f.service, f.cause_kind): f
            for f in said
            if f.wrong and f.incident_id != scope.incident_id
        }
        into.asked(f"earlier explanations that turned out wrong: {' '.join(scope.services)}", None, len(wrong))
        into.add("records", frame("records", [_denial(n, f) for n, f in enumerate(wrong.values(), 1)]))

    def edges(self) -> Sequence[tuple[str, str]]:
        """(caller service, callee service) pairs that past cases have seen."""
        return self._knowledge.edges(self._environment)


def _record(similar: Similar) -> dict[str, object]:
    lesson = similar.lesson
    solved = ["chosen: " + ", ".join(lesson.chosen)] if lesson.chosen else []
    # The verdict first: what shows a record may cut its end, and a target may be a long name.
    worked = [f"worked: {t.tool} on {t.target}" for t in lesson.tools if t.worked]
    failed = [f"did not help: {t.tool} on {t.target}" for t in lesson.tools if not t.worked]
    tested = [f"said then: {f.said} ({f.came_of or 'not tested'})" for f in lesson.feedback if f.said]
    return {
        "time": lesson.at,
        "id": f"knowledge:{lesson.incident_id}",
        "kind": "incident",
        "service": lesson.service,
        "title": lesson.title,
        "body": _of_then("\n".join([lesson.statement or lesson.detail, *tested])),
        "resolution": "; ".join([*worked, *failed, *solved]),
        "outcome": " ".join(part for part in (lesson.outcome, lesson.verdict) if part),
        "link": "",
    }


def _denial(number: int, feedback: Feedback) -> dict[str, object]:
    """An explanation that turned out wrong, as a record: `outcome` is its kind of cause."""
    return {
        "time": feedback.at,
        "id": f"{WRONG_ANALYSIS}:{feedback.cause_kind}:{feedback.incident_id}:{number}",
        "kind": WRONG_ANALYSIS,
        "service": feedback.service,
        "title": _of_then(feedback.statement),
        "body": _of_then(feedback.said),
        "resolution": _of_then(feedback.came_of),
        "outcome": feedback.cause_kind,
        "link": "",
    }


def _of_then(text: str) -> str:
    """A text about a past incident without its citations: in the present one the same ids are other findings."""
    return _ID.sub(r"finding \1 of then", _CITATION.sub("", text))
