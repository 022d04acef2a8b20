"""The review of incidents that ended in every way, read back as a browser or a markdown reader would."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from autopilot.case.store import FolderCaseStore
from autopilot.incident.diagnosis import Diagnosis, Hypothesis
from autopilot.incident.evidence import Document
from autopilot.incident.finding import DossierBrief, TimelineEntry
from autopilot.incident.ports import Reviewer
from autopilot.incident.state import IncidentState
from autopilot.incident.verification import Verification
from autopilot.review import ReviewWriter
from autopilot.review.wording import duration, number
from tests.unit.review.incidents import PLAN, alert, judgement, reading, resolved
from tests.unit.review.shop import DOSSIER, HOSTILE, ID, T

VOID = {"meta", "link", "br", "hr", "input", "img"}


class Page(HTMLParser):
    """Checks nesting, and collects elements, ids, addresses and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == [], f"unclosed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} has {name}"
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src", "xlink:href"}:
                self.addresses.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture
def store(tmp_path: Path) -> FolderCaseStore:
    return FolderCaseStore(tmp_path)


def page(store: FolderCaseStore, document: Document) -> Page:
    return Page(store.get(document.uri).decode())


def markdown(store: FolderCaseStore) -> str:
    return store.get(f"{ID}/documents/review.md").decode()


def bare(**more: object) -> IncidentState:
    return IncidentState.model_validate({"incident_id": ID, "group": "g", "opened_at": T} | more)


def test_a_resolved_incident_is_told_from_alert_to_recovery(store: FolderCaseStore) -> None:
    writer: Reviewer = ReviewWriter(store)
    document = writer.write(resolved(store))
    assert document.uri == f"{ID}/documents/review.html"
    read = page(store, document)
    for words in (
        "Resolved: the service recovered",
        "On 2026-03-02 03:15 UTC",
        "one of 3 alerts",
        "about 1,310 users were hit",
        "Cause (confirmed, 86% (uncalibrated: 0 known outcomes)): v2.4.1 multiplied the reads",
        "Kim Larsen decided at 03:16:22 UTC: option 1",
        "healthy again 5 min 12 s after the alert",
        "2,208 (12%)",
        "F2 speaks for it: reads of orders rose",
        "catalog-db is slow",
        "refuted",
        "F9 speaks against it",
        "flag banner on (after the first deviation",
        "refused: unproven",
        "identity not proven",
        "read_capacity: 400 → 800",
        "Possible: Set the read capacity of orders to 400",
        "update-table",
        "fixed: healthy",
        "no data",
        "Give the worker xray:GetTraceSummaries.",
        "Enable auto scaling on orders.",
        "9,700 tokens, $0.0295",
        "INC0010061",
        "1 statement dropped: 1 with a finding that does not exist.",
        "[passed] reads per request before and after the deploy",
        "xray (failed)",
    ):
        assert words in read.text, words
    assert "DNS is broken" not in read.text
    text = markdown(store)
    assert "DNS is broken" not in text
    for words in (
        "# Post-incident review: checkout: latency above 1,000 ms",
        "| Recovery | 5 min 12 s |",
        "identity not proven",
        "read\\_capacity: 400 → 800",
    ):
        assert words in text, words
    assert "- [ ] Decide whether the change to" in text


def test_the_page_needs_nothing_from_elsewhere(store: FolderCaseStore) -> None:
    read = page(store, ReviewWriter(store).write(resolved(store)))
    assert "script" not in read.elements
    assert not {"link", "img", "iframe"} & set(read.elements)
    outside = [a for a in read.addresses if not a.startswith("#")]
    assert outside == ["https://sn.test/INC0010042"]
    assert len(read.ids) == len(set(read.ids))


def test_evidence_and_recovery_are_drawn(store: FolderCaseStore) -> None:
    read = page(store, ReviewWriter(store).write(resolved(store)))
    assert read.elements.count("svg") == 3
    for words in (
        "usual range",
        "first deviation",
        "change",
        "action",
        "limit",
        "readings during verification",
        "03:00",
    ):
        assert words in read.text, words
    first = read.text.index("orders ConsumedReadCapacityUnits (Sum)")
    assert first < read.text.index("checkout Latency (Average) F1")


def test_the_same_state_gives_the_same_review(store: FolderCaseStore) -> None:
    state = resolved(store)
    assert ReviewWriter(store).write(state).sha256 == ReviewWriter(store).write(state).sha256


def test_proposals_come_from_the_incident(store: FolderCaseStore) -> None:
    read = page(store, ReviewWriter(store).write(resolved(store)))
    for words in (
        "Alarm on use above 80 % of the provider's limit",
        "Add an alarm on orders ConsumedReadCapacityUnits (Sum).",
        "it moved 14 min before the first alert",
        "Finish the lasting fix",
        "show the team where to decide",
        "Decide whether the change to orders stays: read capacity 400 → 800.",
    ):
        assert words in read.text, words
    assert "Add an alarm on checkout Latency" not in read.text


