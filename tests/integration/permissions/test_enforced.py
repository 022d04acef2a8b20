"""The generated policies under an IAM that enforces them: what is enabled works, anything else is denied.

moto verifies signatures and actions; it evaluates neither `Resource` (but for S3) nor `Condition` (one makes it
deny), and asks for `SERVICE:OPERATION` where AWS asks for another name. So a policy is put to it with both left out
and in its words; resources and conditions are read in tests/unit/permissions/test_policy.py. It cannot verify GET
and DELETE requests of REST APIs, does not know some paths, and gives X-Ray's actions names of its own: UNVERIFIED
has these. Their actions are held to the code by tests/unit/permissions/test_stated.py.
"""

from collections.abc import Iterator, Mapping

import pytest
from moto import mock_aws
from moto.core import disable_iam_authentication, enable_iam_authentication

from autopilot.clients.aws import AwsClients
from autopilot.incident.plan import DraftOption, ExecuteStep, Step
from autopilot.incident.ports import Failure
from autopilot.permissions.actions import READS, WRITES
from autopilot.permissions.aws_policy import policies
from autopilot.remediation.catalogue import Catalogue
from autopilot.remediation.dynamodb import SetCapacity
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws
from tests.integration.permissions.asking import REGION, Account, Policy
from tests.unit.permissions.calls import calls_of, iam_actions, model
from tests.unit.permissions.test_stated import SETTINGS, SOURCES, TOOLS

Operation = tuple[str, str]
CALLS: frozenset[Operation] = frozenset(
    calls_of(*{type(one) for one in (*TOOLS.values(), *SOURCES.values())}).calls
)
ACTION: Mapping[Operation, str] = {call: next(iter(iam_actions({call}))) for call in CALLS}
UNVERIFIED = {"apigateway", "appconfig", "lambda", "scheduler", "xray"}
"""Services of which moto cannot verify some requests, or any."""
OTHER: tuple[Operation, ...] = (
    ("autoscaling", "DeleteAutoScalingGroup"),
    ("cloudformation", "DeleteStack"),
    ("cloudformation", "UpdateStack"),
    ("dynamodb", "DeleteTable"),
    ("dynamodb", "GetItem"),
    ("dynamodb", "Scan"),
    ("ec2", "TerminateInstances"),
    ("ec2", "RunInstances"),
    ("ecs", "DeleteService"),
    ("ecs", "RegisterTaskDefinition"),
    ("elbv2", "DeleteLoadBalancer"),
    ("iam", "AttachUserPolicy"),
    ("iam", "CreateAccessKey"),
    ("iam", "CreateUser"),
    ("kms", "Decrypt"),
    ("logs", "DeleteLogGroup"),
    ("rds", "DeleteDBCluster"),
    ("rds", "CreateDBSnapshot"),
    ("secretsmanager", "GetSecretValue"),
    ("ssm", "DeleteParameter"),
    ("ssm", "SendCommand"),
    ("sts", "AssumeRole"),
)


