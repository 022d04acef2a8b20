"""Who is meant: persons, teams, groups and schedules of other systems; and who owns what broke."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autopilot.incident.alert import Alert
from autopilot.incident.base import Time
from autopilot.incident.playbook import Snapshot, actors
from autopilot.incident.ports import Failure
from autopilot.playbooks.directory import Directories, Directory, Member
from autopilot.playbooks.folder import PlaybookFolder
from tests.unit.playbooks.documents import RESPONSE, write

NOW = datetime(2026, 11, 18, 3, 15, tzinfo=UTC)  # a Wednesday

PEOPLE = """\
kind: People
metadata: {name: all}
spec:
  people:
    - {name: kim, slack: U1, pager: P1, git: [kim, kim-gh], email: kim@shop.example}
    - {name: noor, slack: U2, pager: P2, email: noor@shop.example}
    - {name: lee, slack: U3, aliases: lee@old.example}
---
kind: Teams
metadata: {name: all}
spec:
  teams:
    - {name: shop, members: [noor, kim], github: acme/shop-team}
    - {name: platform, members: lee, onCall: "pagerduty:PSCHED"}
    - {name: chat, slackGroup: S1, members: lee}
"""


class Known:
    """A directory that knows some groups."""

    def __init__(self, **groups: tuple[Member, ...]) -> None:
        self.groups, self.asked = groups, list[tuple[str, Time]]()

    def members(self, name: str, at: Time) -> tuple[Member, ...]:
        self.asked.append((name, at))
        if name not in self.groups:
            raise Failure(f"{name} is unreachable")
        return self.groups[name]


def schedule(*entries: str, overrides: str = "[]") -> str:
    rows = "".join(f"    - {entry}\n" for entry in entries)
    return f"kind: OnCallSchedule\nmetadata: {{name: s}}\nspec:\n  overrides: {overrides}\n  entries:\n{rows}"


def opened(
    folder: Path,
    directories: Directories | None = None,
    service: str = "checkout",
    environment: str = "production",
    at: datetime = NOW,
) -> Snapshot:
    alert = Alert(
        source="cloudwatch", external_id="1", title="slow", service=service, environment=environment, started_at=at,
        received_at=at, labels={"alarm": "checkout-5xx"}, severity="critical",
    )  # fmt: skip
    return PlaybookFolder(folder, directories=directories).snapshot(alert, at)


def test_a_team_is_paged_by_its_first_member_and_all_of_it_may_approve(tmp_path: Path) -> None:
    snapshot = opened(write(tmp_path, p=PEOPLE, s=schedule("{primary: shop, secondary: lee}")))
    duty = snapshot.on_call
    assert (duty.primary and duty.primary.name, duty.secondary and duty.secondary.name) == ("noor", "lee")
    assert actors(("on-call",), snapshot) == ("slack:U2", "slack:U1", "slack:U3")
    assert actors(("primary",), snapshot) == ("slack:U2", "slack:U1")
    assert snapshot.groups["shop"] == ("slack:U2", "slack:U1")
    assert [person.name for person in snapshot.people] == ["kim", "noor", "lee"]


def test_one_team_on_both_duties_gives_two_people(tmp_path: Path) -> None:
    duty = opened(write(tmp_path, p=PEOPLE, s=schedule("{primary: shop, secondary: shop}"))).on_call
    assert (duty.primary and duty.primary.name, duty.secondary and duty.secondary.name) == ("noor", "kim")


def test_other_systems_are_asked_and_joined_by_the_identity_map(tmp_path: Path) -> None:
    pagerduty = Known(PSCHED=(Member("P1", "Kim"), Member("P9", "Stranger", "s@else.example")))
    opsgenie = Known(Shop=(Member("lee@old.example", email="lee@old.example"),))
    directories: dict[str, Directory] = {"pagerduty": pagerduty, "opsgenie": opsgenie}
    snapshot = opened(
        write(tmp_path, p=PEOPLE, s=schedule("{primary: platform, secondary: 'opsgenie:Shop'}")), directories
    )
    duty = snapshot.on_call
    assert (duty.primary and duty.primary.slack, duty.secondary and duty.secondary.slack) == ("U1", "U3")
    assert snapshot.groups["primary"] == ("slack:U1", "slack:U3")  # the stranger has no Slack id: he cannot approve
    assert pagerduty.asked[0] == ("PSCHED", NOW)
    assert duty.note == ""


def test_a_silent_system_leaves_the_members_of_the_team(tmp_path: Path) -> None:
    snapshot = opened(
        write(tmp_path, p=PEOPLE, s=schedule("{primary: platform, secondary: 'opsgenie:Shop'}")),
        {"pagerduty": Known()},
    )
    duty = snapshot.on_call
    assert (duty.primary and duty.primary.name, duty.secondary) == ("lee", None)
    assert "PSCHED is unreachable" in duty.note
    assert "opsgenie is not configured" in duty.note


def test_a_silent_system_opens_no_door(tmp_path: Path) -> None:
    snapshot = opened(write(tmp_path, p=PEOPLE, s=schedule("{primary: 'pagerduty:X'}")), {"pagerduty": Known()})
    assert actors(snapshot.playbook.approvers, snapshot) == ("on-call",)


def test_approvers_may_be_people_teams_and_groups(tmp_path: Path) -> None:
    playbook = """\
