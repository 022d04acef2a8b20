"""What the generated policies allow where, by AWS's rules of evaluation: resources, regions, receivers of roles."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from autopilot.permissions.actions import READS, STORE, WRITES
from autopilot.permissions.aws_policy import MAX_CHARACTERS, policies
from autopilot.permissions.kubernetes_roles import roles
from autopilot.permissions.scopes import SPEAKING, scopes
from autopilot.remediation.overview import NEEDED, listed_tools
from autopilot.settings import Aws, FolderStore, S3Store, Settings
from autopilot.settings_systems import Automation, Kubernetes, Runbooks, Tools
from cli.main import _run as starter  # pyright: ignore[reportPrivateUsage] - main() ends the process
from tests.unit.project.compose import ROOT

ACCOUNT = "123456789012"
KINDS = {**READS, **WRITES, **STORE}
RUNBOOKS = Runbooks(automation={"clear": Automation(document="Shop-Clear")})
EVERYTHING = Settings(
    aws=Aws(regions=("us-east-1", "eu-west-1", "ap-southeast-2"), flag_prefixes=("/flags",), log_groups=("/shop",)),
    store=S3Store(kind="s3", bucket="cases", prefix="autopilot"),
    runbooks=RUNBOOKS,
)


def generated(settings: Settings, account: str = ACCOUNT) -> Mapping[str, Any]:
    """Both policies for settings."""
    return policies(settings, listed_tools(settings), account)


@cache
def everything() -> Mapping[str, Any]:
    """Both policies where all AWS tools are enabled."""
    return generated(EVERYTHING)


def matches(pattern: str, value: str) -> bool:
    """Whether a policy's pattern with `*` and `?` covers a value."""
    form = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(form, value) is not None


def allowed(policy: Mapping[str, Any], action: str, resource: str, **context: str) -> bool:
    """As IAM decides without a Deny: some statement names action and resource, and its conditions hold."""
    return any(
        action in statement["Action"]
        and any(matches(pattern, resource) for pattern in statement["Resource"])
        and all(
            context.get(key.partition(":")[2]) in ([values] if isinstance(values, str) else values)
            for key, values in statement.get("Condition", {}).get("StringEquals", {}).items()
        )
        for statement in policy["Statement"]
    )


def arn(service: str, rest: str, region: str = "eu-west-1", account: str = ACCOUNT) -> str:
    """An ARN of the watched account."""
    return f"arn:aws:{service}:{region}:{account}:{rest}"


@pytest.mark.parametrize(
    ("action", "resource", "elsewhere"),
    [
        ("dynamodb:UpdateTable", arn("dynamodb", "table/orders"), arn("dynamodb", "table/orders", account="9")),
        ("lambda:UpdateAlias", arn("lambda", "function:checkout:live"), arn("lambda", "layer:checkout")),
        ("ecs:UpdateService", arn("ecs", "service/shop/cart"), arn("ecs", "task/shop/1")),
        ("rds:RebootDBInstance", arn("rds", "db:catalog"), arn("rds", "snapshot:catalog")),
        ("rds:DeleteDBInstance", arn("rds", "db:catalog"), arn("rds", "cluster:catalog")),
        ("rds:AddTagsToResource", arn("rds", "db:catalog"), arn("rds", "pg:catalog")),
        ("ssm:PutParameter", arn("ssm", "parameter/flags/a"), arn("ssm", "parameter/flags-of-others/a")),
        ("ssm:StartAutomationExecution", arn("ssm", "automation-definition/Shop-Clear:1"),
         arn("ssm", "automation-definition/AWS-StopEC2Instance:1")),
        ("apigateway:PATCH", arn("apigateway", "/restapis/a1/stages/prod", account=""),
         arn("apigateway", "/restapis/a1", account="")),
        ("scheduler:UpdateSchedule", arn("scheduler", "schedule/default/nightly"),
         arn("scheduler", "schedule-group/default")),
    ],
)  # fmt: skip
def test_acting_is_narrowed_to_kinds_and_names_and_regions(action: str, resource: str, elsewhere: str) -> None:
    both = everything()

    assert allowed(both["acting"], action, resource, RequestedRegion="eu-west-1")
    assert not allowed(both["acting"], action, elsewhere, RequestedRegion="eu-west-1")
    assert not allowed(both["acting"], action, resource, RequestedRegion="us-west-2")
    assert not allowed(both["reading"], action, resource, RequestedRegion="eu-west-1")


