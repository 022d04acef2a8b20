"""The deploy probe shows what a change edits and what reviewers said, and when nothing was changed."""

import json
from datetime import timedelta

from autopilot.case.case import Case
from tests.unit.analysis.probes.ask import ask, nothing
from tests.unit.analysis.story import NOW, Story, throttled_checkout

LOOP = """--- a/checkout/orders_repository.py
+++ b/checkout/orders_repository.py
@@ -10,4 +10,5 @@ def basket(items):
-    rows = table.batch_get(items)
+    rows = []
+    for item in items:
+        rows.append(table.query(item))
     return rows
"""


def changed(before: float, diff: str = LOOP, **values: object) -> Case:
    story = Story(1)
    story.change("github:d1", "deploy", before, "Deploy v2 to production", version="v2", author="dana")
    given: dict[str, object] = {
        "author": "dana", "files": json.dumps(["checkout/orders_repository.py"]), "diff": diff,
        "review": json.dumps(["Is a query per item intended?", "Load-tested?"]),
    }  # fmt: skip
    story.change("github:c9", "commit", before + 20, "Recommendations in the basket", **(given | values))
    return story.case()


def test_missing_query_optimisation_is_seen_in_lines_review_and_message() -> None:
    answer = ask(changed(15), "deploy_diff", NOW - timedelta(minutes=5), service="checkout", change="")
    assert answer.outcome == "present"
    overview, hazard, review = answer.findings
    assert "by dana" in overview.summary
    assert "10 min before the first symptom" in overview.summary
    assert "Recommendations in the basket" in overview.summary
    assert "orders_repository.py" in overview.summary
    assert (hazard.cause_kind, hazard.mechanism) == ("bad_deploy", "costly_code")
    assert "table.query(item)" in hazard.summary
    assert "Is a query per item intended?" in review.summary
    assert "Load-tested?" in review.summary
    assert {f.change_id for f in answer.findings} == {"github:d1"}
    assert all("github:c9" in f.provenance.query for f in answer.findings)


def test_change_is_found_by_its_own_id_by_that_of_its_commit_and_by_its_version() -> None:
    for asked in ("github:d1", "d1", "github:c9", "c9", "v2"):
        assert ask(changed(15), "deploy_diff", service="checkout", change=asked).outcome == "present"
    missing = ask(changed(15), "deploy_diff", service="checkout", change="github:d2")
    assert missing.outcome == "unknown"
    assert "github:d1" in missing.summary


def test_change_after_the_first_symptom_does_not_count() -> None:
    onset = NOW - timedelta(minutes=12)
    for asked in ("", "github:d1"):
        answer = ask(changed(8), "deploy_diff", onset, service="checkout", change=asked)
        assert answer.outcome == "absent"
        assert "4 min after the first symptom" in answer.summary


def test_the_last_change_before_the_symptom_is_the_one() -> None:
    story = Story(1)
    for number, before in ((1, 100), (2, 40), (3, 2)):
        story.change(f"ci:{number}", "deploy", before, f"Release {number}", version=f"r{number}")
    answer = ask(story.case(), "deploy_diff", NOW - timedelta(minutes=10), service="checkout", change="")
    assert {f.change_id for f in answer.findings} == {"ci:2"}
    assert "its lines are not recorded" in answer.summary


def test_service_without_changes_among_others_that_have_some() -> None:
    story = Story(1, services=("checkout", "search"))
    story.change("ci:1", "deploy", 15, "Release", version="r1")
    inside = ask(story.case(), "deploy_diff", service="search", change="")
    assert inside.outcome == "absent"
    assert "none of them of search; they are of checkout" in inside.summary
    outside = ask(story.case(), "deploy_diff", service="billing", change="")
    assert outside.outcome == "unknown", "nobody asked for changes of billing"
    assert outside.missing == ("changes",)
    assert ask(nothing(), "deploy_diff", service="checkout", change="").outcome == "unknown"


def test_harmless_edits_are_said_to_be_harmless() -> None:
    docs = {"files": json.dumps(["docs/readme.md"]), "review": ""}
    answer = ask(changed(15, "+ a word", **docs), "deploy_diff", service="checkout", change="")
    assert "only changes documents" in answer.summary
    assert all(f.cause_kind is None for f in answer.findings)


def test_plain_lines_are_shown_when_no_hazard_is_known() -> None:
    case = changed(15, "--- a/x.py\n+++ b/x.py\n@@\n-TITLE = 'a'\n+TITLE = 'b'\n", review="not a list")
    answer = ask(case, "deploy_diff", service="checkout", change="")
    assert any("added \"TITLE = 'b'\"" in f.summary and "no known hazard" in f.summary for f in answer.findings)
    assert any("not a list" in f.summary for f in answer.findings)


def test_deploy_of_the_story_is_read_whole() -> None:
    answer = ask(throttled_checkout(1), "deploy_diff", service="checkout", change="")
    assert "This queries orders once per item, is that on purpose?" in answer.findings[-1].summary


def test_change_of_another_service_proves_nothing_of_this_one() -> None:
    answer = ask(changed(15), "deploy_diff", service="orders", change="github:d1")
    assert answer.outcome == "unknown"
    assert "a change of checkout, not of orders" in answer.summary
    assert {f.service for f in answer.findings} == {"checkout"}