def test_hostile_text_is_shown_as_text(store: FolderCaseStore) -> None:
    state = resolved(store)
    hostile = Hypothesis(
        statement=HOSTILE, cause_kind="throttled", service=HOSTILE, supporting=("F1",), standing="likely"
    )
    loud = DOSSIER.findings[0].model_copy(update={"summary": HOSTILE, "unit": "$<b>x$"})
    dossier = DOSSIER.model_copy(update={"findings": (loud,)})
    assert state.dossier is not None
    stored = store.put(ID, "dossier-2.json", dossier.model_dump_json().encode(), "application/json")
    state.alerts = [alert(HOSTILE)]
    state.dossier = state.dossier.model_copy(update={"uri": stored.uri})
    state.diagnosis = Diagnosis(revision=1, hypotheses=(hostile,), causal_chain=(HOSTILE,), analyst=HOSTILE)
    state.judgements.append(judgement(3, False, "unproven", actor_name=HOSTILE, comment=HOSTILE, message=HOSTILE))
    state.timeline = [TimelineEntry(at=T, kind="note", text=HOSTILE)]
    read = page(store, ReviewWriter(store).write(state))
    assert "script" not in read.elements
    assert read.text.count("<script>alert(1)</script>") >= 6
    text = markdown(store)
    assert "<script" not in text.replace("\\<script", "")
    assert "[x](" not in text.replace("\\[x\\](", "")


def test_a_report_is_written_while_the_incident_waits_for_a_decision(store: FolderCaseStore) -> None:
    state = resolved(store)
    state.phase, state.outcome, state.verdict, state.decision = "decide", None, None, None
    state.judgements, state.executed, state.verifications, state.next_step = [], [], [], "Kim decides"
    state.milestones = {k: v for k, v in state.milestones.items() if k in {"first_message", "diagnosis"}}
    document = ReviewWriter(store).report(state)
    assert document.uri == f"{ID}/documents/report.html"
    read = page(store, document)
    for words in (
        "Root cause report",
        "In progress: decide",
        "Next step: Kim decides",
        "1. Raise the read capacity of orders",
        "Nobody decided anything.",
        "Nothing was changed.",
    ):
        assert words in read.text, words


def test_an_undone_action_and_its_failed_verification_are_told(store: FolderCaseStore) -> None:
    state = resolved(store)
    done = state.executed[0]
    state.undone = [
        done.model_copy(update={"key": done.key.replace("/do", "/undo"), "at": T + timedelta(seconds=200)})
    ]
    worse = Verification(
        verdict="worse", explanation="it grew", before=reading(85, 1250), readings=(reading(120, 2900),)
    )
    state.verifications, state.verdict, state.outcome = [worse], "worse", "handed_over"
    state.milestones.pop("recovery")
    read = page(store, ReviewWriter(store).write(state))
    for words in (
        "worse: the symptom grew",
        "Undone at 03:18:20: done",
        "Find out why 'Raise the read capacity of orders'",
    ):
        assert words in read.text, words
    assert "Decide whether the change" not in read.text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (bare(outcome="aborted"), "stopped by a person before recovery was proven"),
        (bare(outcome="joined", joined_into="incident-orders-1.2"), "part of incident incident-orders-1.2"),
        (bare(outcome="handed_over", plan=PLAN), "the pages of the decision ladder reach somebody"),
        (bare(outcome="self_healed", alerts=[alert()], alert_count=1), "Recovered by itself"),
        (
            bare(outcome="observed", diagnosis=Diagnosis(revision=1, next_steps=("Look at the logs.",))),
            "Look at the logs.",
        ),
        (bare(outcome="handed_over", verdict="no_data"), "Restore the data of the symptom."),
        (bare(handled_by="Kim", outcome="resolved"), "Handled by hand by Kim."),
        (bare(), "In progress: open"),
    ],
)
def test_whatever_is_missing_the_review_is_written(
    store: FolderCaseStore, state: IncidentState, words: str
) -> None:
    assert words in page(store, ReviewWriter(store).write(state)).text
    assert markdown(store).startswith("# Post-incident review")


def test_lost_documents_are_named_and_do_not_stop_the_review(store: FolderCaseStore, tmp_path: Path) -> None:
    state = resolved(store)
    for file in tmp_path.rglob("*.parquet"):
        file.write_bytes(b"not parquet")
    assert "could not be read again" in page(store, ReviewWriter(store).write(state)).text
    state.dossier = DossierBrief(uri=f"{ID}/documents/none.json", revision=1, impact=DOSSIER.impact)
    read = page(store, ReviewWriter(store).write(state))
    assert "The dossier could not be read again" in read.text
    assert "about 1,310 users were hit" in read.text


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, "\N{EN DASH}"), (0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (312, "5 min 12 s"), (7_500, "2 h 5 min")],
)
def test_durations_read_naturally(seconds: float | None, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("value", "told"), [(None, "no data"), (0, "0"), (0.0123, "0.0123"), (12.34, "12.3"), (1240.4, "1,240")]
)
def test_numbers_have_useful_digits(value: float | None, told: str) -> None:
    assert number(value) == told