def test_roles_are_passed_only_to_whom_a_tool_hands_them() -> None:
    acting, role = everything()["acting"], f"arn:aws:iam::{ACCOUNT}:role/shop"

    assert allowed(acting, "iam:PassRole", role, PassedToService="ecs-tasks.amazonaws.com")
    assert allowed(acting, "iam:PassRole", role, PassedToService="scheduler.amazonaws.com")
    assert not allowed(acting, "iam:PassRole", role, PassedToService="lambda.amazonaws.com")
    assert not allowed(acting, "iam:PassRole", role)


def test_the_case_store_is_its_own_prefix() -> None:
    reading = everything()["reading"]

    assert allowed(reading, "s3:PutObject", "arn:aws:s3:::cases/autopilot/i/manifest.json")
    assert allowed(reading, "s3:ListBucket", "arn:aws:s3:::cases")
    assert not allowed(reading, "s3:GetObject", "arn:aws:s3:::cases/payroll.csv")
    assert not allowed(reading, "s3:GetObject", "arn:aws:s3:::others/autopilot/a")


def test_a_case_store_without_a_prefix_is_the_whole_bucket_and_needs_nothing_else() -> None:
    policy = generated(Settings(store=S3Store(kind="s3", bucket="cases", prefix="")))["reading"]

    assert allowed(policy, "s3:PutObject", "arn:aws:s3:::cases/i/manifest.json")
    assert {action for s in policy["Statement"] for action in s["Action"]} == set(STORE)


def test_only_listed_log_groups_are_read() -> None:
    reading, here = everything()["reading"], {"RequestedRegion": "us-east-1"}

    assert allowed(reading, "logs:FilterLogEvents", arn("logs", "log-group:/shop", "us-east-1"), **here)
    assert not allowed(reading, "logs:FilterLogEvents", arn("logs", "log-group:/payroll", "us-east-1"), **here)


def test_star_stands_only_where_an_action_has_no_kind_of_resource() -> None:
    for policy in everything().values():
        for statement in policy["Statement"]:
            kinds = [KINDS[action] for action in statement["Action"]]
            assert (statement["Resource"] == ["*"]) == (not any(kinds))


def test_one_statement_never_widens_an_action_to_another_kind_of_its_service() -> None:
    for policy in everything().values():
        for statement in policy["Statement"]:
            kinds_of: dict[str, set[tuple[str, ...]]] = {}
            for action in statement["Action"]:
                kinds_of.setdefault(action.partition(":")[0], set()).add(KINDS[action])
            assert all(len(kinds) == 1 for kinds in kinds_of.values())


def test_every_action_is_allowed_once_and_nothing_by_pattern() -> None:
    both = everything()
    named = [action for policy in both.values() for s in policy["Statement"] for action in s["Action"]]

    assert sorted(named) == sorted({*READS, *WRITES, *STORE})
    assert not [action for action in named if "*" in action]


def test_both_fit_into_managed_policies() -> None:
    for policy in everything().values():
        assert len(json.dumps(policy, separators=(",", ":"))) <= MAX_CHARACTERS


def test_what_is_not_enabled_is_not_allowed() -> None:
    settings = Settings(aws=Aws(), tools=Tools(enabled=("dynamodb.set_capacity",)))
    both = generated(settings)
    written = {action for s in both["acting"]["Statement"] for action in s["Action"]}

    assert written == {"dynamodb:UpdateTable"}
    assert not generated(Settings(aws=Aws(), tools=Tools(enabled=())))["acting"]["Statement"]


def test_other_partitions_have_their_own_arns() -> None:
    chinese = generated(Settings(aws=Aws(regions=("cn-north-1",))), "*")["acting"]

    assert "arn:aws-cn:dynamodb:cn-north-1:*:table/*" in {
        resource for s in chinese["Statement"] for resource in s["Resource"]
    }


