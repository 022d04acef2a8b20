"""How predictions are scored: strict order, no credit for ties, what is missing counts as wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from benchmarks.demo import wilson
from benchmarks.predictions import NO_COMMIT, Prediction

ALIASES: dict[str, str] = {"db_readonly_mode": "db_read_only", "gateway_misrouted": "gateway_misroute"}
"""Names of a prompt for what the labels call otherwise."""
_SHORTEST_SHA = 7


@dataclass(frozen=True)
class Truth:
    """The accepted answer of one case."""

    id: str
    dataset: str
    services: tuple[str, ...]
    fault: str
    taxonomy: str
    commit: str
    decoys: tuple[str, ...]
    remediation: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Truth":
        """A line of `truth.jsonl`. Raises KeyError when id, dataset or services are absent."""
        return cls(
            told["id"], told["dataset"], tuple(told["services"]), str(told.get("fault", "")),
            str(told.get("taxonomy", "")), str(told.get("commit", "")), tuple(told.get("decoy_commits", ())),
            str(told.get("remediation", "")),
        )  # fmt: skip


def shares(ranks: Sequence[int | None]) -> dict[str, float]:
    """AC@1, AC@3, Avg@5 (mean of AC@1 to AC@5) and the 95 % interval of AC@1, from 1-based ranks."""
    n = len(ranks)
    hits = [sum(1 for rank in ranks if rank is not None and rank <= k) for k in range(1, 6)]
    low, high = wilson(hits[0], n)
    return {"ac1": hits[0] / n, "ac3": hits[2] / n, "avg5": sum(hits) / 5 / n, "low": low, "high": high}


def rank_of(answers: Iterable[Any], accepted: Iterable[Any]) -> int | None:
    """The 1-based place of the first accepted answer among the distinct ones, None when there is none."""
    right = list(accepted)
    return next((place for place, answer in enumerate(dict.fromkeys(answers), 1) if answer in right), None)


def same_commit(answer: str, truth: str) -> bool:
    """Whether an answer names the commit: a prefix of seven digits or more, or `none` for `none`."""
    given, wanted = answer.strip().lower(), truth.lower()
    if wanted == NO_COMMIT:
        return given == NO_COMMIT
    return len(given) >= _SHORTEST_SHA and wanted.startswith(given)


def score_set(truths: Sequence[Truth], predictions: Mapping[str, Prediction]) -> dict[str, float]:
    """All measures that apply to one set. Raises ValueError when it is empty."""
    if not truths:
        raise ValueError("a set without answers cannot be scored")
    given = [predictions.get(t.id, Prediction(t.id, t.dataset, ())) for t in truths]
    parts = shares([rank_of(p.ranking, t.services) for t, p in zip(truths, given, strict=True)])
    scores = {"n": float(len(truths))} | parts
    if any(t.taxonomy for t in truths):
        scores |= _joint(truths, given)
    if any(t.commit for t in truths):
        scores |= _commits(truths, given)
    return scores | {"seconds_per_case": mean(p.seconds for p in given)}


def _joint(truths: Sequence[Truth], given: Sequence[Prediction]) -> dict[str, float]:
    """Component and fault type right in one diagnosis."""
    found = shares([joint_rank(t, p) for t, p in zip(truths, given, strict=True)])
    return {
        "joint_a1": found["ac1"],
        "joint_a3": found["ac3"],
        "joint_low": found["low"],
        "joint_high": found["high"],
    }


def joint_rank(truth: Truth, answer: Prediction) -> int | None:
    """The 1-based place of the diagnosis that names component and fault type, None when there is none."""
    return rank_of(
        [(component.lower(), _fault(fault)) for component, fault in answer.diagnoses],
        [(truth.services[0].lower(), _fault(truth.fault))],
    )


def _fault(name: str) -> str:
    lower = name.strip().lower()
    return ALIASES.get(lower, lower)


def _commits(truths: Sequence[Truth], given: Sequence[Prediction]) -> dict[str, float]:
    """Commits right, decoys blamed, answers that blame no commit, and kinds of remedy right."""
    pairs = list(zip(truths, given, strict=True))
    n = len(pairs)
    passed = sum(same_commit(p.commit, t.commit) for t, p in pairs)
    low, high = wilson(passed, n)
    return {
        "commit_pass": passed / n,
        "commit_low": low,
        "commit_high": high,
        "decoys": float(sum(any(same_commit(p.commit, d) for d in t.decoys) for t, p in pairs)),
        "abstained": float(sum(p.commit == NO_COMMIT for _, p in pairs)),
        "remediation": sum(p.remediation == t.remediation for t, p in pairs) / n,
    }
