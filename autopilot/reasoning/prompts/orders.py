"""Whether a text gives orders to a program that reads it. By code alone: nobody is asked whether to believe it."""

import re
from functools import lru_cache

from autopilot.reasoning.prompts import orders_english as english
from autopilot.reasoning.prompts import orders_foreign as foreign
from autopilot.reasoning.prompts.readings import decoded, disguised, hides, normal

_Compiled = tuple[tuple[str, re.Pattern[str]], ...]


def _compiled(signs: english.Signs) -> _Compiled:
    return tuple((why, re.compile("|".join(patterns))) for why, patterns in signs.items())


_STRONG = _compiled(english.STRONG)
_WEAK = _compiled(english.WEAK)
_FOREIGN_STRONG = _compiled(foreign.STRONG)
_FOREIGN_WEAK = _compiled(foreign.WEAK)


def _strong(text: str) -> str:
    signs = _STRONG if text.isascii() else (*_STRONG, *_FOREIGN_STRONG)
    return next((why for why, pattern in signs if pattern.search(text)), "")


def _signs_in(text: str) -> str:
    """The strong sign, or two weak ones of different kinds; a European language may be plain ASCII."""
    found = _strong(text)
    if found:
        return found
    weak = dict.fromkeys(why for why, pattern in (*_WEAK, *_FOREIGN_WEAK) if pattern.search(text))
    if len(weak) > 1:
        return " and ".join(list(weak)[:2])
    return next((why for why, pattern in _FOREIGN_STRONG if pattern.search(text)), "")


@lru_cache(8_192)
def order_in(text: str) -> str:
    """What gives the text away as an order to a model, in a few words; empty for ordinary text."""
    if len(text) < 8:
        return ""
    if hidden := hides(text):
        return hidden
    plain = normal(text)
    found = _signs_in(plain)
    if found:
        return found
    for how, inside in decoded(text):
        if why := _signs_in(inside):
            return f"{why}, in {how}"
    for how, inside in disguised(plain):
        if why := _strong(inside):
            return f"{why}, in {how}"
    return ""
