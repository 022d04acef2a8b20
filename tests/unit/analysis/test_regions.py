"""Where it hurts: regions and other labels of which only some values are hit."""

import json
from datetime import timedelta

import numpy as np

from autopilot.analysis.dossier import analyze
from autopilot.incident.finding import Finding
from tests.unit.analysis.story import NOW, Story, Values

EU, US, AP = "eu-west-1", "us-east-1", "ap-south-1"


def only(story: Story) -> list[Finding]:
    return [f for f in analyze(story.case()).findings if f.summary.startswith("Only ")]


def in_region(story: Story, region: str, service: str, name: str, values: Values, unit: str = "ms") -> None:
    before = len(story.tables.get("metrics", []))
    story.metric(service, "custom", name, "Average", unit, values, Service=service)
    for row in story.tables["metrics"][before:]:
        row["region"] = region


def test_only_the_region_that_changed_is_named() -> None:
    story = Story(1)
    for region in (EU, US, AP):
        hurt = region == EU
        in_region(story, region, "checkout", "Latency", story.steps(50, *([(6, 400)] if hurt else [])))
        in_region(story, region, "checkout", "ErrorRate", story.steps(1, *([(6, 20)] if hurt else [])), "Percent")
        in_region(story, region, "orders", "Latency", story.steps(30))
    (found,) = only(story)
    assert (found.region, found.service, found.kind) == (EU, "checkout", "metric")
    assert (
        "Only region eu-west-1 is hit: 2 of 2 series of checkout changed there, 0 of 4 elsewhere" in found.summary
    )
    assert f"({AP}, {US})" in found.summary
    assert found.onset is not None
    assert abs(found.onset - (NOW - timedelta(minutes=6))) <= timedelta(minutes=1)


def test_trouble_everywhere_and_trouble_nowhere_are_no_split() -> None:
    for jumps in ([(6, 400)], []):
        story = Story(2)
        for region in (EU, US, AP):
            in_region(story, region, "checkout", "Latency", story.steps(50, *jumps))
        assert only(story) == []


def test_two_of_three_regions_are_not_an_exception() -> None:
    story = Story(3)
    for region in (EU, US, AP):
        in_region(story, region, "checkout", "Latency", story.steps(50, *([(6, 400)] if region != AP else [])))
    assert only(story) == []


def test_any_label_may_part_the_hit_from_the_rest() -> None:
    story = Story(4)
    for zone in "abcd":
        values = story.steps(50, *([(6, 400)] if zone == "b" else []))
        story.metric(
            "checkout", "prom", "request_duration", "", "seconds", values, environment="production", zone=zone
        )
    (found,) = only(story)
    assert (
        "Only zone b is hit: 1 of 1 series of checkout changed there, 0 of 3 elsewhere (a, c, d)" in found.summary
    )
    assert found.region == ""


def test_one_bad_host_does_not_make_its_region_one_that_is_hit() -> None:
    story = Story(5)
    for number, region in enumerate((EU, EU, EU, US, US, US)):
        values = story.steps(50, *([(6, 400)] if number == 1 else []))
        story.metric("checkout", "prom", "latency", "", "seconds", values, host=f"h{number}", region=region)
        for row in story.tables["metrics"][-180:]:
            row["region"] = region
    (found,) = only(story)
    assert "Only host h1 is hit" in found.summary


def test_names_of_objects_and_cuts_of_a_measurement_are_no_places() -> None:
    story = Story(6)
    for number in range(30):
        values = story.steps(50, *([(6, 400)] if number == 7 else []))
        story.metric("checkout", "prom", "latency", "", "seconds", values, request=f"r{number}")
    for quantile in ("0.5", "0.99"):
        values = story.steps(50, *([(6, 400)] if quantile == "0.99" else []))
        story.metric("checkout", "prom", "duration", "", "seconds", values, quantile=quantile)
    assert only(story) == []


def test_error_lines_of_one_region_are_told() -> None:
    story = Story(7)
    for region in (EU, US):
        story.logs("checkout", "INFO", "order {n} accepted", 180, 2)
        for row in story.tables["logs"][-360:]:
            row["region"] = region
    story.logs("checkout", "ERROR", "payment {n} refused", 6, 20)
    for row in story.tables["logs"][-120:]:
        row["region"] = EU
    (found,) = only(story)
    assert (found.kind, found.region, found.provenance.source) == ("log", EU, "logs")
    assert "error lines of checkout" in found.summary


def test_spans_of_one_region_are_told() -> None:
    story = Story(8)
    for i in range(1_200):
        before = 180 - 0.15 * i
        region = (EU, US)[i % 2]
        slow = region == US and before < 8
        story.add("spans", {
            "trace_id": f"t{i}", "span_id": f"s{i}", "parent_id": "", "service": "checkout", "operation": "GET",
            "start": NOW - timedelta(minutes=before), "status": "error" if slow else "ok", "region": region,
            "duration": float(story.random.normal(2.0 if slow else 0.2, 0.01)),
        })  # fmt: skip
    (found,) = only(story)
    assert (found.kind, found.region) == ("trace", US)
    assert "2 of 2 series" in found.summary


def test_suspect_has_the_region_that_all_its_evidence_has() -> None:
    story = Story(9, services=("checkout",))
    for region in (EU, US, AP):
        jump = [(6, 95)] if region == EU else []
        in_region(story, region, "checkout", "MemoryUtilization", story.steps(40, *jump, noise=0.02), "Percent")
    assert analyze(story.case()).suspects[0].region == EU
    wide = Story(9, services=("checkout",))
    for region in (EU, US, AP):
        jump = [(6, 95)] if region != AP else []
        in_region(wide, region, "checkout", "MemoryUtilization", wide.steps(40, *jump, noise=0.02), "Percent")
    assert analyze(wide.case()).suspects[0].region == ""


def test_labels_that_are_no_json_object_are_ignored() -> None:
    story = Story(10)
    for broken in ("[1]", "{", '{"a": {"b": 1}}', "x" * 5_000, json.dumps({"a": None})):
        story.metric(
            "checkout", "custom", "Latency", "Average", "ms", story.steps(50, (6, 400)), Service="checkout"
        )
        for row in story.tables["metrics"][-180:]:
            row["dimensions"] = broken
    assert only(story) == []
    assert np.isfinite([f.score for f in analyze(story.case()).findings]).all()


def test_versions_are_judged_by_the_spans_that_carry_them() -> None:
    story = Story(11, services=("checkout",))
    for i in range(900):
        before = 180 - 0.2 * i
        canary = before < 20 and i % 4 == 0
        story.add("spans", {
            "trace_id": f"t{i}", "span_id": f"s{i}", "parent_id": "", "service": "checkout",
            "start": NOW - timedelta(minutes=before), "duration": float(story.random.normal(0.2, 0.01)),
            "status": "error" if canary and i % 8 else "ok", "version": "v2" if canary else "v1",
            "operation": "POST",
        })  # fmt: skip
    dossier = analyze(story.case())
    assert {v.version: v.healthy for v in dossier.versions} == {"v1": True, "v2": False}
    assert "v2 served 09:40 UTC to 10:00 UTC" in dossier.versions[1].evidence
    assert "50% of requests failed: unhealthy" in dossier.versions[1].evidence