kind: IncidentResponse
metadata: {name: default}
spec:
  approvers: [kim, chat, slack:S7, slack:U99]
"""
    slack = Known(S1=(Member("U2"),), S7=(Member("U8"),))
    folder = write(tmp_path, p=PEOPLE, r=playbook, s=schedule("{primary: kim}"))
    snapshot = opened(folder, {"slack": slack})
    assert actors(snapshot.playbook.approvers, snapshot) == (
        "slack:U1", "slack:U2", "slack:U3", "slack:U8", "slack:U99",
    )  # fmt: skip
    assert [name for name, _ in slack.asked] == ["S1", "S7"]


@pytest.mark.parametrize("name", ["on-call", "anyone", "primary"])
def test_a_team_cannot_take_the_name_of_a_role(tmp_path: Path, name: str) -> None:
    teams = f"kind: Teams\nmetadata: {{name: x}}\nspec:\n  teams:\n    - {{name: {name}}}\n"
    with pytest.raises(Failure, match=r"bad.yaml:5: spec.teams.0.name: .* is a word with its own meaning"):
        PlaybookFolder(write(tmp_path, bad=teams))


def test_overrides_come_before_the_entries_of_a_service(tmp_path: Path) -> None:
    swap = "[{from: 2026-11-18T00:00:00Z, to: 2026-11-19T00:00:00Z, primary: lee, services: [checkout]}]"
    entries = ("{primary: kim}", "{week: 2026-11-18, primary: noor, services: [checkout, orders]}")
    folder = write(tmp_path, p=PEOPLE, s=schedule(*entries, overrides=swap))

    def primary(service: str, days: int) -> str:
        duty = opened(folder, service=service, at=NOW + timedelta(days=days)).on_call
        return duty.primary.name if duty.primary else ""

    assert [primary("checkout", 0), primary("orders", 0), primary("cart", 0)] == ["lee", "noor", "kim"]
    assert [primary("checkout", 1), primary("checkout", 7)] == ["noor", "kim"]


def test_the_playbook_that_demands_most_is_used(tmp_path: Path) -> None:
    def playbook(name: str, triggers: str) -> str:
        return f"kind: IncidentResponse\nmetadata: {{name: {name}}}\nspec: {{triggers: {triggers}}}\n"

    folder = write(
        tmp_path,
        a=playbook("default", "[]"),
        b=playbook("service", "{service: check*}"),
        c=playbook("alarm", "[{cloudWatchAlarm: {name: checkout-*}, source: cloudwatch}, {service: cart}]"),
        d=playbook("unused", "[]"),
    )
    assert opened(folder).playbook.name == "alarm"
    assert opened(folder, service="cart").playbook.name == "alarm"
    assert opened(folder, service="orders", environment="staging").playbook.name == "alarm"
    (folder / "c.yaml").unlink()
    assert opened(folder).playbook.name == "service"
    assert opened(folder, service="orders").playbook.name == "default"


def test_grants_of_other_environments_are_not_in_the_snapshot(tmp_path: Path) -> None:
    folder = write(tmp_path, p=PEOPLE, r=RESPONSE.replace("team-checkout", "shop"), s=schedule("{primary: kim}"))
    response = opened(folder).playbook
    tools = [(grant.tool, grant.max_risk, grant.min_error_share) for grant in response.grants]
    assert ("dynamodb.set_capacity", "medium", None) in tools
    assert ("*.rollback*", "medium", 0.05) in tools
    assert ("*.scale", "low", None) in tools
    staging = RESPONSE.replace("[staging, production]", "[staging]").replace("team-checkout", "shop")
    narrowed = opened(write(tmp_path, r=staging)).playbook
    assert [grant.tool for grant in narrowed.grants] == [grant.tool for grant in response.grants[1:]]


def test_maintenance_and_the_escalation_path_are_in_the_snapshot(tmp_path: Path) -> None:
    window = """\
