"""When a flag is set back or narrowed: when its change is under suspicion, and not otherwise."""

import json
from datetime import timedelta

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.base import Scalar
from autopilot.incident.finding import Impact, Suspect
from autopilot.reasoning.planning.provenance import provenance_problem
from autopilot.remediation.base import Candidate, Context, InventoryItem
from autopilot.remediation.catalogue import build_catalogue
from autopilot.settings import Aws, Settings
from tests.unit.remediation.story import ARN, WINDOW, context, offered, suspect

NAME = "/flags/checkout/fast-path"
ON = json.dumps({"enabled": True, "percentage": 100, "regions": ["us-east-1", "eu-west-1"]})
OFF = json.dumps({"enabled": False, "percentage": 100, "regions": ["us-east-1", "eu-west-1"]})
LATELY = (WINDOW.start + timedelta(minutes=10)).isoformat()
LONG_AGO = (WINDOW.start - timedelta(days=30)).isoformat()
ROOT = suspect("checkout", "config_change").model_copy(update={"change_id": f"ssm_flags:{NAME}:3"})
SOMETHING = suspect("checkout", "config_change")


def flag(changed: str = LATELY, former: str = OFF, **settings: Scalar) -> InventoryItem:
    """A flag at its third version."""
    return InventoryItem(
        resource=ARN.format("ssm", f"parameter{NAME}"), kind="ssm_flag", name=NAME, service="checkout",
        region="us-east-1", health="",
        settings={
            "parameter": NAME, "version": 3, "value": ON, "enabled": True, "percentage": 100,
            "regions": "us-east-1,eu-west-1",
        } | settings,
        versions=(
            {"version": "3", "created_at": changed, "description": ON, "active": True},
            {"version": "2", "created_at": LONG_AGO, "description": ON, "active": False},
            {"version": "1", "created_at": LONG_AGO, "description": former, "active": False},
        ),
    )  # fmt: skip


def candidates(where: Context) -> dict[str, Candidate]:
    """What is offered for flags."""
    settings = Settings(aws=Aws(flag_prefixes=("/flags",)))
    assert settings.aws
    found = build_catalogue(settings, AwsClients(settings.aws)).candidates(where)
    return {c.step.tool: c for c in found if c.step.tool.startswith("ssm.") and c.step.tool.endswith("_flag")}


def test_a_flag_whose_change_is_the_suspect_goes_back_to_what_it_was() -> None:
    found = candidates(context(flag(), suspects=(ROOT,)))
    assert found["ssm.restore_flag"].step.arguments == {"value": OFF}, "version 2 held the same"
    assert "version 1" in found["ssm.restore_flag"].step.summary
    assert not found["ssm.restore_flag"].unproven
    assert found["ssm.restore_flag"].finding_ids == ("F90",)
    assert json.loads(str(found["ssm.narrow_flag"].step.arguments["value"]))["percentage"] == 10
    assert found["ssm.restore_flag"].fit > found["ssm.narrow_flag"].fit


def test_the_region_in_trouble_is_taken_out_first() -> None:
    where = context(flag(), suspects=(ROOT,))
    local = Context(
        where.dossier.model_copy(update={"impact": Impact(regions=("eu-west-1",))}), where.inventory, where.symptom
    )
    value = json.loads(str(candidates(local)["ssm.narrow_flag"].step.arguments["value"]))
    assert value == {"enabled": True, "percentage": 100, "regions": ["us-east-1"]}


def test_a_flag_that_merely_changed_lately_is_a_guess_and_marked() -> None:
    guess = candidates(context(flag(), suspects=(SOMETHING,)))["ssm.restore_flag"]
    assert guess.unproven
    assert "not known to be the cause" in guess.why


@pytest.mark.parametrize(
    ("item", "suspects"),
    [
        (flag(LONG_AGO), (SOMETHING,)),
        (flag("no time"), (SOMETHING,)),
        (flag(), (suspect("checkout", "capacity"),)),
        (flag(), (suspect("orders", "config_change"),)),
        (flag(value=None), (ROOT,)),
    ],
    ids=["long ago", "unknown when", "another cause", "another service", "no flag"],
)
def test_other_flags_are_left_alone(item: InventoryItem, suspects: tuple[Suspect, ...]) -> None:
    assert candidates(context(item, suspects=suspects)) == {}


