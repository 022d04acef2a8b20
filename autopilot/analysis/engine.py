"""The engine: analyses a stored case in a spawned process, so that nothing in this one waits or grows."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog
from polars.exceptions import PolarsError
from pydantic import ValidationError

from autopilot.analysis.dossier import analyze
from autopilot.case.case import Case
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import Dossier, DossierBrief, TimelineEntry
from autopilot.incident.ports import CaseStore, Failure

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue

Store = TypeVar("Store", bound=CaseStore)
_log = structlog.get_logger()
_BRIEF_MOMENTS = 20
_TELLING: dict[str, int] = {"onset": 0, "change": 1, "alarm": 2, "log": 3}


class Engine(Generic[Store]):
    """The Analyzer port over a process pool. Close it when the worker stops.

    Args:
        open_store: Opens the case store in the child; must be picklable (a function of a module, or a partial of
            one).
        read_case: Loads a case from that store; picklable too.
        workers: Analyses that may run at once.
        deadline: Seconds after which an analysis is given up and its process ended.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        read_case: Callable[[Store, CaseManifest], Case],
        *,
        workers: int = 1,
        deadline: float = 120.0,
    ) -> None:
        """No process is started before the first analysis."""
        self._open_store = open_store
        self._read_case = read_case
        self._workers = workers
        self._deadline = deadline
        self._lock = threading.Lock()
        self._pool: _Pool | None = None
        self._closed = False

    def analyze(self, manifest: CaseManifest, first_finding: int) -> DossierBrief:
        """Analyse a sealed case revision; the whole dossier is stored as `dossier-<revision>.json`.

        Raises:
            Failure: the store failed, the process died twice, the deadline passed, or the case is unreadable.
        """
        for last in (False, True):
            pool = self._running()
            try:
                return pool.submit(manifest, first_finding).result(timeout=self._deadline)
            except BrokenProcessPool as error:
                self._discard(pool)
                _log.warning("analysis process died", revision=manifest.revision, again=not last)
                if last:
                    raise Failure(
                        "The analysis process died twice; look for memory limits of the worker, then retry."
                    ) from error
            except TimeoutError as error:
                self._discard(pool)
                raise Failure(
                    f"The analysis took longer than {self._deadline:.0f} s; narrow the incident's window and retry."
                ) from error
            except (PolarsError, ValidationError) as error:
                raise Failure(
                    f"Case revision {manifest.revision} cannot be analysed: {type(error).__name__}: {error!s:.300}",
                    who="developer",
                ) from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the processes; an analysis under way is abandoned."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.end()

    def _running(self) -> "_Pool":
        with self._lock:
            if self._closed:
                raise Failure("The evidence engine is closed; the worker is stopping.")
            if self._pool is None:
                self._pool = _Pool(_start, (self._open_store, self._read_case), self._workers)
            return self._pool

    def _discard(self, pool: "_Pool") -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        pool.end()


class _Pool:
    """An executor that knows its processes, so that a stuck one can be ended."""

    def __init__(self, start: Callable[..., None], arguments: tuple[Any, ...], workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pids: SimpleQueue[int] = context.SimpleQueue()
        self._executor = ProcessPoolExecutor(
            workers, mp_context=context, initializer=start, initargs=(self._pids, *arguments)
        )

    def submit(self, manifest: CaseManifest, first_finding: int) -> Future[DossierBrief]:
        return self._executor.submit(_analyze_stored, manifest, first_finding)

    def end(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
        while not self._pids.empty():
            with suppress(ProcessLookupError):
                os.kill(self._pids.get(), signal.SIGKILL)


_readers: list["_Reader[Any]"] = []
"""The child's own reader, made once when the process starts."""


class _Reader(Generic[Store]):
    """The store of a child process and how cases are read from it."""

    def __init__(self, store: Store, read_case: Callable[[Store, CaseManifest], Case]) -> None:
        self.store = store
        self._read_case = read_case

    def case(self, manifest: CaseManifest) -> Case:
        return self._read_case(self.store, manifest)


def _start(
    pids: "SimpleQueue[int]", open_store: Callable[[], Store], read_case: Callable[[Store, CaseManifest], Case]
) -> None:
    # A pool's child holds both ends of its queue and would outlive a killed parent for ever.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    pids.put(os.getpid())
    _readers.append(_Reader(open_store(), read_case))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _analyze_stored(manifest: CaseManifest, first_finding: int) -> DossierBrief:
    started = time.perf_counter()
    reader = _readers[0]
    dossier = analyze(reader.case(manifest), first_finding)
    content = dossier.model_dump_json(indent=1).encode()
    document = reader.store.put(
        manifest.scope.incident_id, f"dossier-{manifest.revision}.json", content, "application/json"
    )
    return brief(dossier, document.uri, first_finding, time.perf_counter() - started)


def brief(dossier: Dossier, uri: str, first_finding: int, seconds: float) -> DossierBrief:
    """What the workflow keeps of a dossier: suspects, impact, and the telling moments of the timeline."""
    telling = sorted(dossier.timeline, key=_weight)[:_BRIEF_MOMENTS]
    return DossierBrief(
        uri=uri,
        revision=dossier.revision,
        onset=dossier.onset,
        findings=len(dossier.findings),
        next_finding=first_finding + len(dossier.findings),
        suspects=dossier.suspects,
        timeline=tuple(entry for entry in dossier.timeline if entry in telling),
        impact=dossier.impact,
        gaps=dossier.gaps,
        insufficient_evidence=dossier.insufficient_evidence,
        dossier_signature=dossier.dossier_signature,
        seconds=round(seconds, 3),
    )


def _weight(entry: TimelineEntry) -> int:
    return _TELLING.get(entry.kind, len(_TELLING))
