"""Flags in SSM parameters: a former value, a smaller reach, and nothing that is no flag."""

import json
from collections.abc import Sequence

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.remediation import ssm_flags
from autopilot.remediation.base import Tool
from autopilot.remediation.parts import Parts
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws, Settings
from tests.integration.remediation.compared import Compared
from tests.integration.remediation.conftest import ACCOUNT, REGION, do, plan, step_of, undo
from tests.integration.remediation.fault_proxy import FaultProxy

NAME = "/flags/checkout/fast-path"
FLAG = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{NAME}"
WIDE = json.dumps({"enabled": True, "percentage": 100, "regions": ["us-east-1", "eu-west-1"], "owner": "kim"})
NARROW = json.dumps({"enabled": True, "percentage": 10, "regions": ["us-east-1", "eu-west-1"], "owner": "kim"})
BEFORE = json.dumps({"enabled": False, "percentage": 0, "regions": [], "owner": "kim"})


class OnFlags(Compared):
    """A flag that was off and is on for everybody."""

    calls = ["PutParameter"]
    undo_calls = ["PutParameter"]
    permission = "ssm:PutParameter"

    def tools(self, clients: AwsClients) -> Sequence[Tool]:
        return ssm_flags.build_tools(Parts(Settings(aws=Aws(flag_prefixes=("/flags",))), clients))

    def fill(self, clients: AwsClients) -> None:
        client = clients.ssm()
        client.put_parameter(Name=NAME, Value=BEFORE, Type="String", Description="Skips the check", Tier="Advanced")
        client.put_parameter(
            Name=NAME, Value=WIDE, Overwrite=True, Type="String", Description="Skips the check", Tier="Advanced"
        )
        client.put_parameter(Name="/flags/checkout/key", Value="not-to-be-seen", Type="SecureString")
        client.put_parameter(Name="/flags/checkout/document", Value="x" * 501, Type="String")

    def test_everything_else_of_the_parameter_stays(self, box: CatalogueToolbox, clients: AwsClients) -> None:
        prepared = plan(box, self.step).steps[0]
        assert box.execute(do(prepared), 1).status == "done"
        assert box.execute(undo(prepared), 1).status == "done"
        history = clients.ssm().get_parameter_history(Name=NAME)["Parameters"]
        kept = [(v.get("Version"), v.get("Type"), v.get("Description"), v.get("Tier")) for v in history]
        assert kept == [(n, "String", "Skips the check", "Advanced") for n in (1, 2, 3, 4)]
        assert history[-1].get("Value") == WIDE

    @pytest.mark.parametrize(
        ("name", "reason"),
        [("key", "a SecureString"), ("document", "longer than 500 characters")],
    )
    def test_what_is_no_flag_is_not_changed(
        self, name: str, reason: str, box: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        option = plan(box, self.step.model_copy(update={"target": FLAG.replace("fast-path", name)}))
        assert not option.feasible
        assert reason in option.infeasible_reason
        assert "not-to-be-seen" not in option.model_dump_json()
        assert "ENCRYPTED" not in option.model_dump_json()
        assert proxy.writes() == []

    def test_a_parameter_outside_the_prefixes_is_not_even_read(
        self, box: CatalogueToolbox, proxy: FaultProxy
    ) -> None:
        option = plan(box, self.step.model_copy(update={"target": FLAG.replace("/flags/", "/flagship/")}))
        assert not option.feasible
        assert "is not below /flags/" in option.infeasible_reason
        assert proxy.passed == []

    def test_somebody_who_changed_it_meanwhile_is_not_overruled(
        self, box: CatalogueToolbox, clients: AwsClients, proxy: FaultProxy
    ) -> None:
        prepared = plan(box, self.step).steps[0]
        clients.ssm().put_parameter(Name=NAME, Value="off", Overwrite=True)
        assert box.execute(do(prepared), 1).status == "changed_world"
        assert proxy.writes() == []


class TestRestoreFlag(OnFlags):
    step = step_of("ssm.restore_flag", FLAG, value=BEFORE)
    gone = step.model_copy(update={"target": f"{FLAG}-gone"})
    wanted = {"value": BEFORE}

    def test_the_change_is_told_by_what_the_flag_says(self, box: CatalogueToolbox) -> None:
        changes = plan(box, self.step).steps[0].dry_run.changes
        assert changes == ("enabled: True → False", "percentage: 100 → 0", "regions: us-east-1,eu-west-1 →")


class TestNarrowFlag(OnFlags):
    step = step_of("ssm.narrow_flag", FLAG, value=NARROW)
    gone = step.model_copy(update={"target": f"{FLAG}-gone"})
    wanted = {"value": NARROW}

    def test_policies_are_not_dropped(self, box: CatalogueToolbox, clients: AwsClients) -> None:
        """The emulator tells policies in a form of its own, so the state is made by hand."""
        state = box.inspect(self.step)
        guarded = state.model_copy(update={"observed": state.observed | {"policies": 1}})
        tool = next(tool for tool in self.tools(clients) if tool.name == self.step.tool)
        assert tool.dry_run(self.step, state).feasible
        refused = tool.dry_run(self.step, guarded)
        assert not refused.feasible
        assert "policies" in refused.reason


def test_without_prefixes_there_is_no_such_tool(clients: AwsClients) -> None:
    assert ssm_flags.build_tools(Parts(Settings(aws=Aws()), clients)) == ()
