"""Tables of stored cases, each read once for those who need it at the same time."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

import polars as pl

from autopilot.case.reading import load_case
from autopilot.incident.evidence import CaseManifest, Table
from autopilot.incident.ports import CaseStore

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")
_MOST_TABLES = 9
"""Those of one case."""
_MOST_BYTES = 64_000_000
"""Larger tables are shared by those who read at the same time, and read again by whoever comes later."""


class Shared(Generic[_Key, _Value]):
    """The last results by key: whoever asks for one that is under way waits for it instead of making it again."""

    def __init__(self, most: int) -> None:
        """At most `most` results are kept; the one that was used longest ago goes first."""
        self._most = most
        self._lock = threading.Lock()
        self._results: OrderedDict[_Key, Future[_Value]] = OrderedDict()

    def get(self, key: _Key, make: Callable[[], _Value]) -> _Value:
        """The result of `make`. What it raises reaches everybody who waits, and is not kept."""
        with self._lock:
            found = self._results.get(key)
            result = found if found is not None else Future[_Value]()
            self._results[key] = result
            self._results.move_to_end(key)
            while len(self._results) > self._most:
                self._results.popitem(last=False)
        if found is None:
            try:
                result.set_result(make())
            except BaseException as error:
                self.forget(key)
                result.set_exception(error)
                raise
        return result.result()

    def forget(self, key: _Key) -> None:
        """Keep the result of a key no longer."""
        with self._lock:
            self._results.pop(key, None)


class StoredTables:
    """Reads single tables of sealed cases; a few are kept, because probes side by side want the same ones."""

    def __init__(self, store: CaseStore) -> None:
        """Nothing is read yet."""
        self._store = store
        self._kept: Shared[tuple[Table, tuple[str, ...]], pl.DataFrame] = Shared(_MOST_TABLES)

    def read(self, manifest: CaseManifest, table: Table) -> pl.DataFrame:
        """The rows of one table. Raises Failure when a part is missing or not what was stored."""
        parts = tuple(part for part in manifest.parts if part.table == table)
        alone = manifest.model_copy(update={"parts": parts})
        key = (table, tuple(part.sha256 for part in parts))
        rows = self._kept.get(key, lambda: load_case(self._store, alone).table(table))
        if rows.estimated_size() > _MOST_BYTES:
            self._kept.forget(key)
        return rows
