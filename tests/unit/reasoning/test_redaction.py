"""Secrets do not leave the process; ordinary text does."""

import pytest

from autopilot.reasoning.prompts.redaction import Redaction

SECRETS = [
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "xoxb-123456789012-abcdefghij",
    "sk-proj-abcdefghijklmnop1234",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc123def456",
    "kim@paperplane.example",
    "4111 1111 1111 1111",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_secret_is_masked(secret: str) -> None:
    redaction = Redaction()
    text = f"before {secret} after {secret}"
    masked = redaction.mask(text)
    assert secret not in masked
    assert masked.startswith("before [")
    assert masked.endswith("]")
    assert redaction.count == 1
    assert masked.split()[1] == masked.split()[-1]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password=hunter2 rest", "hunter2"),
        ('{"api_key": "abc-def"}', "abc-def"),
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("postgres://admin:s3cr3t@db:5432/x", "s3cr3t"),
        ("aws_secret_access_key = wJalrXUtnFEMI", "wJalrXUtnFEMI"),
    ],
)
def test_labelled_secrets_are_masked(text: str, secret: str) -> None:
    redaction = Redaction()
    assert secret not in redaction.mask(text)
    assert secret not in redaction.restore(redaction.mask(text))


@pytest.mark.parametrize(
    "text",
    [
        "trace 1234567890123456 took 350 ms",
        "arn:aws:dynamodb:us-east-1:000000000000:table/orders",
        "v2.4.1 at 03:00",
        "10.0.0.1 timed out",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert Redaction().mask(text) == text


def test_addresses_are_masked_on_demand() -> None:
    assert "10.0.0.1" not in Redaction(ips=True).mask("10.0.0.1 timed out")


def test_readers_see_people_again_but_never_credentials() -> None:
    redaction = Redaction(ips=True)
    masked = redaction.mask("kim@paperplane.example from 10.0.0.1 with password=hunter2")
    assert redaction.restore(masked) == "kim@paperplane.example from 10.0.0.1 with [secret-1]"
