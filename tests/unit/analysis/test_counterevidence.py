"""What speaks against the first suspect, and what was not collected at all."""

import json
from datetime import timedelta

import polars as pl
import pytest

from autopilot.analysis.dossier import analyze
from autopilot.case.case import Case
from autopilot.case.schema import frame
from autopilot.incident.evidence import Gap, Table
from tests.unit.analysis.story import NOW, Story, throttled_checkout


def complete(case: Case) -> Case:
    """The case with a row in every table."""
    tables = dict(case.tables)
    extra: dict[Table, dict[str, object]] = {
        "spans": {
            "trace_id": "t", "span_id": "s", "service": "search", "operation": "GET", "duration": 0.1,
            "start": NOW - timedelta(minutes=90), "status": "ok",
        },
        "state": {"time": NOW, "kind": "ecs_service", "name": "search", "service": "search", "body": "{}"},
    }  # fmt: skip
    for name, row in extra.items():
        tables.setdefault(name, frame(name, [row]))
    return Case(case.manifest, tables)


def test_each_kind_of_evidence_that_is_missing_is_a_gap_with_a_remedy() -> None:
    assert analyze(complete(throttled_checkout(1))).gaps == ()
    empty = analyze(Case(throttled_checkout(1).manifest))
    assert [gap.source for gap in empty.gaps] == ["metrics", "logs", "traces", "changes", "state"]
    assert all(gap.kind == "no_data" and gap.remedy for gap in empty.gaps)


def test_gaps_of_the_collection_stay_first() -> None:
    case = throttled_checkout(1)
    failed = Gap(source="xray", kind="denied", what="traces were denied")
    manifest = case.manifest.model_copy(update={"gaps": (failed,)})
    assert [gap.source for gap in analyze(Case(manifest, case.tables)).gaps] == ["xray", "traces"]


@pytest.mark.parametrize("table", ["changes", "spans"])
def test_missing_evidence_lowers_what_it_does_not_touch_a_little(table: Table) -> None:
    case = complete(throttled_checkout(2, None, surge=3))
    case = Case(case.manifest, {**case.tables, "changes": frame("changes", [{"id": "x", "kind": "commit"}])})
    whole = analyze(case).suspects[0]
    part = analyze(Case(case.manifest, {**case.tables, table: frame(table)})).suspects[0]
    assert (part.service, part.cause_kind) == (whole.service, whole.cause_kind)
    assert part.score == pytest.approx(0.98 * whole.score, abs=1e-3)


def test_version_that_served_well_speaks_against_its_own_deploy() -> None:
    story = Story(3, services=("checkout",))
    for number in ("1", "2"):
        values = story.steps(300)
        values[slice(-12, None) if number == "1" else slice(0, -12)] = float("nan")
        story.metric(
            "checkout", "AWS/Lambda", "Duration", "Average", "ms", values,
            FunctionName="checkout", ExecutedVersion=number,
        )  # fmt: skip
    story.change("d:2", "deploy", 12, "Deploy 2", version="2")
    story.logs("checkout", "ERROR", "basket {n} cannot be priced", 11, 30)
    dossier = analyze(story.case())
    assert dossier.suspects[0].change_id == "d:2"
    assert any("Against the first suspect" in t and "healthy" in t for t in dossier.contradictions)


def test_trouble_that_began_before_the_suspect_is_told() -> None:
    for minutes, early in ((25, True), (5, False)):
        story = Story(1, services=("checkout",))
        story.add("topology", {"caller": "checkout", "callee": "orders", "weight": 1.0, "source": "trace"})
        slow = story.steps(50, (minutes, 400))
        story.metric("checkout", "custom", "Latency", "Average", "ms", slow, Service="checkout")
        story.logs("orders", "ERROR", "Container {n} was OOMKilled", 6, 30)
        dossier = analyze(story.case())
        assert (dossier.suspects[0].service, dossier.suspects[0].cause_kind) == ("orders", "memory")
        assert any("this began before it: Latency" in text for text in dossier.contradictions) == early


def test_service_that_only_others_complain_about_is_doubted() -> None:
    story = Story(4, services=("checkout",))
    story.add("topology", {"caller": "checkout", "callee": "payments", "weight": 1.0, "source": "trace"})
    story.logs("checkout", "ERROR", "call to payments timed out after {n} ms", 8, 40)
    story.metric("payments", "custom", "Latency", "Average", "ms", story.steps(40), Service="payments")
    dossier = analyze(story.case())
    assert dossier.suspects[0].service == "payments"
    assert any("measured of payments are unchanged" in text for text in dossier.contradictions)


def test_deploy_to_one_region_does_not_explain_another() -> None:
    story = Story(5, services=("checkout",))
    for region in ("eu-west-1", "us-east-1"):
        before = len(story.tables.get("metrics", []))
        story.metric(
            "checkout", "custom", "Latency", "Average", "ms", story.steps(50, (6, 900)), Service="checkout"
        )
        for row in story.tables["metrics"][before:]:
            row["region"] = region
    story.change("d:1", "deploy", 7, "Deploy v2", version="v2", region="eu-west-1")
    dossier = analyze(story.case())
    assert dossier.suspects[0].change_id == "d:1"
    assert any("suffers in us-east-1 as well as in eu-west-1" in text for text in dossier.contradictions)


def test_unclear_evidence_is_stated_as_insufficient() -> None:
    story = Story(6)
    story.metric("checkout", "custom", "Latency", "Average", "ms", story.steps(50), Service="checkout")
    story.change("d:1", "deploy", 100, "Deploy v2", version="v2")
    story.add("inventory", {
        "resource": "arn:x", "kind": "ecs_service", "name": "checkout", "service": "checkout",
        "settings": json.dumps({"desired_count": 2, "running_count": 2}),
    })  # fmt: skip
    dossier = analyze(story.case())
    assert dossier.insufficient_evidence
    assert dossier.contradictions == ()


@pytest.mark.parametrize("seed", [1, 2])
def test_measured_work_per_request_is_not_refuted_by_a_diff_that_looks_harmless(seed: int) -> None:
    case = throttled_checkout(seed)
    edited = "+++ b/checkout/basket.py\n@@ -1,2 +1,3 @@\n total = 0\n+rows = suggestions_for(basket.owner)\n"
    diff = pl.when(pl.col("diff") != "").then(pl.lit(edited)).otherwise(pl.lit(""))
    changes = case.table("changes").with_columns(
        diff=diff, files=pl.when(pl.col("files") != "").then(pl.lit('["checkout/basket.py"]')).otherwise(pl.lit(""))
    )
    first = analyze(Case(case.manifest, {**case.tables, "changes": changes})).suspects[0]
    assert (first.service, first.cause_kind, first.change_id) == ("checkout", "bad_deploy", "github:d1")
