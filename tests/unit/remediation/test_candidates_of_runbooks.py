"""What is offered of the team's own automation: once per service, for the causes it helps against, as allowed."""

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.cause import CauseKind
from autopilot.reasoning.planning.provenance import provenance_problem
from autopilot.remediation.base import Candidate, Context
from autopilot.remediation.catalogue import build_catalogue
from autopilot.settings import Aws, Settings
from autopilot.settings_systems import Automation, HttpRunbook, Runbooks
from tests.unit.remediation.aws_story import group, target_group
from tests.unit.remediation.story import context, suspect

RUNBOOKS = Runbooks(
    automation={
        "clear-disk": Automation(
            document="Shop-ClearDisk", parameters={"Fleet": ("web", "batch")}, services=("checkout",),
            helps_against=("disk",), risk="low",
        ),
    },
    http={
        "warm-cache": HttpRunbook(
            url="https://runbooks.example/warm", undo_url="https://runbooks.example/cool",
            helps_against=("capacity", "disk"),
        ),
        "never": HttpRunbook(url="https://runbooks.example/never"),
    },
)  # fmt: skip


def runbooks(where: Context, aws: Aws | None = Aws()) -> dict[str, Candidate]:  # noqa: B008 - frozen
    """The candidates of runbooks by tool; each argument of each is one that the settings allow."""
    settings = Settings(aws=aws, runbooks=RUNBOOKS)
    found = build_catalogue(settings, AwsClients(aws) if aws else None).candidates(where)
    ours = [c for c in found if c.step.tool.startswith(("automation.", "http."))]
    assert [p for c in ours if (p := provenance_problem(c, where.inventory, where.dossier))] == []
    assert len(ours) == len({c.step.tool for c in ours}), "once per service, not once per resource"
    return {c.step.tool: c for c in ours}


def test_each_is_offered_once_for_what_it_helps_against() -> None:
    found = runbooks(context(group(), target_group(), suspects=(suspect("checkout", "disk"),)))
    assert set(found) == {"automation.clear-disk", "http.warm-cache"}
    clear, warm = found["automation.clear-disk"], found["http.warm-cache"]
    assert clear.step.arguments == {"Fleet": "web"}
    assert clear.step.target == "automation:clear-disk:checkout"
    assert (clear.risk, clear.reversibility, clear.addresses) == ("low", "irreversible", {"disk"})
    assert (warm.risk, warm.reversibility) == ("medium", "reversible")
    assert warm.step.command == (
        "curl --fail-with-body -X POST -H 'Content-Type: application/json' -d '{}' https://runbooks.example/warm"
    )


@pytest.mark.parametrize(
    ("service", "kind", "found"),
    [
        ("checkout", "capacity", {"http.warm-cache"}),
        ("checkout", "bad_deploy", set[str]()),
        ("search", "disk", set[str]()),
    ],
)
def test_otherwise_it_is_not_offered(service: str, kind: CauseKind, found: set[str]) -> None:
    assert set(runbooks(context(group(), suspects=(suspect(service, kind),)))) == found


def test_without_an_account_there_is_no_automation_but_what_is_called_by_http() -> None:
    blamed = context(group(), suspects=(suspect("checkout", "disk"),))
    assert set(runbooks(blamed, aws=None)) == {"http.warm-cache"}


def test_each_runbook_is_a_tool_with_its_own_way_back() -> None:
    names = {tool.name: tool for tool in build_catalogue(Settings(runbooks=RUNBOOKS)).tools}
    assert set(names) == {"http.warm-cache", "http.warm-cache.undo", "http.never"}
    assert names["http.warm-cache"].permissions == ("http: POST https://runbooks.example/warm",)
    assert (names["http.never"].reversible, names["http.warm-cache"].reversible) == (False, True)