def test_a_flag_that_never_said_anything_else_has_no_way_back() -> None:
    assert set(candidates(context(flag(former=ON), suspects=(ROOT,)))) == {"ssm.narrow_flag"}


def test_a_flag_that_is_off_is_not_narrowed() -> None:
    assert set(candidates(context(flag(enabled=False), suspects=(ROOT,)))) == {"ssm.restore_flag"}


@pytest.mark.parametrize("blamed", [ROOT, SOMETHING], ids=["proven", "guess"])
@pytest.mark.parametrize("tool", ["ssm.restore_flag", "ssm.narrow_flag"])
def test_every_argument_has_its_origin(tool: str, blamed: Suspect) -> None:
    seen = context(flag(), suspects=(blamed,))
    assert provenance_problem(candidates(seen)[tool], seen.inventory, seen.dossier) == ""


PLACE = ARN.format("appconfig", "application/abc1234/environment/def5678/configuration/fed4321")
DEPLOYED = suspect("checkout", "config_change").model_copy(update={"change_id": "appconfig:abc1234/def5678/2"})


def hosted(deployed_at: str = LATELY, /, **settings: Scalar) -> InventoryItem:
    """Flags whose second version was deployed and switched one of them on."""
    return InventoryItem(
        resource=PLACE, kind="appconfig_flags", name="shop/prod/switches", service="checkout", region="us-east-1",
        health="COMPLETE",
        settings={
            "deployment": 2, "deployed_version": "2", "previous_version": "1", "changed": "fast-path",
            "flag.fast-path.enabled": True, "flag.fast-path.percentage": 100, "flag.banner.enabled": True,
        } | settings,
        versions=(
            {"version": "2", "created_at": deployed_at, "description": "", "active": True},
            {"version": "1", "created_at": LONG_AGO, "description": "", "active": False},
        ),
    )  # fmt: skip


def hosted_candidates(item: InventoryItem, *suspects: Suspect) -> dict[str, Candidate]:
    """What is offered for flags of AppConfig; every argument has its origin."""
    seen = context(item, suspects=suspects)
    found = {name: one for name, one in offered(seen).items() if name.startswith("appconfig.")}
    assert [provenance_problem(one, seen.inventory, seen.dossier) for one in found.values()] == [""] * len(found)
    return found


def test_a_deployment_of_flags_under_suspicion_is_taken_back_or_narrowed() -> None:
    found = hosted_candidates(hosted(), DEPLOYED)
    assert found["appconfig.restore_flags"].step.arguments == {"version": "1"}
    assert not found["appconfig.restore_flags"].unproven
    assert found["appconfig.narrow_flag"].step.arguments == {"flag": "fast-path", "percentage": 10}
    assert "--configuration-version 1" in found["appconfig.restore_flags"].step.command
    assert found["appconfig.restore_flags"].fit > found["appconfig.narrow_flag"].fit


def test_a_deployment_that_merely_was_lately_is_a_guess_and_marked() -> None:
    assert hosted_candidates(hosted(), SOMETHING)["appconfig.restore_flags"].unproven


@pytest.mark.parametrize(
    ("item", "suspected"),
    [
        (hosted(LONG_AGO), SOMETHING),
        (hosted(), suspect("checkout", "capacity")),
        (hosted(), suspect("orders", "config_change")),
        (hosted(deployment=0, deployed_version="", previous_version="", changed=""), SOMETHING),
    ],
    ids=["long ago", "another cause", "another service", "never deployed"],
)
def test_other_deployments_are_left_alone(item: InventoryItem, suspected: Suspect) -> None:
    assert hosted_candidates(item, suspected) == {}


def test_a_first_version_has_no_way_back() -> None:
    assert set(hosted_candidates(hosted(previous_version=""), DEPLOYED)) == {"appconfig.narrow_flag"}


def test_a_flag_that_was_switched_off_is_not_narrowed() -> None:
    assert set(hosted_candidates(hosted(**{"flag.fast-path.enabled": False}), DEPLOYED)) == {
        "appconfig.restore_flags"
    }
