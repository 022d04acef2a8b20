"""The configured models: which one a step asks at which attempt, and which are left alone for a while."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import get_args

from pydantic import SecretStr

from autopilot.clients.model import ModelClient
from autopilot.clients.model_dialects import Dialects
from autopilot.clients.model_failures import ModelFailure
from autopilot.incident.audit import AuditLog, NoAudit
from autopilot.incident.ports import Failure
from autopilot.settings_model import Breaker, LanguageModel, Model, ModelStep

_LONGEST_REST = 600.0
"""Seconds; no server may send its model away for longer."""


@dataclass
class _Condition:
    """How one model does."""

    failures: int = 0
    """In a row."""
    open_until: float | None = None
    """While it is set the breaker is open; after that time one call may try, and sets it anew."""
    rests_until: float = 0.0
    """The server asked to wait; others are preferred until then."""


class Models:
    """The models of each step with the fallbacks behind them, and a breaker for each. Thread-safe."""

    def __init__(
        self, settings: Model, clock: Callable[[], float] = time.monotonic, audit: AuditLog | None = None
    ) -> None:
        """Raises Failure when a model has no usable key or address. Nothing is contacted.

        Args:
            settings: `kind: none` means that no model is ever asked.
            clock: Seconds that only grow.
            audit: Where every paid request is recorded; nowhere for work outside incidents.
        """
        self.settings = settings
        self.audit: AuditLog = audit or NoAudit()
        self._breaker: Breaker = settings.breaker
        self._clock = clock
        self._lock = threading.Lock()
        self._orders: dict[ModelStep, tuple[ModelClient, ...]] = {}
        self._conditions: dict[tuple[str, str, SecretStr | None], _Condition] = {}
        if settings.kind == "none":
            return
        dialects, clients = Dialects(), dict[LanguageModel, ModelClient]()
        for step in get_args(ModelStep):
            for one in settings.order(step):
                clients.setdefault(one, ModelClient(one, dialects))
            self._orders[step] = tuple(clients[one] for one in settings.order(step))

    @property
    def configured(self) -> bool:
        """Whether any model may be asked."""
        return bool(self._orders)

    @property
    def all(self) -> tuple[ModelClient, ...]:
        """Every configured model once, the steps' own before the fallbacks."""
        own = [order[0] for order in self._orders.values()]
        behind = [client for order in self._orders.values() for client in order[1:]]
        return tuple(dict.fromkeys((*own, *behind)))

    def order(self, step: ModelStep) -> tuple[ModelClient, ...]:
        """The models of a step as configured. Raises Failure when there is none."""
        if not self._orders:
            raise Failure("No model is configured; set model.kind and model.name to ask one.", who="operator")
        return self._orders[step]

    def choose(self, step: ModelStep, attempt: int) -> ModelClient:
        """Attempt k (from 1) asks the k-th model of the order, going round, and skips those left alone.

        Raises Failure when all are left alone.
        """
        order = self.order(step)
        first = (max(attempt, 1) - 1) % len(order)
        turn = (*order[first:], *order[:first])
        now = self._clock()
        with self._lock:
            chosen = next((c for c in turn if self._admits(c, now)), None)
            chosen = chosen or next((c for c in turn if self._of(c).open_until is None), None)
        if chosen is None:
            names = ", ".join(dict.fromkeys(client.name for client in order))
            raise Failure(
                f"Every model of this step ({names}) failed {self._breaker.failures} times in a row and is left "
                f"alone for {self._breaker.pause:.0f} s; check servers and keys with `python starter.py doctor`.",
                who="operator",
            )
        return chosen

    def another(self, step: ModelStep, than: ModelClient, exhausted: Iterable[ModelClient] = ()) -> str:
        """The name of a model of the step that a later attempt may reach; empty when there is none."""
        given_up, now = {than, *exhausted}, self._clock()
        with self._lock:
            left = (c for c in self.order(step) if c not in given_up and (self._of(c).open_until or now) <= now)
            return next((client.name for client in left), "")

    def answered(self, client: ModelClient) -> None:
        """The server did its work, whatever the answer is worth."""
        with self._lock:
            self._conditions.pop(_account(client), None)

    def untried(self, client: ModelClient) -> None:
        """It was chosen, and nothing was learned about it: where one call might try it, the next one may."""
        with self._lock:
            condition = self._of(client)
            if condition.open_until is not None:
                condition.open_until = self._clock()

    def failed(self, client: ModelClient, failure: ModelFailure) -> None:
        """Count a failure, unless it is one question's own; one that lasts opens the breaker at once."""
        if failure.who != "retry" and not failure.lasting:
            return self.untried(client)
        now = self._clock()
        with self._lock:
            condition = self._of(client)
            condition.failures = self._breaker.failures if failure.lasting else condition.failures + 1
            if condition.failures >= self._breaker.failures:
                condition.open_until = now + self._breaker.pause
            condition.rests_until = now + min(failure.retry_after or 0.0, _LONGEST_REST)
        return None

    def _of(self, client: ModelClient) -> _Condition:
        return self._conditions.setdefault(_account(client), _Condition())

    def _admits(self, client: ModelClient, now: float) -> bool:
        """Whether it may be asked now; after a pause, only the first who wants to know."""
        condition = self._of(client)
        if condition.open_until is None:
            return now >= condition.rests_until
        if now < condition.open_until:
            return False
        condition.open_until = now + self._breaker.pause
        return True


def _account(client: ModelClient) -> tuple[str, str, SecretStr | None]:
    """What fails together: a server's model under one key. Another account may have quota left."""
    return client.where, client.name, client.settings.api_key
