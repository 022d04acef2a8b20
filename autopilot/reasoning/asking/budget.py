"""Tokens and money of one incident: reserved at list price before a call, settled after it, kept over crashes.

The ledger is a row of numbered documents. A reservation takes the next number with an atomic create, after
checking everything before it: of two attempts at once, in one process or in two, one gets the number and the
other reads again. So no two together exceed what each alone would not.
"""

from dataclasses import dataclass
from itertools import count
from typing import Literal

from pydantic import ValidationError

from autopilot.incident.base import Model, Name
from autopilot.incident.diagnosis import Usage
from autopilot.incident.ports import Failure
from autopilot.reasoning.asking.answers import AnswerStore
from autopilot.reasoning.asking.prices import Price

LEDGER = "ledger"
"""Entry n of the ledger has the key `ledger-n`; request hashes are hexadecimal and never equal to one."""


class BudgetSpent(Failure):
    """The next call could exceed the incident's limit, so it is not made."""

    def __init__(self, message: str) -> None:
        """`message` names the limit."""
        super().__init__(message, who="operator")


class Entry(Model):
    """One call: what was reserved for it, or what it really used."""

    request: str
    model: Name
    input_usd_per_million: float | None = None
    """List price; None when it is unknown."""
    output_usd_per_million: float | None = None
    input_tokens: int
    output_tokens: int
    usd: float | None = None
    """At list price; None when that is unknown."""
    state: Literal["reserved", "used", "free"] = "reserved"
    """`free`: the call was refused before any work was done. A reservation that stays counts in full."""

    def after(self, input_tokens: int, output_tokens: int) -> "Entry":
        """The same call with what it really used; nothing at all makes it free."""
        return self.model_copy(
            update={
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "usd": price.of(input_tokens, output_tokens) if (price := self._price) else None,
                "state": "used" if input_tokens + output_tokens else "free",
            }
        )

    @property
    def tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens

    @property
    def _price(self) -> Price | None:
        if self.input_usd_per_million is None or self.output_usd_per_million is None:
            return None
        return Price(self.input_usd_per_million, self.output_usd_per_million)


def reservation(request: str, model: str, price: Price | None, input_tokens: int, max_output: int) -> Entry:
    """What a call may use at most."""
    return Entry(
        request=request,
        model=model,
        input_usd_per_million=price.input if price else None,
        output_usd_per_million=price.output if price else None,
        input_tokens=input_tokens,
        output_tokens=max_output,
        usd=price.of(input_tokens, max_output) if price else None,
    )


@dataclass(frozen=True)
class Ledger:
    """What an incident has spent and may still spend. None is no limit."""

    answers: AnswerStore
    max_tokens: int | None = None
    max_usd: float | None = None
    """Counts what has a known price."""
    max_calls: int | None = None

    def entries(self) -> list[Entry]:
        """All calls so far, oldest first. Raises Failure."""
        found: list[Entry] = []
        for number in count(1):
            text = self.answers.get(_key(number))
            if text is None:
                return found
            try:
                found.append(Entry.model_validate_json(text))
            except ValidationError as error:
                raise Failure(
                    "The incident's budget ledger cannot be read, so no model call is made; "
                    f"delete the documents answers/{LEDGER}-*.json if their loss is acceptable.",
                    who="operator",
                ) from error
        raise AssertionError("counting never ends")

    def reserve(self, asked: Entry) -> int:
        """Set aside what a call may use at most; returns its number. Raises BudgetSpent when that is too much."""
        while True:
            entries = self.entries()
            self._check(entries, asked)
            number = len(entries) + 1
            if self.answers.create(_key(number), asked.model_dump_json()):
                return number

    def settle(self, number: int, input_tokens: int, output_tokens: int) -> None:
        """Replace a reservation by what was really used; 0 and 0 gives it back."""
        text = self.answers.get(_key(number))
        if text is not None:
            entry = Entry.model_validate_json(text).after(input_tokens, output_tokens)
            self.answers.put(_key(number), entry.model_dump_json())

    def settle_found(self, request: str, input_tokens: int, output_tokens: int) -> None:
        """Settle the newest open reservation of an answer that was found stored; without one, do nothing."""
        entries = self.entries()
        for number in range(len(entries), 0, -1):
            entry = entries[number - 1]
            if entry.request == request and entry.state != "free":
                if entry.state == "reserved":
                    self.settle(number, input_tokens, output_tokens)
                return

    def usage(self) -> Usage:
        """Everything the incident used or has reserved; the cost is None when any price of it is unknown.

        A sum that leaves something out would read as the whole, so an unknown part makes the whole unknown.
        """
        counted = _counted(self.entries())
        costs = [entry.usd for entry in counted if entry.usd is not None]
        return Usage(
            calls=len(counted),
            input_tokens=sum(entry.input_tokens for entry in counted),
            output_tokens=sum(entry.output_tokens for entry in counted),
            cost_usd=round(sum(costs), 6) if counted and len(costs) == len(counted) else None,
        )

    def _check(self, entries: list[Entry], asked: Entry) -> None:
        planned = [*_counted(entries), asked]
        if self.max_calls is not None and len(planned) > self.max_calls:
            raise BudgetSpent(f"The limit of {self.max_calls} model calls of this incident is reached.")
        if self.max_tokens is not None and sum(e.tokens for e in planned) > self.max_tokens:
            raise BudgetSpent(
                f"The token limit of this incident ({self.max_tokens}) does not allow another call of up to "
                f"{asked.tokens} tokens; raise model.max_tokens_per_incident or the playbook's tokens to allow it."
            )
        known = sum(e.usd for e in planned if e.usd is not None)
        if self.max_usd is not None and asked.usd is not None and known > self.max_usd:
            raise BudgetSpent(
                f"The money limit of this incident (${self.max_usd:.2f}) does not allow another call of up to "
                f"${asked.usd:.4f}; raise model.max_usd_per_incident or the playbook's usd to allow it."
            )


def _counted(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.state != "free"]


def _key(number: int) -> str:
    return f"{LEDGER}-{number}"
