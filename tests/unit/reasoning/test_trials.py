"""Tests that the dossier allows by itself, for many kinds of cause: what shows, what lacks, what came first."""

import pytest

from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Finding
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.trials import trials_for
from tests.unit.reasoning import story


def outcomes(claim: Claim, *found: Finding) -> list[tuple[str, bool]]:
    dossier = story.dossier(findings=found, versions=(), suspects=())
    return [(t.outcome, t.decisive) for t in trials_for(claim, dossier)]


def line(number: int, service: str, text: str, cause: CauseKind | None = None) -> Finding:
    return story.finding(number, "log", service, text, minutes=-3.5, cause=cause)


ANNOUNCED: tuple[CauseKind, ...] = ("certificate", "permission", "image", "startup", "crash", "scheduling")


@pytest.mark.parametrize("kind", ANNOUNCED)
def test_trouble_that_tells_of_itself_shows_or_is_refuted(kind: CauseKind) -> None:
    claim = Claim(kind, "checkout")
    assert outcomes(claim, line(20, "checkout", "it says so", kind)) == [("held", True)]
    assert outcomes(claim, line(20, "checkout", "something else")) == [("refuted", True)]
    assert outcomes(claim, line(20, "orders", "it says so", kind)) == [("refuted", False)]
    assert outcomes(claim, story.DURATION) == [("silent", False)]  # nothing that would tell was read


def test_a_dependency_is_known_by_who_complains() -> None:
    complaint = line(20, "checkout", "New error of checkout [timeout]: call to payments timed out", "dependency")
    slow = story.finding(21, "metric", "payments", "payments Latency rose", metric="Latency")
    assert outcomes(Claim("dependency", "payments"), complaint, slow)[0] == ("held", True)
    assert outcomes(Claim("dependency", "checkout"), complaint, slow)[0] == ("refuted", False)
    assert outcomes(Claim("dependency", "payments"), complaint, slow, story.CHANGE)[0] == ("held", False)
    other = line(22, "checkout", "call to payments-db timed out", "dependency")
    assert ("held", True) not in outcomes(Claim("dependency", "payments"), other, slow)


def test_a_change_whose_effect_sets_in_with_it_passed_a_test() -> None:
    flag = story.finding(20, "change", "checkout", "Flag new-tax on", minutes=-4.5, change="flag:7")
    step = story.finding(21, "metric", "checkout", "Errors rose with the change", metric="Errors", minutes=-4.4,
                         change="flag:7")  # fmt: skip
    late = step.model_copy(update={"onset": story.ALARM})
    claim = Claim("config_change", "checkout", change_id="flag:7")
    assert ("held", True) in outcomes(claim, flag, step)
    assert ("held", True) not in outcomes(claim, flag, late)


def test_an_edit_known_to_do_harm_is_not_cleared_by_a_calm_service() -> None:
    sound = (story.version("v2.4.0", True, -180), story.version("v2.4.1", True, -15))
    claim = Claim("bad_deploy", "checkout", change_id=story.DEPLOY)
    calm = trials_for(claim, story.dossier(versions=sound))
    assert ("refuted", True) in [(t.outcome, t.decisive) for t in calm if "itself was healthy" in t.text]
    harmful = story.CHANGE.model_copy(update={"mechanism": "costly_code"})
    dossier = story.dossier(versions=sound, findings=(harmful, *story.dossier().findings[1:]))
    told = [(t.outcome, t.decisive) for t in trials_for(claim, dossier) if "itself was healthy" in t.text]
    assert told == [("refuted", False)]


def test_a_late_first_sign_is_not_held_against_a_place() -> None:
    late = story.DURATION.model_copy(update={"onset": story.ALARM.replace(minute=45)})
    assert outcomes(Claim("dependency", "checkout"), late) == [("silent", False)]


@pytest.mark.parametrize(
    ("kind", "series"), [("traffic_surge", "Count"), ("throttled", "ThrottledRequests"), ("quota", "Throttles")]
)
def test_only_a_series_that_was_read_settles_that_nothing_rose(kind: CauseKind, series: str) -> None:
    calm = story.finding(20, "metric", "checkout", "as before", metric=series).model_copy(
        update={"direction": "none"}
    )
    assert outcomes(Claim(kind, "checkout"), story.DURATION, calm)[0] == ("refuted", True)
    assert outcomes(Claim(kind, "checkout"), story.DURATION)[0] == ("refuted", False)
    assert outcomes(Claim(kind, "checkout"), line(21, "checkout", "slow"))[0] == ("silent", False)
