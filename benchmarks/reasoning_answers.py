"""One case through the product's own road: stored, analysed, investigated, concluded; and what came of it."""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from autopilot.analysis.dossier import analyze
from autopilot.analysis.engine import brief
from autopilot.case.reading import load_case
from autopilot.case.store import FolderCaseStore
from autopilot.incident.diagnosis import Diagnosis, Standing, Usage
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.investigation import Limits, Turn
from autopilot.incident.ports import Attempt, Conclusion, InvestigateRequest
from autopilot.reasoning.analyst import ConfiguredAnalyst
from autopilot.reasoning.casefile import load_dossier
from autopilot.reasoning.offline import investigate
from autopilot.reasoning.probing import ConfiguredProber
from autopilot.settings import Model
from benchmarks.cases import PublicCase, read_case
from benchmarks.chance import by_enforcement, by_existence
from benchmarks.claims import Known, unsupported
from benchmarks.reasoning_cases import Variant, derived, keep, starts_when_told

Job = tuple[Path, Variant]
"""The folder of a case, and as what it is answered."""


@dataclass(frozen=True)
class Setup:
    """Which model is asked, and how far it may go."""

    model: Model
    limits: Limits
    attempt_seconds: float
    """For one call of the model."""


@dataclass(frozen=True)
class Named:
    """One hypothesis of an answer."""

    component: str
    """The candidate it names; "" for what is no candidate."""
    kind: str
    standing: Standing
    confidence: float


