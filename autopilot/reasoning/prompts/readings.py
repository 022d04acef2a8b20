"""The ways a text can be read: as it stands, without disguise, and decoded out of what programs understand."""

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote

from autopilot.incident.base import clean
from autopilot.incident.invisible import HIDDEN

LONGEST = 8_000
"""Characters that are read."""
MOST_ESCAPED = 12
"""Plain letters of one text that may be written as escapes, as no program writes them."""
MOST_CODED = 12
"""Coded words of one text that are decoded."""

_CODED = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2}[\s:]?){10,})")
_LETTER = "(?:[46][1-9a-fA-F]|[57][0-9aA])"
_LETTERS = re.compile(
    rf"\\u00{_LETTER}|\\x{_LETTER}|%{_LETTER}|&#x{_LETTER};|&#(?:6[5-9]|[78]\d|9[07-9]|1[01]\d|12[012]);"
)
"""Plain letters, written as escapes."""
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
_SPELLED = re.compile(r"(?<!\w)(?:\w[ .\-_*]){5,}\w(?!\w)")
_LEET = str.maketrans("0134578@$!", "oieastbasi")
_TWINS = str.maketrans(
    "\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d\u0274\u1d0f\u1d18\u0280\ua731"
    "\u1d1b\u1d1c\u1d20\u1d21\u028f\u1d22\u00f8\u0142\u0111\u0268\u0127\u0167\u0180"
    "\u0585\u0578\u057d\u0570\u0575\u0566\u0581"
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u0261\u0432\u043a"
    "\u043c\u043d\u0442\u03b1\u03b5\u03bf\u03c1\u03b9\u03bd\u03c5\u03c4\u03ba\u03b7\u0131",
    "abcdefghijklmnoprstuvwyzoldihtbonuhjqgaeopcyxijshdqwgbkmhtaeopivutkni",
) | {start + place: 97 + place for start in (0x1F150, 0x1F170, 0x1F1E6) for place in range(26)}
"""Letters that look like Latin ones in lower case: small capitals, with strokes, of other scripts, in signs."""


def normal(text: str) -> str:
    """Compatible forms made one, invisible characters and accents gone, lower case, single spaces."""
    shown = clean(unicodedata.normalize("NFKC", text), LONGEST)
    parts = unicodedata.normalize("NFD", shown)
    latin = "".join(c for c in parts if not (0x300 <= ord(c) <= 0x36F or 0x20D0 <= ord(c) <= 0x20F0))
    return unicodedata.normalize("NFC", latin).casefold()


def _printable(content: bytes) -> str:
    """Decoded bytes when they are text of some length; empty otherwise."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return ""
    visible = sum(c.isprintable() or c.isspace() for c in text)
    return text if len(text) >= 8 and visible >= 0.95 * len(text) else ""


def decoded_base64(word: str) -> str:
    """The text that a word of base64 (either alphabet, padded or not) holds; empty when it holds none."""
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _printable(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except (binascii.Error, ValueError):
        return ""


def _decoded_hex(digits: str) -> str:
    plain = re.sub(r"[\s:]", "", digits)
    return _printable(bytes.fromhex(plain[: len(plain) // 2 * 2]))


def _codes(text: str) -> Iterator[tuple[str, str]]:
    # Lines of wrapped base64 and halves that were concatenated are read as one word.
    joined = re.sub(r"(?<=[A-Za-z0-9+/])[\s\"'+\\]{1,8}(?=[A-Za-z0-9+/]{4})", "", text)
    words = dict.fromkeys(match[0] for match in (*_CODED.finditer(text), *_CODED.finditer(joined)))
    for word in list(words)[:MOST_CODED]:
        if found := decoded_base64(word):
            yield "base64", found
    for match in list(_HEX.finditer(text))[:MOST_CODED]:
        if found := _decoded_hex(match[1]):
            yield "hexadecimal", found
    if text.count("%") >= 3 and (found := unquote(text)) != text:
        yield "URL encoding", found
    if _ESCAPED.search(text):
        yield "character escapes", _ESCAPED.sub(lambda m: chr(int(m[1] or m[2], 16)), text)
    if "&" in text and ";" in text and (found := unescape(text)) != text:
        yield "HTML entities", found


def decoded(text: str) -> Iterator[tuple[str, str]]:
    """(how it was coded, normal text) of everything the text holds in code, one code inside another too."""
    for how, found in _codes(text[:LONGEST]):
        yield how, normal(found)
        for inner, text_inside in _codes(found[:LONGEST]):
            yield f"{inner} in {how}", normal(text_inside)


def disguised(plain: str) -> Iterator[tuple[str, str]]:
    """(how it was disguised, text) of a normal text whose letters were exchanged, spelled out or turned round."""
    folded = plain.translate(_TWINS)
    if folded != plain:
        yield "look-alike letters", folded
    if _SPELLED.search(plain):
        yield "spelled-out letters", _SPELLED.sub(lambda m: re.sub(r"[ .\-_*]", "", m[0]), plain)
    if plain.isascii():
        yield "rot13", codecs.encode(plain, "rot13")
        if re.search(r"[a-z][0134578@$!][a-z]", plain):
            yield "digits for letters", plain.translate(_LEET)
    yield "written backwards", plain[::-1]


def hides(text: str) -> str:
    """How the text hides words whatever they are; empty when it does not."""
    if HIDDEN in clean(text, LONGEST, lines=True):
        return "carries text in characters that nobody can see"
    if len(_LETTERS.findall(text)) >= MOST_ESCAPED:
        return "writes plain letters as escapes"
    return ""
