"""A vendor that can be broken call by call, and that remembers what was really written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.integration.saas_sources.vendor import Answering, Asked, Reply

Way = Literal["answer", "lose_answer", "lose_request", "first"]


@dataclass
class Fault:
    """What goes wrong the next `times` times that a call begins like this."""

    call: str
    way: Way
    reply: Reply
    before: Callable[[], None]
    times: int = 1


class Faulty:
    """Stands before the answers of a vendor."""

    def __init__(self, answering: Answering, is_write: Callable[[Asked], bool]) -> None:
        self._answering, self._is_write = answering, is_write
        self.faults: list[Fault] = []
        self.written: list[Asked] = []
        """The writes that arrived."""

    def __call__(self, asked: Asked) -> Reply:
        """The vendor's answer, or the fault that was planted."""
        call = f"{asked.method} {asked.path}"
        writes = self._is_write(asked)
        fault = next((f for f in self.faults if f.times and writes and call.startswith(f.call)), None)
        if fault is not None:
            fault.times -= 1
            fault.before()
            if fault.way == "answer":
                return fault.reply
            if fault.way == "lose_request":
                return Reply(status=0)
        reply = self._answering(asked)
        if writes:
            self.written.append(asked)
        return Reply(status=0) if fault is not None and fault.way == "lose_answer" else reply

    def answer(self, call: str, reply: Reply) -> None:
        """The next write that begins so is answered by this, and does nothing."""
        self.faults.append(Fault(call, "answer", reply, lambda: None))

    def lose(self, call: str, way: Literal["lose_answer", "lose_request"]) -> None:
        """The next write that begins so is not answered; with `lose_request` it does not arrive either."""
        self.faults.append(Fault(call, way, Reply(), lambda: None))

    def first(self, call: str, happens: Callable[[], None]) -> None:
        """Just before the next write that begins so arrives, something else happens."""
        self.faults.append(Fault(call, "first", Reply(), happens))

    def calls(self) -> list[str]:
        """The writes that arrived, as method and path."""
        return [f"{asked.method} {asked.path}" for asked in self.written]
