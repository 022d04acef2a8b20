"""Tokens: exact where the vocabulary is known, never too few elsewhere."""

import pytest

from autopilot.reasoning.asking.tokens import count_tokens


@pytest.mark.parametrize(
    ("text", "model", "tokens"),
    [
        ("hello world", "gpt-4o", 2),
        ("hello world", "gpt-4", 2),
        ("안녕하세요", "gpt-4o-2024-11-20", 2),
        ("안녕하세요", "gpt-4-0613", 5),
        ("", "gpt-4o", 0),
        ("<|endoftext|>", "gpt-4o", 7),
    ],
)
def test_openai_models_are_counted_with_their_own_vocabulary(text: str, model: str, tokens: int) -> None:
    assert count_tokens(text, model) == tokens


@pytest.mark.parametrize(
    "name", ["gpt-5-mini", "o4-mini", "openai/gpt-4o", "openai.gpt-oss-120b-1:0", "chatgpt-4o-latest"]
)
def test_new_and_prefixed_names_share_the_newer_vocabulary(name: str) -> None:
    assert count_tokens("안녕하세요", name) == count_tokens("안녕하세요", "gpt-4o")


TEXTS = [
    "The deployment v2.4.1 of checkout made every request read forty times more items from the orders table.",
    "F12|metric|checkout|p99|03:04:11|up|41.5|1204.33|ms|0.93|bad_deploy|github:4711|p99 rose from 41.5 to 1204.33",
    "장애 원인은 배포입니다. 즉시 되돌리세요.",
    "arn:aws:lambda:us-east-1:000000000000:function:checkout:live 3fa85f64-5717-4562-b3fc-2c963f66afa6",
    '{"service": "checkout", "details": [{"kind": "deploy", "note": ""}]}',
    "\n\n\t    x = {'a': 1}\n" * 20,
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_estimate_is_above_both_known_vocabularies_but_not_absurd(text: str) -> None:
    known = max(count_tokens(text, "gpt-4o"), count_tokens(text, "gpt-4"))
    assert known <= count_tokens(text, "qwen3:4b") <= 4 * known
