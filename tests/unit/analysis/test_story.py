"""What the analysis concludes from whole incidents, over many noises."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from autopilot.analysis.dossier import analyze
from autopilot.analysis.text_table import text_table
from autopilot.case.case import Case
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Dossier, Suspect
from tests.unit.analysis.story import (
    NOW,
    TABLE_ARN,
    config_changed,
    dependency_down,
    healthy,
    memory_leak,
    pool_exhausted,
    throttled_checkout,
)

SEEDS = range(30)
SOME = range(5)
FEW = range(2)


def named(suspects: tuple[Suspect, ...]) -> list[tuple[str, CauseKind]]:
    return [(s.service, s.cause_kind) for s in suspects]


def supported(dossier: Dossier, suspect: Suspect) -> bool:
    """Whether the suspect cites findings that exist and carry figures."""
    cited = [dossier.finding(id_) for id_ in suspect.finding_ids]
    return bool(cited) and all(cited) and any(f.observed is not None and f.size for f in cited if f)


@pytest.mark.parametrize("seed", SEEDS)
def test_deploy_that_needs_more_reads_comes_before_the_capacity_it_exhausts(seed: int) -> None:
    dossier = analyze(throttled_checkout(seed))
    assert named(dossier.suspects[:3]) == [
        ("checkout", "bad_deploy"), ("orders", "capacity"), ("checkout", "traffic_surge"),
    ]  # fmt: skip
    first, second, _ = dossier.suspects[:3]
    assert first.change_id == "github:d1"
    assert "v2.4.1" in first.change_summary
    assert second.resource == TABLE_ARN
    assert all(supported(dossier, suspect) for suspect in dossier.suspects[:3])
    assert not dossier.insufficient_evidence
    assert dossier.onset is not None
    assert abs(dossier.onset - (NOW - timedelta(minutes=5))) <= timedelta(minutes=1)


@pytest.mark.parametrize("seed", SOME)
def test_traffic_alone_never_blames_a_deploy(seed: int) -> None:
    dossier = analyze(throttled_checkout(seed, None, surge=3))
    assert named(dossier.suspects[:2]) == [("orders", "capacity"), ("checkout", "traffic_surge")]
    assert not any(s.change_id for s in dossier.suspects)


@pytest.mark.parametrize("seed", SOME)
def test_deploy_recorded_after_the_onset_is_shown_but_not_suspected(seed: int) -> None:
    dossier = analyze(throttled_checkout(seed, 3, effective=False, surge=3))
    assert named(dossier.suspects)[0] == ("orders", "capacity")
    assert "bad_deploy" not in {s.cause_kind for s in dossier.suspects}
    late = [e for e in dossier.timeline if e.kind == "change"]
    assert [e.after_onset for e in late] == [True]
    assert any("after the onset" in text for text in dossier.contradictions)


def test_deploy_seconds_after_the_alarm_is_not_the_cause() -> None:
    case = throttled_checkout(3, 5, effective=False, surge=3)
    # The alarm fires at 09:55:00 with the first bad minute, the deploy is stamped fifteen seconds later.
    onset = NOW - timedelta(minutes=5)
    changes = case.table("changes").with_columns(time=onset + timedelta(seconds=15))
    scope = case.scope.model_copy(update={"alerted_at": onset})
    moved = Case(case.manifest.model_copy(update={"scope": scope}), {**case.tables, "changes": changes})
    dossier = analyze(moved)
    assert "bad_deploy" not in {s.cause_kind for s in dossier.suspects}
    assert {e.after_onset for e in dossier.timeline if e.kind == "change"} == {True}


@pytest.mark.parametrize("seed", FEW)
def test_innocent_deploy_before_the_onset_stays_below_what_is_measured(seed: int) -> None:
    dossier = analyze(throttled_checkout(seed, 15, effective=False, surge=3))
    assert named(dossier.suspects)[0] == ("orders", "capacity")
    assert all(s.score < 0.35 for s in dossier.suspects if s.cause_kind == "bad_deploy")


@pytest.mark.parametrize("seed", SOME)
def test_healthy_case_is_insufficient_evidence(seed: int) -> None:
    dossier = analyze(healthy(seed))
    assert dossier.insufficient_evidence
    assert dossier.onset is None
    assert all(s.score < 0.35 for s in dossier.suspects)


@pytest.mark.parametrize("seed", FEW)
@pytest.mark.parametrize(
    ("make", "service", "cause"),
    [
        (memory_leak, "checkout", "memory"),
        (pool_exhausted, "checkout", "connection_pool"),
        (dependency_down, "bank-gateway", "dependency"),
        (config_changed, "checkout", "config_change"),
    ],
)
def test_other_faults_are_named_with_their_service(
    make: Callable[[int], Case], service: str, cause: CauseKind, seed: int
) -> None:
    dossier = analyze(make(seed))
    assert named(dossier.suspects)[0] == (service, cause)
    assert not dossier.insufficient_evidence
    assert supported(dossier, dossier.suspects[0])


def test_the_whole_dossier_of_the_story() -> None:
    dossier = analyze(throttled_checkout(1))
    assert [f.id for f in dossier.findings] == [f"F{n}" for n in range(1, len(dossier.findings) + 1)]
    assert dossier.impact.error_share == pytest.approx(0.12, abs=0.02)
    assert dossier.impact.services == ("checkout", "orders")
    assert {v.version: v.healthy for v in dossier.versions} == {"v2.4.0": True, "v2.4.1": False}
    assert all(dossier.finding(v.finding_id) for v in dossier.versions)
    repeated = [f for f in dossier.findings if f.kind == "recurrence"]
    assert len(repeated) == 1
    assert "raised read capacity" in repeated[0].summary
    read_again = [f for f in dossier.findings if f.kind == "metric" and f.metric]
    assert {"Duration", "ReadThrottleEvents"} <= {f.metric.name for f in read_again if f.metric}
    assert all(f.provenance.query and f.baseline is not None for f in read_again)
    moments = [e.at for e in dossier.timeline]
    assert moments == sorted(moments)
    text = text_table(dossier)
    assert "checkout (us-east-1): bad deploy" in text
    assert max(len(line) for line in text.splitlines()) <= 110


def test_three_records_of_one_deploy_and_its_commit_are_one_change() -> None:
    changes = [f for f in analyze(throttled_checkout(1)).findings if f.kind == "change"]
    assert len(changes) == 1
    assert {"github:d1", "lambda:2", "cloudtrail:e9"} == set(
        changes[0].provenance.query.removeprefix("changes of checkout: ").split(", ")
    )
    assert "orders_repository.py" in changes[0].summary


def test_like_incidents_share_a_signature_and_others_do_not() -> None:
    alike = {analyze(throttled_checkout(seed)).dossier_signature for seed in SOME}
    assert len(alike) == 1
    assert analyze(dependency_down(1)).dossier_signature not in alike
