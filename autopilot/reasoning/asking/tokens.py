"""How many tokens a text takes: counted for OpenAI's models, estimated from above for all others."""

import functools
import re
from typing import Literal

import bpe_openai  # pyright: ignore[reportMissingTypeStubs] - it ships none

_CL100K = re.compile(r"gpt-(4|3\.5|35)(-|$)")
_O200K = re.compile(r"(chatgpt|gpt|o\d)(-|\d|$)")
_PREFIX = re.compile(r"^(openai[./]|azure/|ft:)+")
_PIECE = re.compile(r"[A-Za-z]+|[0-9]| +(?=[A-Za-z])|.", re.DOTALL)
_LETTERS = 3
"""Letters per token of words that a vocabulary may not have."""


def count_tokens(text: str, model: str) -> int:
    """Tokens of a text for a model: exact for names of OpenAI, never less than other tokenizers need in practice.

    The estimate takes three letters, one digit, one other ASCII character or one byte of anything else as a token;
    a space before a word belongs to the word.
    """
    encoding = _encoding_name(model)
    if encoding:
        return len(_encoding(encoding).encode_ordinary(text))
    return sum(_estimate(piece) for piece in _PIECE.findall(text))


def _estimate(piece: str) -> int:
    if piece[0].isascii() and piece[0].isalpha():
        return -(-len(piece) // _LETTERS)
    if piece.startswith(" ") and len(piece) > 1:
        return len(piece) - 1
    return 0 if piece == " " else len(piece.encode(errors="replace"))


def _encoding_name(model: str) -> Literal["cl100k_base", "o200k_base"] | None:
    name = _PREFIX.sub("", model.lower())
    if _CL100K.match(name):
        return "cl100k_base"
    return "o200k_base" if _O200K.match(name) else None


@functools.cache
def _encoding(name: str) -> bpe_openai.Encoding:
    return bpe_openai.get_encoding(name)
