"""Tokens and money of one incident: reserved at list price before a call, settled after it, kept over crashes."""

import threading
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from autopilot.incident.base import Model
from autopilot.incident.ports import Failure
from autopilot.reasoning.asking.answers import LEDGER, AnswerStore
from autopilot.reasoning.asking.prices import Price

_WRITING = threading.Lock()
"""One writer at a time in this process: an attempt that timed out may still be running beside its successor."""


class BudgetSpent(Failure):
    """The next call could exceed the incident's limit, so it is not made."""

    def __init__(self, message: str) -> None:
        """`message` names the limit."""
        super().__init__(message, who="operator")


class Entry(Model):
    """One call: what was reserved for it, or what it really used."""

    request: str
    input_tokens: int
    output_tokens: int
    settled: bool = False


_ENTRIES: TypeAdapter[list[Entry]] = TypeAdapter(list[Entry])


@dataclass
class Ledger:
    """What an incident may still spend. A call of which nothing more is known counts with all that was reserved."""

    answers: AnswerStore
    max_tokens: int
    max_usd: float
    price: Price | None
    """None: unknown, so only the token limit counts."""
    tokens_left: int | None = None
    """What the workflow says is left, besides what the stored ledger says."""
    usd_left: float | None = None
    _here: list[Entry] = field(default_factory=list[Entry], repr=False)

    def _entries(self) -> list[Entry]:
        text = self.answers.get(LEDGER)
        try:
            return _ENTRIES.validate_json(text) if text else []
        except ValidationError as error:
            raise Failure(
                "The incident's budget ledger cannot be read, so no model call is made; "
                f"delete the document answers/{LEDGER}.json if its loss is acceptable.",
                who="operator",
            ) from error

    def _save(self, entries: list[Entry]) -> None:
        self.answers.put(LEDGER, _ENTRIES.dump_json(entries).decode())

    def _usd(self, entries: list[Entry]) -> float:
        price = self.price
        return sum(price.of(e.input_tokens, e.output_tokens) for e in entries) if price else 0.0

    def spent(self) -> tuple[int, float | None]:
        """Tokens and USD used or reserved by the incident so far; USD is None when the price is unknown."""
        entries = self._entries()
        return _tokens(entries), (self._usd(entries) if self.price else None)

    def reserve(self, request: str, input_tokens: int, max_output: int) -> None:
        """Set aside what a call may use at most. Raises BudgetSpent when a limit could be exceeded."""
        with _WRITING:
            entries = self._entries()
            asked = Entry(request=request, input_tokens=input_tokens, output_tokens=max_output)
            self._check(entries, asked, self.max_tokens, self.max_usd, "this incident")
            self._check(self._here, asked, self.tokens_left, self.usd_left, "what the workflow has left")
            self._save([*entries, asked])
            self._here.append(asked)

    def _check(self, entries: list[Entry], asked: Entry, tokens: int | None, usd: float | None, whose: str) -> None:
        planned = [*entries, asked]
        if tokens is not None and _tokens(planned) > tokens:
            raise BudgetSpent(
                f"The token limit of {whose} ({tokens}) does not allow another call of up to {_tokens([asked])}."
            )
        if usd is not None and self.price is not None and self._usd(planned) > usd:
            raise BudgetSpent(
                f"The money limit of {whose} (${usd:.2f}) does not allow another call of up to "
                f"${self._usd([asked]):.4f}."
            )

    def settle(self, request: str, input_tokens: int, output_tokens: int) -> None:
        """Replace the newest open reservation of a request by what was really used; without one, do nothing."""
        used = Entry(request=request, input_tokens=input_tokens, output_tokens=output_tokens, settled=True)
        with _WRITING:
            entries = self._entries()
            if _replace(entries, used):
                self._save(entries)
            _replace(self._here, used)


def _tokens(entries: list[Entry]) -> int:
    return sum(e.input_tokens + e.output_tokens for e in entries)


def _replace(entries: list[Entry], used: Entry) -> bool:
    for position in range(len(entries) - 1, -1, -1):
        if entries[position].request == used.request and not entries[position].settled:
            entries[position] = used
            return True
    return False
