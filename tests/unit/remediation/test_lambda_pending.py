"""A version that Lambda is still preparing is not put before anybody."""

from collections.abc import Iterator

import pytest
from botocore.stub import Stubber

from autopilot.clients.aws import AwsClients
from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation.base import Refusal
from autopilot.remediation.lambda_memory import LOOKS, SetMemory
from autopilot.settings import Aws
from tests.unit.remediation.story import ALIAS

STEP = Step(tool="lambda.set_memory", target=ALIAS, region="us-east-1", arguments={"memory_mb": 512})
LATEST = {"MemorySize": 512, "CodeSha256": "abc", "RevisionId": "r1"}


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> AwsClients:
    """Clients that ask nobody."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return AwsClients(Aws())


@pytest.fixture
def answers(clients: AwsClients) -> Iterator[Stubber]:
    """Lambda's answers, in order; anything else that is asked fails."""
    with Stubber(clients.lambda_()) as stubber:
        yield stubber


def prepared(answers: Stubber, *states: str) -> None:
    """Lambda publishes a version and goes through these states."""
    answers.add_response("get_function_configuration", LATEST)
    answers.add_response("publish_version", {"Version": "42", "State": states[0]})
    for state in states:
        answers.add_response("get_function_configuration", {"Version": "42", "State": state})


def test_the_alias_is_pointed_at_a_version_as_soon_as_it_can_serve(clients: AwsClients, answers: Stubber) -> None:
    prepared(answers, "Pending", "Pending", "Active")
    answers.add_response("get_alias", {"FunctionVersion": "41", "RevisionId": "r2"})
    answers.add_response("update_alias", {"FunctionVersion": "42"})
    assert SetMemory(clients, pause=0.0).execute(STEP, "key")[0] == "done"
    answers.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("states", "error"), [(("Pending",) * LOOKS, Failure), (("Pending", "Failed"), Refusal)], ids=["slow", "failed"]
)
def test_a_version_that_cannot_serve_is_put_before_nobody(
    states: tuple[str, ...], error: type[Exception], clients: AwsClients, answers: Stubber
) -> None:
    prepared(answers, *states)
    with pytest.raises(error, match="version 42 of checkout"):
        SetMemory(clients, pause=0.0).execute(STEP, "key")
    answers.assert_no_pending_responses()
