"""The simulated PagerDuty, the signing SNS relay and the model server, each met by the real client's code."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from demo.saas.model import Model
from demo.saas.pagerduty import PagerDuty
from demo.saas.server import StandIn
from demo.saas.sns_relay import SnsRelay
from tests.integration.demo_saas.gateway import Gateway, eventually

TOPIC = "arn:aws:sns:us-east-1:000000000000:alarms"
NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "m-1",
    "TopicArn": TOPIC,
    "Subject": "ALARM: latency",
    "Message": '{"a": 1}',
    "Timestamp": "2026-03-02T03:15:00.000Z",
    "SignatureVersion": "1",
    "Signature": "FAKE",
    "SigningCertURL": "http://127.0.0.1:4571/FAKE.pem",
}


def event(action: str = "trigger", **more: Any) -> dict[str, Any]:
    payload = {"summary": "checkout is slow", "source": "autopilot", "severity": "critical"}
    return {"routing_key": "R0", "event_action": action, "payload": payload} | more


def test_pages_are_joined_by_dedup_key_until_resolved() -> None:
    with PagerDuty("R0") as pager:

        def send(body: dict[str, Any]) -> httpx.Response:
            return httpx.post(f"{pager.url}/v2/enqueue", json=body)

        first = send(event(dedup_key="inc-1"))
        assert (first.status_code, first.json()) == (
            202,
            {"status": "success", "message": "Event processed", "dedup_key": "inc-1"},
        )
        send(event(dedup_key="inc-1"))
        assert [(p.status, len(p.events)) for p in pager.pages()] == [("triggered", 2)]
        send(event("acknowledge", dedup_key="inc-1"))
        send(event("resolve", dedup_key="inc-1"))
        send(event(dedup_key="inc-1"))
        assert [p.status for p in pager.pages()] == ["resolved", "triggered"]
        assert send(event()).json()["dedup_key"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (event() | {"routing_key": "R1"}, "'routing_key' is invalid"),
        (event("shout"), "'event_action' must be"),
        (event("resolve"), "'dedup_key' is missing"),
        (event(payload={"summary": "x", "source": "y"}), "'payload.severity' is missing"),
    ],
)
def test_invalid_events_are_refused(body: dict[str, Any], problem: str) -> None:
    with PagerDuty("R0") as pager:
        answer = httpx.post(f"{pager.url}/v2/enqueue", json=body)
        assert answer.status_code == 400
        assert answer.json()["errors"][0].startswith(problem)
        assert pager.pages() == []


def aws_verifies(message: dict[str, Any]) -> bool:
    """Verify as AWS documents it, written independently of the relay."""
    pem = httpx.get(message["SigningCertURL"]).content
    key = x509.load_pem_x509_certificate(pem).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    names = ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"]
    names = [n for n in names if n in message and (n != "SubscribeURL" or message["Type"] != "Notification")]
    text = "".join(f"{n}\n{message[n]}\n" for n in names)
    algorithm = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
    key.verify(base64.b64decode(message["Signature"]), text.encode(), padding.PKCS1v15(), algorithm)
    return True


@pytest.fixture
def relay(gateway: Gateway) -> Iterator[SnsRelay]:
    with SnsRelay(f"{gateway.url}/webhooks/sns") as running:
        yield running


@pytest.mark.parametrize("version", ["1", "2"])
def test_notifications_arrive_properly_signed(relay: SnsRelay, gateway: Gateway, version: Any) -> None:
    relay.signature_version = version
    assert httpx.post(relay.endpoint, content=json.dumps(NOTIFICATION)).status_code == 200
    got = gateway.wait_for(1)[0]
    message = json.loads(got.body)
    assert aws_verifies(message)
    assert message["SigningCertURL"].startswith(relay.origin)
    assert {k: message[k] for k in ("Message", "MessageId", "Subject")} == {
        k: NOTIFICATION[k] for k in ("Message", "MessageId", "Subject")
    }
    assert got.headers["x-amz-sns-message-type"] == "Notification"
    assert got.headers["x-amz-sns-topic-arn"] == TOPIC
    assert got.headers["content-type"] == "text/plain; charset=UTF-8"


class Emulator(StandIn):
    """Counts visits to its confirmation address."""

    def routes(self) -> list[BaseRoute]:
        """The confirmation address."""
        return [Route("/", self._confirm)]

    async def _confirm(self, request: Request) -> Response:
        return PlainTextResponse(f"confirmed {request.query_params['Token']}")


def test_confirmation_goes_through_the_relay_to_the_emulator(relay: SnsRelay, gateway: Gateway) -> None:
    with Emulator() as emulator:
        asked = {
            "Type": "SubscriptionConfirmation",
            "MessageId": "m-2",
            "Token": "tok",
            "TopicArn": TOPIC,
            "Message": "Confirm",
            "SubscribeURL": f"{emulator.url}/?Action=ConfirmSubscription&Token=tok",
            "Timestamp": "2026-03-02T03:00:00Z",
        }
        httpx.post(relay.endpoint, content=json.dumps(asked))
        message = json.loads(gateway.wait_for(1)[0].body)
        assert aws_verifies(message)
        assert emulator.requests == []
        assert message["SubscribeURL"].startswith(relay.origin)
        assert httpx.get(message["SubscribeURL"]).text == "confirmed tok"
        assert httpx.get(f"{relay.url}/?Action=ConfirmSubscription&Token=guess").status_code == 400


def test_delivery_waits_for_a_gateway_that_is_down(relay: SnsRelay, gateway: Gateway) -> None:
    gateway.answer = lambda _: PlainTextResponse("", 503 if len(gateway.got) < 2 else 200)
    httpx.post(relay.endpoint, content=json.dumps(NOTIFICATION))
    eventually(lambda: bool(relay.deliveries))
    assert (relay.deliveries[0].status, relay.deliveries[0].tries) == (200, 2)
    gateway.answer = lambda _: PlainTextResponse("", 403)
    httpx.post(relay.endpoint, content=json.dumps(NOTIFICATION))
    eventually(lambda: len(relay.deliveries) == 2)
    assert (relay.deliveries[1].status, relay.deliveries[1].tries) == (403, 1)
    assert httpx.post(relay.endpoint, content="nonsense").status_code == 400


class Claim(BaseModel):
    """What a test asks the model for."""

    statement: str
    cause_kind: str
    finding_ids: list[str]
    confidence: float


class Conclusion(BaseModel):
    """Nested, so that references are resolved."""

    hypotheses: list[Claim]
    done: bool


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model() as running:
        yield running


@pytest.fixture
def client(model: Model) -> openai.OpenAI:
    return openai.OpenAI(base_url=model.base_url, api_key="test-key", max_retries=0, timeout=5)


PROMPT = "F3: read throttles on orders rose. F7: latency rose. service: checkout"


def test_structured_output_is_filled_with_ids_of_the_prompt(client: openai.OpenAI, model: Model) -> None:
    model.behaviour = "sound"
    answer = client.chat.completions.parse(
        model="gpt-4o", messages=[{"role": "user", "content": PROMPT}], response_format=Conclusion
    )
    found = answer.choices[0].message.parsed
    assert found is not None
    assert found.hypotheses[0].finding_ids == ["F3", "F7"]
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert model.calls[-1]["response_format"]["json_schema"]["name"] == "Conclusion"
    assert [m.id for m in client.models.list()] == ["gpt-4o"]


TABLES = """## suspects: service|resource|cause kind|findings|reason
orders|table/orders|throttled|F3 F4|reads exceed the capacity
checkout||bad_deploy|F1|deployed before
## candidates: id|tool
C1|dynamodb.capacity
C2|lambda.rollback
"""


class Choice(BaseModel):
    """One option by candidate ids."""

    candidates: list[str]


class Answers(BaseModel):
    """A table's rows become items; candidates are spread over options."""

    hypotheses: list[Claim]
    options: list[Choice]