kind: MaintenanceWindow
metadata: {name: upgrade}
spec: {services: checkout, from: 2026-11-18T03:00:00, to: 2026-11-18T04:00:00, reason: new database}
"""
    folder = write(
        tmp_path, p=PEOPLE, m=window, r=RESPONSE.replace("team-checkout", "shop"), s=schedule("{primary: kim}")
    )
    snapshot = opened(folder)
    assert snapshot.maintenance is not None
    assert (snapshot.maintenance.name, snapshot.maintenance.reason) == ("upgrade", "new database")
    assert opened(folder, at=NOW + timedelta(hours=1)).maintenance is None
    reached = [(step.to, step.after, person.name if person else "") for step, person in snapshot.escalation]
    assert reached == [("secondary", 600, ""), ("shop", 1_800, "noor")]


CATALOGUE = """\
kind: ServiceCatalogue
metadata: {name: all}
spec:
  services:
    - {name: orders, owner: shop}
    - {name: ghosts, owner: []}
    - {name: payments, paths: [pay/src/main.py]}
"""
CODEOWNERS = """\
*            @acme/everybody
/services/cart/   @kim-gh
/pay/        @acme/shop-team
docs/*       lee@old.example
"""


@pytest.mark.parametrize(
    ("component", "files", "authors", "person", "team", "found"),
    [
        ("checkout", (), ("kim",), "lee", "", "on call for checkout"),
        ("orders", (), (), "noor", "shop", "owner of orders in the service catalogue"),
        ("cart", (), (), "kim", "", "CODEOWNERS line 2"),
        ("payments", (), (), "noor", "shop", "CODEOWNERS line 3"),
        ("other", ("docs/x.md",), (), "lee", "", "CODEOWNERS line 4"),
        ("other", (), ("Noor <noor@shop.example>",), "noor", "", "made the suspected change of other"),
        ("other", (), ("stranger",), None, None, None),
    ],
)
def test_the_owner_of_what_broke(
    tmp_path: Path, component: str, files: tuple[str, ...], authors: tuple[str, ...], person: str | None,
    team: str | None, found: str | None,
) -> None:  # fmt: skip
    past = "{week: 2026-01-01, primary: kim, services: orders}"
    entries = ("{primary: lee, services: checkout}", past, "{primary: kim}")
    folder = write(tmp_path, p=PEOPLE, c=CATALOGUE, s=schedule(*entries))
    (folder / "CODEOWNERS").write_text(CODEOWNERS)
    owner = PlaybookFolder(folder).owner(component, files, authors, NOW)
    if found is None:
        assert owner is None
        return
    assert owner is not None
    assert (owner.person and owner.person.name, owner.team) == (person, team)
    assert found in owner.found


def test_a_pattern_that_could_take_for_ever_is_refused(tmp_path: Path) -> None:
    (tmp_path / "CODEOWNERS").write_text("# ok\n" + "*a" * 40 + " @kim\n")
    with pytest.raises(Failure, match=r"CODEOWNERS:2: pattern: is too long or has too many stars"):
        PlaybookFolder(tmp_path)
