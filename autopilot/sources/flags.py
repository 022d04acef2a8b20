"""Feature flags that may be switched during incidents: how they are set, and what was done to them."""

from collections.abc import Sequence

from autopilot.case.schema import frame
from autopilot.clients.flags import FlagMove, FlagNow, FlagSystem
from autopilot.clients.http_failures import HttpFailure
from autopilot.incident.base import Scalar, clean
from autopilot.incident.evidence import Scope
from autopilot.incident.finding import TimelineEntry
from autopilot.sources.base import Budget, Collected
from autopilot.sources.inventory import entries, in_scope, item, nearest

QUICK_SECONDS = 4.0


class FlagSource:
    """The listed flags of one system."""

    def __init__(self, system: FlagSystem) -> None:
        """`system` speaks with a token that may read."""
        self._system = system
        self.name = system.name

    def collect(self, scope: Scope, budget: Budget, into: Collected) -> None:
        """Every listed flag, those of the scope's services first. A flag that is not there is a gap."""
        listed = [(service, key) for service, keys in self._system.flags.items() for key in keys]
        for service, key in nearest(scope, listed, "flags", into):
            try:
                self._one(service, key, scope, budget, into)
            except HttpFailure as failure:
                if failure.status != 404:
                    raise
                into.miss(
                    "no_data", f"flag {key} is not in {self._system.place}", "Correct `flags` in the settings."
                )
        if not listed:
            into.miss("no_data", "no flags are listed for any service")

    def _one(self, service: str, key: str, scope: Scope, budget: Budget, into: Collected) -> None:
        flag, answer = self._system.read(key, budget.spend)
        into.asked(f"GET {answer.url}", None, 1, answer.seconds)
        into.add("inventory", frame("inventory", [self._item(service, flag)]))
        try:
            moves, answer = self._system.history(key, budget.spend)
        except HttpFailure as failure:
            if failure.status != 403 or failure.who == "retry":
                raise
            into.miss("denied", f"what was done to flag {key}", "Allow the token to read the history of flags.")
            return
        into.asked(f"GET {answer.url}", None, len(moves), answer.seconds)
        into.add("changes", frame("changes", self._changes(service, key, moves, scope)))

    def _resource(self, key: str) -> str:
        return f"{self.name}:{self._system.place}/{key}"

    def _item(self, service: str, flag: FlagNow) -> dict[str, object]:
        settings: dict[str, Scalar] = {
            "system": self.name, "on": flag.on, "percent": flag.percent, "of": flag.of, "archived": flag.archived,
        }  # fmt: skip
        return item(
            "feature_flag",
            self._resource(flag.key),
            name=flag.key,
            service=service,
            region="",
            settings=settings,
            health="on" if flag.on else "off",
            source=self.name,
        )

    def _changes(self, service: str, key: str, moves: Sequence[FlagMove], scope: Scope) -> list[dict[str, object]]:
        return [
            {
                "time": move.at,
                "id": f"{self.name}:{move.id}",
                "kind": "flag",
                "service": service,
                "resource": self._resource(key),
                "author": clean(move.by, 200),
                "summary": clean(f"flag {key}: {move.what}", 400),
            }
            for move in moves
            if in_scope(scope, move.at)
        ]

    def recent_changes(self, scope: Scope, limit: int) -> Sequence[TimelineEntry]:
        """See `ReadsChanges`: what was done to the flags of the scope's services. Raises Failure."""
        budget = Budget(calls=20, seconds=QUICK_SECONDS)
        rows: list[dict[str, object]] = []
        for service in scope.services:
            for key in self._system.flags.get(service, ()):
                rows += self._changes(service, key, self._system.history(key, budget.spend)[0], scope)
        return entries(rows, limit)
