"""A case store that is read and never written: what would be written is kept in memory instead."""

from collections.abc import Callable

from autopilot.case.backend import NotStored
from autopilot.case.store import StoredCases
from autopilot.incident.ports import CaseStore


class Aside:
    """A backend over a store that stays as it is; what was written here is found first."""

    def __init__(self, store: CaseStore, hidden: Callable[[str], bool]) -> None:
        """`hidden` says which keys of the store are as if they were not there."""
        self._store, self._hidden = store, hidden
        self._written: dict[str, bytes] = {}

    def write(self, key: str, content: bytes, media_type: str) -> None:  # noqa: ARG002 - see `Backend`
        """See `Backend`."""
        self._written[key] = content

    def create(self, key: str, content: bytes, media_type: str) -> bool:
        """See `Backend`."""
        try:
            self.read(key)
        except NotStored:
            self.write(key, content, media_type)
            return True
        return False

    def read(self, key: str) -> bytes:
        """See `Backend`."""
        if key in self._written:
            return self._written[key]
        if self._hidden(key):
            raise NotStored(key)
        return self._store.get(key)


def aside(store: CaseStore, hidden: Callable[[str], bool] = lambda _: False) -> StoredCases:
    """A store that reads another one and keeps to itself what is written."""
    return StoredCases(Aside(store, hidden))
