"""Numbers that are written as words, in English and Korean. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

_ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: float(n) for n, word in enumerate(_ONES.split())} | {
    word: 10.0 * n for n, word in enumerate(_TENS.split(), 2)
}
_LARGE = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "dozen": 12.0}
_VAGUE = {
    "hundreds of thousands": (1e5, 2e6), "tens of thousands": (1e4, 2e5), "hundreds of millions": (1e8, 2e9),
    "tens of millions": (1e7, 2e8), "dozens": (12.0, 150.0), "tens": (10.0, 150.0),
    "hundreds": (100.0, 2e3), "thousands": (1e3, 2e4), "millions": (1e6, 2e7),
    "billions": (1e9, 2e10), "수십": (20.0, 150.0), "수백": (100.0, 2e3), "수천": (1e3, 2e4), "수만": (1e4, 2e5),
}  # fmt: skip
_TIMES = {
    "twice": 2.0, "thrice": 3.0, "double": 2.0, "doubles": 2.0, "doubled": 2.0, "doubling": 2.0, "twofold": 2.0,
    "triple": 3.0, "triples": 3.0, "tripled": 3.0, "tripling": 3.0, "threefold": 3.0, "fourfold": 4.0,
    "quadruple": 4.0, "quadrupled": 4.0, "fivefold": 5.0, "tenfold": 10.0, "halved": 0.5, "halves": 0.5,
    "halving": 0.5, "half": 0.5, "one third": 1 / 3, "a third": 1 / 3, "two thirds": 2 / 3, "one quarter": 0.25,
    "a quarter": 0.25, "three quarters": 0.75, "a tenth": 0.1, "절반": 0.5,
}  # fmt: skip
_NATIVE = {"한": 1, "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9, "열": 10,
           "스무": 20, "스물": 20, "서른": 30, "마흔": 40, "쉰": 50}  # fmt: skip
_SINO = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9}
_SINO_UNITS = {"십": 10, "백": 100, "천": 1_000}
_COUNTED = r"(?=\s?(?:배|번|개|건|명|분|초|시간|퍼센트|%|프로|밀리초|회|대|군데|차례|가지|일))"

_WORD = "|".join(sorted((*_SMALL, *_LARGE), key=len, reverse=True))
_TIMES_WORD = "|".join(w.replace(" ", r"[ -]") for w in sorted(_TIMES, key=len, reverse=True) if w.isascii())
WORDED = re.compile(
    rf"\b(?:{_TIMES_WORD})\b(?![ -](?:part|way))"
    rf"|\b(?:{'|'.join(w for w in _VAGUE if w.isascii())})\b"
    rf"|\b(?:a )?(?:{_WORD})(?:(?:[ -]| and )(?:{_WORD}))*\b(?!-(?:party|way))"
    rf"|(?<![가-힣])(?:{'|'.join(w for w in _VAGUE if not w.isascii())}|절반)"
    rf"|(?<![가-힣])(?:(?:열|스물|서른|마흔|쉰)?(?:{'|'.join(_NATIVE)})|열|스무|서른|마흔|쉰){_COUNTED}"
    rf"|(?<![가-힣\d])[일이삼사오육칠팔구십백천만억]+{_COUNTED}",
    re.IGNORECASE,
)
"""Every way in which a number is said in words."""


@dataclass(frozen=True)
class Worded:
    """What a number word means."""

    value: float
    dimension: Literal["", "ratio"] = ""
    vague: tuple[float, float] | None = None


def _english(words: list[str]) -> float | None:
    total = current = 0.0
    seen = False
    for word in words:
        if word in _SMALL:
            current += _SMALL[word]
        elif word in _LARGE:
            current = (current or 1.0) * _LARGE[word]
            if _LARGE[word] >= 1_000:
                total, current = total + current, 0.0
        elif word not in ("a", "and"):
            return None
        seen = seen or word not in ("a", "and")
    return total + current if seen else None


def _korean(text: str) -> float | None:
    native = [*_NATIVE]
    if text[0] in "한두세네다여일아열스서마쉰" and all(any(text.startswith(n, i) for n in native) for i in (0,)):
        rest, value = text, 0
        while rest:
            word = next((n for n in sorted(native, key=len, reverse=True) if rest.startswith(n)), "")
            if not word:
                break
            rest, value = rest[len(word) :], value + _NATIVE[word]
        if not rest:
            return float(value)
    total = section = digit = 0
    for char in text:
        if char in _SINO:
            digit = _SINO[char]
        elif char in _SINO_UNITS:
            section, digit = section + (digit or 1) * _SINO_UNITS[char], 0
        elif char in "만억":
            total, section, digit = total + (section + digit or 1) * (10_000 if char == "만" else 10**8), 0, 0
        else:
            return None
    return float(total + section + digit)


def worded(text: str) -> Worded | None:
    """What a number word says; None for `one` and `zero`, which are mostly pronouns and articles."""
    low = re.sub(r"\s+", " ", text.lower()).strip()
    if low in _VAGUE:
        return Worded(_VAGUE[low][0], vague=_VAGUE[low])
    if low.replace("-", " ") in _TIMES:
        return Worded(_TIMES[low.replace("-", " ")], "ratio")
    number = _english(re.split(r"[ -]", low)) if low.isascii() else _korean(low)
    return None if number is None or number in (0.0, 1.0) else Worded(number)
