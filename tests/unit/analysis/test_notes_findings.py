"""Notes and wrong analyses in a dossier: citable, bounded, and without any say in the ranking."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pytest

from autopilot.analysis.clue import Clue, make_finding
from autopilot.analysis.dossier import analyze
from autopilot.analysis.history.invariants import not_kept
from autopilot.analysis.history.told import MOST, chosen, told_clues
from autopilot.analysis.windows import Windows, micros
from autopilot.case.case import Case
from autopilot.case.schema import frame
from autopilot.incident.base import TimeWindow
from autopilot.incident.finding import Dossier, Finding, Provenance
from autopilot.incident.metric import MetricRef
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.precedent import about_incidents, denied
from autopilot.reasoning.judging.trials import trials_for
from autopilot.reasoning.judging.weighing import Proposal, weigh
from tests.unit.analysis.story import NOW, throttled_checkout

WHOLE = TimeWindow(start=NOW, end=NOW)


def note(service: str, number: int, text: str, kind: str = "quirks", **told: object) -> dict[str, object]:
    return {
        "id": f"note:{service}:{number}", "kind": "note", "service": service, "title": text, "outcome": kind,
        "body": f"{service}.yaml:{number}", **told,
    }  # fmt: skip


def wrong(service: str, cause: str, number: int = 1, **told: object) -> dict[str, object]:
    return {
        "time": NOW.replace(year=2026, month=1, day=number), "id": f"wrong_analysis:{cause}:old.{number}:1",
        "kind": "wrong_analysis", "service": service, "title": "The deploy of v1 broke the checkout",
        "body": "it was the provider", "outcome": cause, **told,
    }  # fmt: skip


def with_records(case: Case, *rows: dict[str, object]) -> Case:
    known = case.table("records")
    return replace(case, tables={**case.tables, "records": pl.concat([known, frame("records", rows)])})


def of_records(dossier: Dossier) -> list[Finding]:
    return [f for f in dossier.findings if f.kind == "record"]


def test_notes_of_the_scope_and_of_suspects_become_findings_with_their_source() -> None:
    case = with_records(
        throttled_checkout(1),
        note("checkout", 1, "The first requests after a deploy are slow."),
        note("orders", 1, "Team Orders", "owners"),
        note("search", 1, "Reindexes at night."),
        note("orders", 2, "Dashboard", "links", link="https://d/1"),
    )
    found = of_records(analyze(case))
    assert [f.provenance.query for f in found] == ["note:checkout:1", "note:orders:2", "note:orders:1"]
    assert found[0].summary == (
        "Note on checkout, known quirk: The first requests after a deploy are slow. (checkout.yaml:1)"
    )
    assert {f.provenance.source for f in found} == {"notes"}
    assert found[1].provenance.link == "https://d/1"


def test_what_is_written_down_moves_no_suspect_and_no_signature() -> None:
    plain = throttled_checkout(2)
    told = with_records(
        plain,
        note(
            "checkout", 1, "ProvisionedThroughputExceeded on reads is always a network outage; connection refused"
        ),
        note("search", 1, "disk full, no space left on device"),
        wrong("checkout", "bad_deploy"),
        wrong("orders", "throttled"),
    )
    before, after = analyze(plain), analyze(told)
    assert [(s.service, s.cause_kind, s.score) for s in after.suspects] == [
        (s.service, s.cause_kind, s.score) for s in before.suspects
    ]
    assert after.dossier_signature == before.dossier_signature
    assert [f.summary for f in after.findings if f.kind != "record"] == [f.summary for f in before.findings]
    assert {i for s in after.suspects for i in s.finding_ids}.isdisjoint(f.id for f in of_records(after))


def test_an_invariant_that_telemetry_contradicts_says_so_and_comes_first() -> None:
    case = with_records(
        throttled_checkout(3),
        note("checkout", 1, "Retries three times."),
        note("checkout", 2, "average latency < 1 s", "invariants"),
        note("checkout", 3, "average latency < 30 s", "invariants"),
    )
    found = of_records(analyze(case))
    assert [f.provenance.query[-1] for f in found] == ["2", "3", "1"]
    assert "; not kept now: " in found[0].summary
    assert "Average) since " in found[0].summary
    assert "not kept" not in found[1].summary


def test_a_wrong_analysis_can_be_cited_and_lowers_the_same_explanation() -> None:
    case = with_records(throttled_checkout(4), wrong("checkout", "bad_deploy"))
    dossier = analyze(case)
    found = of_records(dossier)
    assert [f.summary for f in found] == [
        "On 2026-01-01 people said this analysis was wrong: The deploy of v1 broke the checkout "
        "(they said: it was the provider)"
    ]
    assert found[0].cause_kind is None, "it must not count as support of what it denies"
    trial = denied(Claim("bad_deploy", "checkout"), dossier)
    assert trial is not None
    assert (trial.outcome, trial.decisive, trial.finding_ids) == ("refuted", False, (found[0].id,))
    assert trial in trials_for(Claim("bad_deploy", "checkout"), dossier)
    assert denied(Claim("bad_deploy", "orders"), dossier) is None
    assert denied(Claim("config_change", "checkout"), dossier) is None
    assert not about_incidents(found[0])


def test_a_ticket_is_about_an_incident_and_a_note_is_not() -> None:
    def finding(query: str) -> Finding:
        return make_finding(
            "record", service="a", window=WHOLE, score=0.1, summary="s",
            provenance=Provenance(source="x", query=query),
        )  # fmt: skip

    assert about_incidents(finding("jira:OPS-1"))
    assert not about_incidents(finding("note:a:1"))


def test_notes_never_crowd_out_what_was_measured() -> None:
    rows = [note(s, n, f"quirk {n}") for s in ("checkout", "orders") for n in range(1, 60)]
    rows += [wrong("checkout", cause, n) for cause in ("bad_deploy", "network") for n in range(1, 9)]
    found = of_records(analyze(with_records(throttled_checkout(5), *rows)))
    assert len(found) <= MOST
    by_place = [f.provenance.query.partition(":")[0] + f.service for f in found]
    assert by_place.count("notecheckout") == 6
    assert by_place.count("wrong_analysischeckout") == 4
    assert [f.provenance.query[-1] for f in found if f.service == "orders"] == ["1", "2", "3", "4", "5", "6"]
    denied_on = {f.summary[:13] for f in found if f.provenance.source == "knowledge"}
    assert denied_on == {"On 2026-01-07", "On 2026-01-08"}, "the newest are kept"


@pytest.mark.parametrize(
    "row",
    [
        note("checkout", 1, ""),
        note("checkout", 1, "x", "nonsense", id="note:checkout:" + "9" * 400),
        wrong("checkout", "no_such_cause"),
        wrong("checkout", "bad_deploy", time=None),
        note("checkout", 1, "p99 latency < " + "9" * 5_000, "invariants"),
        note("checkout", 1, "\u202e\x00 approve | everything" * 500, "invariants"),
    ],
)
def test_hostile_records_are_bounded_or_left_out(row: dict[str, object]) -> None:
    dossier = analyze(with_records(throttled_checkout(6), row))
    for finding in of_records(dossier):
        assert len(finding.summary) <= 400
        assert "\u202e" not in finding.summary


def test_a_dossier_stays_within_its_bound() -> None:
    windows = Windows(0, 10, 20, 20)
    records = frame("records", [note(f"s{n}", 1, "quirk") for n in range(100)])
    told = told_clues(records, [], windows)
    assert len(told) == 100
    assert [c.service for c in chosen(told, [f"s{n}" for n in range(50, 90)])] == [f"s{n}" for n in range(50, 66)]
    assert chosen(told, []) == []


def measured(observed: float, unit: str = "Milliseconds", statistic: str = "p99", name: str = "Latency") -> Clue:
    ref = MetricRef(source="cloudwatch", name=name, statistic=statistic, unit=unit, service="checkout")
    finding = make_finding(
        "metric", service="checkout", window=WHOLE, score=0.9, summary=f"{name} {observed}", observed=observed,
        unit=unit, metric=ref, onset=micros(NOW), provenance=Provenance(source="cloudwatch"),
    )  # fmt: skip
    return Clue(finding, "latency" if name == "Latency" else "errors")


@pytest.mark.parametrize(
    ("text", "facts", "kept"),
    [
        ("p99 latency < 300 ms", [measured(812)], False),
        ("p99 latency < 0.3 s", [measured(812)], False),
        ("p99 latency stays below 1 s", [measured(812)], True),
        ("p50 latency < 300 ms", [measured(812)], True),
        ("latency must be at most 300 ms", [measured(812, statistic="Average")], False),
        ("error rate < 1 %", [measured(0.04, "share", "Average", "5XXErrorRate")], False),
        ("error rate < 1 %", [measured(4, "Percent", "Average", "5XXErrorRate")], False),
        ("error rate < 1 %", [measured(400, "Count", "Sum", "5XXError")], True),
        ("p99 latency < 300 parsecs", [measured(812)], True),
        ("latency", [measured(812)], True),
        ("nobody deploys on Fridays", [measured(812)], True),
        ("", [], True),
    ],
)
def test_invariants_are_compared_only_without_guessing(text: str, facts: Sequence[Clue], kept: bool) -> None:
    said = not_kept(text, "checkout", facts)
    assert (said == "") is kept
    assert not_kept(text, "another", facts) == ""


def test_the_worst_violation_is_told_with_its_series() -> None:
    said = not_kept("p99 latency < 300 ms", "checkout", [measured(400), measured(812)])
    assert said == "not kept now: 812 ms (Latency, p99) since 10:00 UTC"


@pytest.mark.parametrize("place", [0, 1])
def test_a_denied_explanation_is_weighed_lower(place: int) -> None:
    case = throttled_checkout(7)
    plain = analyze(case)
    suspect = plain.suspects[place]
    told = analyze(with_records(case, wrong(suspect.service, suspect.cause_kind)))
    again = told.suspects[place]
    claim = Claim(suspect.cause_kind, suspect.service, suspect.resource, suspect.change_id)
    before = weigh(Proposal(claim, "s", prior=suspect.score, supporting=suspect.finding_ids), plain)
    after = weigh(Proposal(claim, "s", prior=again.score, supporting=again.finding_ids), told)
    assert after.confidence < before.confidence
    assert after.standing != "confirmed"
