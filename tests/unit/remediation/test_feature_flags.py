"""What the tools on feature flags offer."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.reasoning.planning.provenance import provenance_problem
from autopilot.remediation import feature_flags, flag_rollouts
from autopilot.remediation.base import Candidate, Context, InventoryItem
from autopilot.remediation.parts import Parts
from autopilot.settings import Settings
from autopilot.settings_systems import Unleash
from tests.unit.remediation.story import context, suspect

FLAG = "unleash:default/production/new-checkout"
SETTINGS = Settings(
    unleash=Unleash(
        base_url="https://unleash.example", flags={"checkout": ("new-checkout",)}, write_token=SecretStr("w")
    )
)


def flag(**settings: Scalar) -> InventoryItem:
    """A flag that half of the people get."""
    present: dict[str, Scalar] = {"on": True, "percent": 50, "of": "s1", "system": "unleash"}
    return InventoryItem(
        resource=FLAG, kind="feature_flag", name="new-checkout", service="checkout", region="",
        settings=present | settings, versions=(), health="on",
    )  # fmt: skip


def offered(where: Context) -> dict[str, Candidate]:
    """The candidates by tool; each one has a provenance that the planner accepts."""
    tools = [*feature_flags.build_tools(Parts(SETTINGS)), *flag_rollouts.build_tools(Parts(SETTINGS))]
    found = [c for tool in tools for thing in where.inventory for c in tool.candidates(thing, where)]
    assert [provenance_problem(c, where.inventory, where.dossier) for c in found] == [""] * len(found)
    return {c.step.tool: c for c in found}


def test_a_suspected_flag_can_be_turned_off_or_limited() -> None:
    found = offered(context(flag(), suspects=(suspect("checkout", "config_change", FLAG),)))
    assert set(found) == {"unleash.turn_off", "unleash.set_rollout"}
    assert found["unleash.set_rollout"].step.arguments == {"percent": 5, "of": "s1"}
    assert found["unleash.turn_off"].fit > found["unleash.set_rollout"].fit > 0.5
    assert "In unleash, default/production: Turn flag new-checkout off" in found["unleash.turn_off"].step.command


def test_a_flag_of_a_suspected_service_fits_less_than_a_suspected_flag() -> None:
    blamed = offered(context(flag(), suspects=(suspect("checkout", "config_change", FLAG),)))
    near = offered(context(flag(), suspects=(suspect("checkout", "config_change"),)))
    assert near["unleash.turn_off"].fit < blamed["unleash.turn_off"].fit


@pytest.mark.parametrize(
    ("item", "service", "kind"),
    [
        (flag(on=False), "checkout", "config_change"),
        (flag(), "payments", "config_change"),
        (flag(), "checkout", "capacity"),
        (replace(flag(), resource="unleash:default/production/dark-mode"), "checkout", "config_change"),
        (replace(flag(), service="payments"), "payments", "config_change"),
        (replace(flag(), kind="ecs_service"), "checkout", "config_change"),
    ],
    ids=["off", "another service", "another cause", "not listed", "listed for another", "no flag"],
)
def test_other_flags_and_causes_get_nothing(item: InventoryItem, service: str, kind: CauseKind) -> None:
    assert offered(context(item, suspects=(suspect(service, kind),))) == {}


@pytest.mark.parametrize("settings", [{"percent": None}, {"percent": 1}, {"of": ""}])
def test_a_share_that_cannot_be_lowered_is_not_offered(settings: dict[str, Scalar]) -> None:
    found = offered(context(flag(**settings), suspects=(suspect("checkout", "bad_deploy"),)))
    assert set(found) == {"unleash.turn_off"}
