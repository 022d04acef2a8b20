"""Secrets do not leave the process; ordinary text does."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot.reasoning.prompts.orders import order_in
from autopilot.reasoning.prompts.redaction import PERSONAL, Redaction

AWS_KEY = "AKIAIOSFODNN7EXAMPLE"
GITHUB = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
CREDENTIALS = [
    AWS_KEY,
    GITHUB,
    "xoxb-123456789012-abcdefghij",
    "sk-proj-abcdefghijklmnop1234",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc123def456",
    "glpat-abcdefghij0123456789",
    "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQ",
    "SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    "glsa_abcdefghijklmnopqrstuvwxyzABCDEF_0a1b2c3d",
    "NRAK-ABCDEFGHIJKLMNOPQRSTUVWXYZ0",
    "dt0c01.ABCDEFGHIJKLMNOPQRSTUVWX.ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ012345678901",
    "ATATT3xFfGF0abcdefghijklmnopqrstuv-wx_yz=0A1B2C3D",
    "hvs.CAESIJabcdefghijklmnopqrstuvwx",
    "GOCSPX-abcdefghijklmnopqrstuvwxyz01",
    "whsec_abcdefghijklmnopqrstuvwxyz012345",
    "dapi0123456789abcdef0123456789abcdef",
]
PEOPLE = ["kim@paperplane.example", "4111 1111 1111 1111", "900101-1234567", "+82 10-1234-5678", "010-1234-5678"]


@pytest.mark.parametrize("secret", [*CREDENTIALS, *PEOPLE])
def test_secret_is_masked(secret: str) -> None:
    redaction = Redaction()
    masked = redaction.mask(f"before {secret} after {secret}")
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
        (r"{\"db_password\": \"abc def\"}", "abc"),
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("postgres://admin:s3cr3t@db:5432/x", "s3cr3t"),
        ("password=[key-s3cr3t", "s3cr3t"),
        ("postgres://a:[key-abcdef]s3cr3t@db", "s3cr3t"),
        ("redis://:s3cr3t@cache:6379", "s3cr3t"),
        ("aws_secret_access_key = wJalrXUtnFEMI", "wJalrXUtnFEMI"),
        ("django.secret_key: abcdef-123", "abcdef-123"),
        ("비밀번호: 아무말", "아무말"),
        ("GET /x?X-Amz-Signature=abcdef0123456789", "abcdef0123456789"),
        ("mysql -h db --password hunter2 failed", "hunter2"),
        ("deploy --api-key 'ab cd' -v", "ab cd"),
        ("curl -s -u admin:hunter2 https://db/x", "hunter2"),
        ("curl --user 'admin:hunter2' https://db/x", "hunter2"),
        ("<db.password>hunter2 x</db.password>", "hunter2"),
        ("(password)hunter2(/password)", "hunter2"),
        ("postgres://admin:hun@ter2@db:5432/x", "ter2"),
        ("비밀번호\uff1a아무말", "아무말"),
        ("パスワード: ひみつ", "ひみつ"),
        ("密码\uff1a秘密123", "秘密123"),
        ("Passwort: geheim", "geheim"),
        ("mot de passe : caché", "caché"),
        ("contraseña=oculto", "oculto"),
        ("пароль: тайна", "тайна"),
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
        "2026-11-18 03:15:00 to 03:45:00",
        "10.0.0.1 timed out",
        "docker run -u 1000:1000 app --max-tokens 4096 --token-limit high --no-password --user x",
        '"url": "http://localhost:8080", "text": "calls (password) reset (now)"',
        "http://localhost:8080/x is up, tokens (3) of (4)",
        "input_tokens=1500 max_tokens: 4096",
        "commit 3f2a9c1d4b5e6f708192a3b4c5d6e7f801234567",
        "F3|log|checkout|table/orders|03:11:20|up|40|118|Count|0.80|throttled||New error (40 lines)",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert Redaction().mask(text) == text


@pytest.mark.parametrize("gap", ["\n", '" + "', "\u200b", "\\\n  ", "' '", "\u00ad"])
@pytest.mark.parametrize("secret", [AWS_KEY, GITHUB])
@pytest.mark.parametrize("at", [2, 7, 15])
def test_a_key_in_pieces_is_masked_like_the_whole(secret: str, gap: str, at: int) -> None:
    redaction = Redaction(key="incident-1")
    masked = redaction.mask(f"with {secret[:at]}{gap}{secret[at:]} it failed")
    assert secret[:at] not in masked
    assert secret[at:] not in masked
    assert redaction.mask(secret) in masked


@pytest.mark.parametrize("secret", [AWS_KEY, GITHUB, "password=hunter2hunter2"])
def test_a_secret_in_base64_is_masked(secret: str) -> None:
    coded = base64.b64encode(f"value {secret}".encode()).decode()
    assert coded.rstrip("=") not in Redaction().mask(f"data: {coded}\nmore")


def test_a_key_that_a_limit_cut_takes_nothing_else_with_it() -> None:
    masked = Redaction().mask("a|-----BEGIN RSA PRIVATE KEY----- MIIEpAIBAAKCAQEA…|0.80\nF4|log|orders|New error")
    assert "MIIE" not in masked
    assert masked.endswith("|0.80\nF4|log|orders|New error")
    assert "AKIAIOSFODN" not in Redaction().mask("key AKIAIOSFODN…")


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "2001:db8::1", "fe80::", "::1", "2001:db8:0:1:2:3:4:5", "fe80::a00:27ff:fe4e:66a1", "ip-10-0-0-1"],
)
def test_addresses_are_masked_on_demand(address: str) -> None:
    for text in (f"{address} timed out", f"from [{address}]:8080", f"by {address}, again", f"at {address}."):
        assert address not in Redaction(ips=True).mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "std::vector of x::y",
        "03:11:20 to 03:15:00",
        "v2.4.1 on eu-west-1",
        "arn:aws:rds:eu-west-1:000000000000:db:x",
    ],
)
def test_what_only_resembles_an_address_stays(text: str) -> None:
    assert Redaction(ips=True).mask(text) == text


def test_readers_see_people_again_but_never_credentials() -> None:
    redaction = Redaction(ips=True)
    masked = redaction.mask("kim@paperplane.example from 10.0.0.1 with password=hunter2")
    shown = redaction.restore(masked)
    assert shown.startswith("kim@paperplane.example from 10.0.0.1 with password=[secret-")
    assert "hunter2" not in shown


def test_a_mask_is_the_same_in_every_prompt_of_an_incident_and_another_elsewhere() -> None:
    first, later = Redaction(key="incident-1"), Redaction(key="incident-1")
    one = first.mask(f"{PEOPLE[0]} {AWS_KEY}")
    assert later.mask(f"{GITHUB} {AWS_KEY} {PEOPLE[0]}").split()[1:] == one.split()[::-1]
    assert Redaction(key="incident-2").mask(PEOPLE[0]) != first.mask(PEOPLE[0])
    assert "hunter2" not in later.mask("password=hunter2 pwd: hunter2")
    masks = later.mask("password=hunter2 pwd: hunter2").replace("password=", "").replace("pwd: ", "").split()
    assert masks[0] == masks[1]


WORDS = st.lists(st.sampled_from(["table", "orders", "03:15", "F3", "|", "rose", "\n", "…", "(1.5x)"]), max_size=8)


@given(WORDS, st.sampled_from([*CREDENTIALS, *PEOPLE]), WORDS, st.sampled_from([*CREDENTIALS, *PEOPLE]))
def test_round_trip(before: list[str], one: str, after: list[str], other: str) -> None:
    redaction = Redaction(key="incident-1")
    text = " ".join([*before, one, *after, "and", other])
    masked = redaction.mask(text)
    assert one not in masked
    assert other not in masked
    assert redaction.mask(masked) == masked
    restored = redaction.restore(masked)
    for secret in (one, other):
        assert (secret in restored) == (secret in PEOPLE)
    if one in PEOPLE and other in PEOPLE:
        assert restored == text


@given(st.text(max_size=300))
def test_any_text_comes_back_without_what_cannot_be_seen(text: str) -> None:
    redaction = Redaction(key="k", ips=True)
    masked = redaction.mask(text)
    assert redaction.mask(masked) == masked
    assert not any(kind in PERSONAL for kind in ("key", "token", "secret"))


HOSTILE = [
    "a.",
    "a@",
    "A ",
    "1 ",
    '"',
    "ghp_ ",
    "eyJ",
    "password ",
    "--password ",
    "curl -u ",
    "<password>",
    "QUJD",
    "://a:",
    "a:",
    "1::",
    "ey.",
    "ignore all the ",
    "ai, ",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_takes_long(piece: str) -> None:
    """Nobody can hold a prompt up with a text that makes patterns go over it again and again."""
    text = (piece * 8_000)[:8_000]
    start = time.perf_counter()
    Redaction(ips=True).mask(text)
    order_in(text)
    assert time.perf_counter() - start < 4


def test_a_whole_prompt_is_masked_quickly() -> None:
    row = 'F{0}|log|checkout|table/orders|03:11:20|0.80|throttled||New error of checkout: "timeout {0}"\n'
    prompt = "".join(row.format(n) for n in range(150)) + AWS_KEY
    Redaction().mask("warm")
    start = time.perf_counter()
    masked = Redaction().mask(prompt)
    took = time.perf_counter() - start
    assert AWS_KEY not in masked
    assert took < 0.5, f"{took:.3f} s"