GITHUB = ("contents", "pull_requests", "issues", "actions")
CLUSTER = Kubernetes(base_url="https://127.0.0.1:9", write_token=SecretStr("w"), namespaces=("shop", "jobs"))


def test_kubernetes_roles_are_per_namespace_and_know_no_secrets() -> None:
    settings = Settings(kubernetes=CLUSTER)
    found = {what: list(yaml.safe_load_all(text)) for what, text in roles(CLUSTER, listed_tools(settings)).items()}
    rules = [rule for documents in found.values() for role in documents for rule in role["rules"]]

    assert [(role["kind"], role["metadata"].get("namespace")) for role in found["acting"]] == [
        ("Role", "shop"), ("Role", "jobs"), ("ClusterRole", None),
    ]  # fmt: skip
    assert {verb for role in found["reading"] for rule in role["rules"] for verb in rule["verbs"]} == {"list"}
    assert {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["patch"]} in found["acting"][0][
        "rules"
    ]
    assert not [
        rule for rule in rules if "secrets" in rule["resources"] or "*" in rule["verbs"] + rule["resources"]
    ]


def test_a_cluster_that_is_only_read_has_no_role_for_acting() -> None:
    cluster = CLUSTER.model_copy(update={"write_token": None})

    assert set(roles(cluster, listed_tools(Settings(kubernetes=cluster)))) == {"reading"}


@pytest.mark.parametrize(
    ("need", "system", "acting"),
    [
        (
            "github.write_token",
            "github",
            {"contents:write", "pull_requests:write", "issues:write", "actions:write"},
        ),
        ("gitlab.write_token", "gitlab", {"api"}),
        ("bitbucket.write_token", "bitbucket", {"repository:write", "pullrequest:write", "pipeline:write"}),
        ("a code host that may only be read", "github", set[str]()),
        ("servicenow.write or jira.write", "jira", {"write:jira-work"}),
        ("datadog.write_app_key", "datadog", {"monitors_downtime"}),
        ("pagerduty.write_token", "pagerduty", {"REST API key with write access"}),
        ("launchdarkly.write_token", "launchdarkly", {"updateOn", "updateFallthrough"}),
        ("unleash.write_token", "unleash", {"UPDATE_FEATURE_ENVIRONMENT", "UPDATE_FEATURE_STRATEGY"}),
        ("pager", "pager", {"Events API v2 routing key"}),
    ],
)
def test_other_systems_ask_for_what_their_tools_state(need: str, system: str, acting: set[str]) -> None:
    settings = Settings().model_copy(update=dict(NEEDED[need]))
    rows = {row.system: row for row in scopes(settings, listed_tools(settings))}

    assert set(rows[system].acting) == acting
    assert not set(rows[system].reading) & acting


def test_the_command_prints_one_document_that_can_be_given_to_aws(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "autopilot.yaml"
    config.write_text("aws: {regions: [eu-west-1]}\n")

    assert starter(["iam-policy", "--config", str(config), "--only", "acting", "--account", ACCOUNT]) == 0
    acting = json.loads(capsys.readouterr().out)
    assert starter(["iam-policy", "--config", str(config), "--json", "--account", ACCOUNT]) == 0
    whole = json.loads(capsys.readouterr().out)

    assert whole["aws"]["acting"] == acting
    assert acting["Version"] == "2012-10-17"
    assert set(whole) == {"aws", "kubernetes", "scopes"}


def test_the_command_refuses_what_is_no_account_and_what_needs_no_policy(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "autopilot.yaml"
    config.write_text("store: {kind: folder}\n")

    assert isinstance(Settings().store, FolderStore)
    assert starter(["iam-policy", "--config", str(config), "--account", "12"]) == 2
    assert starter(["iam-policy", "--config", str(config), "--only", "reading"]) == 2
    assert "12 digits" in capsys.readouterr().err


def test_the_manifest_in_the_readme_has_the_scopes_that_are_printed() -> None:
    manifest = (ROOT / "README.md").read_text().partition("    bot:\n")[2].partition("settings:")[0]

    assert re.findall(r"- ([a-z]+:[a-z]+)", manifest) == list(SPEAKING["slack"])