def test_rows_of_the_prompts_tables_become_items(client: openai.OpenAI, model: Model) -> None:
    model.behaviour = "sound"
    answer = client.chat.completions.parse(
        model="gpt-4o", messages=[{"role": "user", "content": TABLES}], response_format=Answers
    )
    found = answer.choices[0].message.parsed
    assert found is not None
    assert [h.cause_kind for h in found.hypotheses] == ["throttled", "bad_deploy"]
    assert found.hypotheses[0].finding_ids == ["F3", "F4"]
    assert found.hypotheses[0].statement == "reads exceed the capacity (F3, F4)"
    assert [o.candidates for o in found.options] == [["C1"], ["C2"]]


def test_tools_are_called_with_valid_arguments(client: openai.OpenAI, model: Model) -> None:
    model.behaviour = "sound"
    parameters: dict[str, object] = {
        "type": "object",
        "properties": {"service": {"type": "string"}, "limit": {"type": "integer"}},
    }
    answer = client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": PROMPT}],
        tools=[{"type": "function", "function": {"name": "read", "parameters": parameters}}],
    )
    call = (answer.choices[0].message.tool_calls or [])[0]
    assert call.type == "function"
    assert json.loads(call.function.arguments) == {"service": "checkout", "limit": 1}


def ask(client: openai.OpenAI) -> Any:
    return client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": PROMPT}],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "C", "schema": Conclusion.model_json_schema()},
        },
    ).choices[0]


def test_each_failure_reaches_the_client_as_its_own_kind(client: openai.OpenAI, model: Model) -> None:
    model.behaviour = "down"
    with pytest.raises(openai.InternalServerError):
        ask(client)
    model.behaviour = "rate-limited"
    with pytest.raises(openai.RateLimitError) as limited:
        ask(client)
    assert limited.value.response.headers["retry-after"] == "1"
    assert json.loads(ask(client).message.content)["done"] is False
    model.behaviour = "refusal"
    assert "can't assist" in ask(client).message.refusal
    model.behaviour = "truncated"
    cut = ask(client)
    assert cut.finish_reason == "length"
    with pytest.raises(ValueError, match=r"."):
        json.loads(cut.message.content)
    model.behaviour = "malformed"
    with pytest.raises(ValueError, match=r"."):
        json.loads(ask(client).message.content)
    model.behaviour, model.hang_seconds = "timeout", 5
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=0.2))


def test_wrong_key_and_unknown_model_are_refused(client: openai.OpenAI, model: Model) -> None:
    model.behaviour = "sound"
    with pytest.raises(openai.AuthenticationError):
        ask(client.with_options(api_key="other"))
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="other", messages=[{"role": "user", "content": "x"}])