def in_motos_words(policy: Policy) -> Policy:
    """The same actions as moto asks for them, of any resource, under no condition."""
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    told = {f"{model(service).signing_name}:{name}" for (service, name), a in ACTION.items() if a in actions}
    statement = {"Effect": "Allow", "Action": sorted(actions | told), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """A simulated account that enforces nothing yet."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.delenv("AWS_ENDPOINT_URL", raising=False)
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        yield Account()


@pytest.fixture(scope="module")
def keys(account: Account) -> dict[str, tuple[str, str]]:
    """Users: one who may do anything, one who may do nothing, and those of the generated policies."""
    found = policies(SETTINGS, TOOLS.values())
    reading, acting = in_motos_words(found["reading"]), in_motos_words(found["acting"])
    anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    account.user("as generated", found["reading"], found["acting"])
    return {
        "anything": account.user("anything", {"Version": "2012-10-17", "Statement": [anything]}),
        "nothing": account.user("nothing"),
        "reading": account.user("reading", reading),
        "acting": account.user("acting", acting),
        "both": account.user("both", reading, acting),
    }


@pytest.fixture(scope="module")
def verified(account: Account, keys: dict[str, tuple[str, str]]) -> frozenset[Operation]:
    """The product's operations that moto decides by the policy alone: nobody may, and who may do anything may."""
    with enable_iam_authentication():
        return frozenset(
            call
            for call in CALLS
            if call[0] != "xray"
            and account.ask(keys["nothing"], *call) == "denied"
            and account.ask(keys["anything"], *call) == "let through"
        )


def denied(account: Account, key: tuple[str, str], calls: frozenset[Operation]) -> set[Operation]:
    """Those of the calls that a user is denied."""
    with enable_iam_authentication():
        return {call for call in calls if account.ask(key, *call) == "denied"}


def test_most_of_what_the_product_calls_is_verified(verified: frozenset[Operation]) -> None:
    beyond = {call for call in CALLS - verified if call != ("sts", "GetCallerIdentity")}

    assert len(verified) >= 80
    assert {service for service, _ in beyond} <= UNVERIFIED


def test_both_policies_let_everything_enabled_through(
    account: Account, keys: dict[str, tuple[str, str]], verified: frozenset[Operation]
) -> None:
    assert denied(account, keys["both"], verified) == set()


def test_each_policy_lets_its_own_half_through_and_no_more(
    account: Account, keys: dict[str, tuple[str, str]], verified: frozenset[Operation]
) -> None:
    writes = {call for call in verified if ACTION[call] in WRITES}
    reads = {call for call in verified if ACTION[call] in READS}

    assert len(writes) >= 25
    assert len(reads) >= 40
    assert denied(account, keys["reading"], verified) == writes
    assert denied(account, keys["acting"], verified) == reads


def test_anything_else_is_denied_to_both(account: Account, keys: dict[str, tuple[str, str]]) -> None:
    assert denied(account, keys["both"], frozenset(OTHER)) == set(OTHER)
    assert denied(account, keys["anything"], frozenset(OTHER)) == set()


def table(name: str) -> Step:
    """A table of its own, and the step that raises its capacity."""
    with disable_iam_authentication():
        AwsClients(Aws()).dynamodb().create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            ProvisionedThroughput={"ReadCapacityUnits": 100, "WriteCapacityUnits": 50},
        )
    return Step(
        tool="dynamodb.set_capacity",
        target=f"arn:aws:dynamodb:{REGION}:123456789012:table/{name}",
        region=REGION,
        arguments={"read_capacity": 200},
    )


def act(key: tuple[str, str], step: Step, environment: pytest.MonkeyPatch) -> str:
    """Prepare and carry out a step as the product does, with a user's key; the status."""
    environment.setenv("AWS_ACCESS_KEY_ID", key[0])
    environment.setenv("AWS_SECRET_ACCESS_KEY", key[1])
    environment.delenv("AWS_SESSION_TOKEN", raising=False)
    toolbox = CatalogueToolbox(Catalogue([SetCapacity(AwsClients(Aws(retries=1)))]))
    with enable_iam_authentication():
        (prepared,) = toolbox.prepare(1, DraftOption(title="t", why="w", steps=(step,))).steps
        assert prepared.dry_run.feasible, prepared.dry_run.reason
        order = ExecuteStep(
            incident_id="i",
            key="i/1/do",
            step=step,
            expects=prepared.expects,
            expected=prepared.before,
            actor="kim",
        )
        return toolbox.execute(order, 1).status


def test_a_tool_prepares_and_acts_under_both_policies(
    account: Account, keys: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert account
    assert act(keys["both"], table("orders"), monkeypatch) == "done"


def test_under_the_reading_policy_it_prepares_and_is_told_what_it_lacks(
    account: Account, keys: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert account
    with pytest.raises(Failure, match="dynamodb:UpdateTable"):
        act(keys["reading"], table("carts"), monkeypatch)