@dataclass(frozen=True)
class Answer:
    """What was concluded about one case."""

    id: str
    dataset: str
    variant: Variant
    hypotheses: tuple[Named, ...] = ()
    """Best first, without those that were refuted and those that name no cause."""
    abstained: bool = True
    claims: int = 0
    """Sentences and citations that were checked."""
    dropped: int = 0
    """How many of them enforcement took out."""
    said: int = 0
    """Statements and links as a model wrote them."""
    invented: int = 0
    """How many of those the benchmark's own check finds nothing for."""
    shown: int = 0
    """Sentences that a reader is shown."""
    unsupported: int = 0
    """How many of those the same check finds nothing for."""
    chance_found: tuple[float, ...] = ()
    """By size of a random number (`chance.SIZES`): the share that the same check takes for found."""
    chance_enforced: tuple[int, ...] = ()
    """How many of `chance.DRAWS` enforcement lets stand beside a citation."""
    usage: Usage = field(default_factory=Usage)
    probes: int = 0
    seconds: float = 0.0
    """From the stored case to the diagnosis."""
    reasoning_seconds: float = 0.0
    """Without the analysis."""
    analyst: str = ""
    stopped: str = ""
    error: str = ""

    def line(self) -> dict[str, Any]:
        """The answer as one JSON object."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        told |= {"hypotheses": [vars(h) for h in self.hypotheses], "usage": self.usage.model_dump()}
        return told


class Patient:
    """An analyst whose model may take as long as the setup says, where the product would go on without it."""

    def __init__(self, analyst: ConfiguredAnalyst, seconds: float) -> None:
        self._analyst, self._seconds = analyst, seconds

    def propose(self, request: InvestigateRequest, attempt: Attempt) -> Turn:
        """See `Analyst`."""
        longer = max(attempt.seconds, self._seconds)
        return self._analyst.propose(request, attempt.model_copy(update={"seconds": longer}))

    def conclude(self, request: InvestigateRequest) -> Conclusion:
        """See `Analyst`."""
        return self._analyst.conclude(request)


def answer(folder: Path, variant: Variant, setup: Setup) -> Answer | None:
    """The answer to one public case as that variant; None where it cannot be derived.

    A failure is an empty answer that says why.
    """
    name, dataset = folder.name, folder.parent.name
    try:
        if variant == "healthy" and not starts_when_told(folder):
            return None
        public = read_case(folder)
        case = derived(public.case, variant)
        if case is None:
            return None
        with tempfile.TemporaryDirectory(prefix="reasoning-") as scratch:
            store = FolderCaseStore(Path(scratch))
            return _concluded(public, variant, store, keep(store, case), setup)
    except Exception as error:  # noqa: BLE001 - one broken case is a miss that is reported, not the end of the run
        return Answer(name, dataset, variant, abstained=False, error=f"{type(error).__name__}: {error}"[:400])


def _answered(wanted: Sequence[Job], setup: Setup, processes: int) -> Iterator[Answer | None]:
    """In the order of the jobs; one process is this one."""
    if processes == 1:
        yield from (answer(folder, variant, setup) for folder, variant in wanted)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(answer, folder, variant, setup) for folder, variant in wanted]
        yield from (future.result() for future in futures)


def answers(wanted: Sequence[Job], setup: Setup, processes: int) -> Iterator[Answer]:
    """All answers in the order of the jobs, with progress on stderr; what cannot be derived is left out."""
    started = time.monotonic()
    for done, found in enumerate(_answered(wanted, setup, processes), 1):
        if found is not None and found.error:
            print(f"{found.id} ({found.variant}): {found.error}", file=sys.stderr)
        if done % 20 == 0 or done == len(wanted) or setup.model.kind != "none":
            print(f"{done} of {len(wanted)} after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        if found is not None:
            yield found


def _concluded(
    public: PublicCase, variant: Variant, store: FolderCaseStore, manifest: CaseManifest, setup: Setup
) -> Answer:
    started = time.perf_counter()
    dossier = analyze(load_case(store, manifest))
    content = dossier.model_dump_json().encode()
    uri = store.put(manifest.scope.incident_id, "dossier-1.json", content, "application/json").uri
    analysed = time.perf_counter()
    analyst = Patient(ConfiguredAnalyst(setup.model, store), setup.attempt_seconds)
    told = brief(dossier, uri, 1, analysed - started)
    conclusion, investigation = investigate(analyst, ConfiguredProber(store), manifest, told, limits=setup.limits)
    ended = time.perf_counter()
    diagnosis, tested = conclusion.diagnosis, load_dossier(store, conclusion.dossier)
    sentences, found = shown_sentences(diagnosis), Known(tested)
    written = written_sentences(investigation.turns) if diagnosis.claims else []
    return Answer(
        id=public.id,
        dataset=public.dataset,
        variant=variant,
        hypotheses=named(public, diagnosis),
        abstained=abstains(diagnosis),
        claims=diagnosis.claims,
        dropped=diagnosis.dropped,
        said=len(written),
        invented=sum(bool(unsupported(text, found)) for text in written),
        shown=len(sentences),
        unsupported=sum(bool(unsupported(text, found)) for text in sentences),
        chance_found=by_existence(found),
        chance_enforced=by_enforcement(tested, public.id),
        usage=diagnosis.usage,
        probes=len(investigation.results),
        seconds=round(ended - started, 3),
        reasoning_seconds=round(ended - analysed, 3),
        analyst=diagnosis.analyst,
        stopped=diagnosis.stopped,
    )


def abstains(diagnosis: Diagnosis) -> bool:
    """Whether nobody is blamed: nothing stands, or what leads is inconclusive or of no known kind."""
    best = diagnosis.best
    return best is None or best.standing == "inconclusive" or best.cause_kind == "unknown"


def named(public: PublicCase, diagnosis: Diagnosis) -> tuple[Named, ...]:
    """The causes that a diagnosis names, best first."""
    return tuple(
        Named(public.candidate(h.service), h.cause_kind, h.standing, h.confidence)
        for h in diagnosis.hypotheses if h.standing != "refuted" and h.cause_kind != "unknown"
    )  # fmt: skip


def written_sentences(turns: Sequence[Turn]) -> list[str]:
    """What an analyst wrote in all its turns, before anything of it was checked."""
    return [
        text for t in turns for text in (*(p.statement for p in t.proposed), *(link.sentence for link in t.chain))
    ]


def shown_sentences(diagnosis: Diagnosis) -> list[str]:
    """What a reader is shown as fact about the cause."""
    return [*(h.statement for h in diagnosis.hypotheses), *diagnosis.causal_chain]
