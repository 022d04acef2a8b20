"""A text as its reader sees it, in sentences that are checked one by one. Pure.

Nothing may hide from the checks: full-width digits are digits, zero-width characters are gone, a bullet, a line end
or a semicolon ends a statement as a full stop does.
"""

import re
import unicodedata

_QUOTES = {"\N{LEFT DOUBLE QUOTATION MARK}": '"', "\N{RIGHT DOUBLE QUOTATION MARK}": '"', "«": '"', "»": '"',
           "\N{DOUBLE LOW-9 QUOTATION MARK}": '"', "\N{LEFT CORNER BRACKET}": '"',
           "\N{RIGHT CORNER BRACKET}": '"', "\N{LEFT SINGLE QUOTATION MARK}": "'",
           "\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{MODIFIER LETTER APOSTROPHE}": "'",
           "\N{ACUTE ACCENT}": "'", "\N{FRACTION SLASH}": "/", "\N{MINUS SIGN}": "-",
           "\N{IDEOGRAPHIC FULL STOP}": ". ", "\N{GREEK SMALL LETTER MU}": "u",
           "\N{DIVISION SLASH}": "/"}  # fmt: skip
_CITATIONS = r"[\[(]\s*F\d+(?:\s*(?:,|and|&|-)\s*F\d+)*\s*[\])]"
_LATE_CITATION = re.compile(rf"([.!?]+)\s*({_CITATIONS})(?=[\s.;]|$)")
_BULLET = re.compile(r"^\s*(?:[-*+•‣▪●◦·>#]+|\d{1,2}[.)])\s+")
_INLINE_BULLET = re.compile(r"\s[•‣▪●◦]\s")
_QUOTED = re.compile(r"`[^`]{1,400}`|\"[^\"]{1,400}\"|(?<!\w)'[^']{2,400}'(?!\w)")
_END = re.compile(r"[.!?]+[\"')\]]*(?=\s|$)|;(?=\s|$)")
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|vs|approx|ca|cf|incl|resp|dept|max|min|avg)\.|\.\.\.)$", re.IGNORECASE
)


def plain(text: str) -> str:
    """The text without tricks of writing: compatible characters folded, invisible ones gone, digits ASCII."""
    kept: list[str] = []
    for char in unicodedata.normalize("NFKC", text):
        category = unicodedata.category(char)
        if char in _QUOTES:
            kept.append(_QUOTES[char])
        elif category in ("Zl", "Zp") or char in "\n\r\v\f\x85":
            kept.append("\n")
        elif category == "Zs" or char == "\t":
            kept.append(" ")
        elif category == "Pd":
            kept.append("-")
        elif category == "Nd":
            kept.append(str(unicodedata.digit(char)))
        elif category not in ("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me"):
            kept.append(char)
    return "".join(kept)


def _pieces(line: str) -> list[str]:
    """A line cut behind full stops and semicolons that stand outside of quotations."""
    hidden = [found.span() for found in _QUOTED.finditer(line)]
    pieces: list[str] = []
    start = 0
    for end in _END.finditer(line):
        inside = any(a < end.start() and end.end() < b for a, b in hidden)
        cut = line[start : end.end()]
        goes_on = _ABBREVIATED.search(cut.rstrip("\"')]")) and not line[end.end() :].lstrip()[:1].isupper()
        if not inside and not goes_on:
            pieces.append(cut)
            start = end.end()
    return [*pieces, line[start:]]


def sentences(text: str) -> list[str]:
    """The single statements of a text; a full stop inside a version, a number or a quotation does not end one."""
    said: list[str] = []
    for raw in _INLINE_BULLET.sub("\n", plain(text)).split("\n"):
        line = _LATE_CITATION.sub(r" \2\1", _BULLET.sub("", raw))
        said += [re.sub(r"\s+", " ", piece).strip() for piece in _pieces(line)]
    return [piece for piece in said if re.search(r"\w", piece)]


def joined(kept: list[str]) -> str:
    """Statements as one text again; the last one ends as a sentence does."""
    return re.sub(r"[.;]*;$", ".", " ".join(kept))
