"""The engine: analyses a stored case in a spawned process, so that nothing in this one waits or grows."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

import structlog
from polars.exceptions import PolarsError
from pydantic import ValidationError

from autopilot.analysis.dossier import analyze
from autopilot.analysis.timeline import most_telling
from autopilot.case.reading import load_case
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import Dossier, DossierBrief
from autopilot.incident.ports import CaseStore, Failure

_log = structlog.get_logger()
_BRIEF_MOMENTS = 20


class Engine:
    """The Analyzer port over a process pool. Close it when the worker stops.

    Args:
        open_store: Opens the case store in the child; must be picklable (a function of a module, or a partial of
            one).
        workers: Analyses that may run at once.
        deadline: Seconds after which an analysis is given up and its process ended.
    """

    def __init__(self, open_store: Callable[[], CaseStore], *, workers: int = 1, deadline: float = 120.0) -> None:
        """No process is started before the first analysis."""
        self._open_store = open_store
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
                self._pool = _Pool(self._open_store, self._workers)
            return self._pool

    def _discard(self, pool: "_Pool") -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        pool.end()


class _Pool:
    """An executor that knows its processes, so that a stuck one can be ended."""

    def __init__(self, open_store: Callable[[], CaseStore], workers: int) -> None:
        self._executor = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(open_store,),
        )
        self._lock = threading.Lock()
        self._children: set[BaseProcess] = set()

    def submit(self, manifest: CaseManifest, first_finding: int) -> Future[DossierBrief]:
        with self._lock:  # the executor starts its processes within `submit`
            before = set(multiprocessing.active_children())
            future = self._executor.submit(_analyze_stored, manifest, first_finding)
            self._children |= set(multiprocessing.active_children()) - before
        return future

    def end(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.kill()


_stores: list[CaseStore] = []
"""The child's own store, opened once when the process starts."""


def _start(open_store: Callable[[], CaseStore]) -> None:
    # A pool's child holds both ends of its queue and would outlive a killed parent for ever.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _stores.append(open_store())


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _analyze_stored(manifest: CaseManifest, first_finding: int) -> DossierBrief:
    started = time.perf_counter()
    store = _stores[0]
    dossier = analyze(load_case(store, manifest), first_finding)
    content = dossier.model_dump_json(indent=1).encode()
    document = store.put(
        manifest.scope.incident_id, f"dossier-{manifest.revision}.json", content, "application/json"
    )
    return brief(dossier, document.uri, first_finding, time.perf_counter() - started)


def brief(dossier: Dossier, uri: str, first_finding: int, seconds: float) -> DossierBrief:
    """What the workflow keeps of a dossier: suspects, impact, and the telling moments of the timeline."""
    return DossierBrief(
        uri=uri,
        revision=dossier.revision,
        onset=dossier.onset,
        findings=len(dossier.findings),
        next_finding=first_finding + len(dossier.findings),
        suspects=dossier.suspects,
        timeline=most_telling(dossier.timeline, _BRIEF_MOMENTS),
        impact=dossier.impact,
        gaps=dossier.gaps,
        insufficient_evidence=dossier.insufficient_evidence,
        dossier_signature=dossier.dossier_signature,
        controls=dossier.controls,
        seconds=round(seconds, 3),
    )
