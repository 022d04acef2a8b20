"""The figures of `benchmarks.reasoning`, from answers and truth."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from statistics import median
from typing import Any

from benchmarks.chance import DRAWS, SIZES
from benchmarks.demo import wilson
from benchmarks.fault_types import kinds_of
from benchmarks.reasoning_answers import Answer
from benchmarks.scoring import Truth, rank_of


def ranks(answers: Sequence[Answer], truths: Mapping[str, Truth]) -> list[int | None]:
    """The place of the true component among the hypotheses of each answer."""
    return [rank_of((h.component for h in a.hypotheses), truths[a.id].services) for a in answers]


def kind_ranks(answers: Sequence[Answer], truths: Mapping[str, Truth]) -> list[int | None]:
    """The place of a right kind of cause, of those answers whose truth says which kinds are right."""
    judged = [(a, kinds_of(truths[a.id].fault)) for a in answers]
    return [rank_of((h.kind for h in a.hypotheses), kinds) for a, kinds in judged if kinds]


def both_ranks(answers: Sequence[Answer], truths: Mapping[str, Truth]) -> list[int | None]:
    """The place of the hypothesis that names a right component and a right kind at once."""
    found: list[int | None] = []
    for a in answers:
        truth = truths[a.id]
        right = [(s, k) for s in truth.services for k in kinds_of(truth.fault)]
        if right:
            found.append(rank_of(((h.component, h.kind) for h in a.hypotheses), right))
    return found


def share(hits: int, n: int) -> dict[str, Any]:
    """A share with its count and 95 % interval; None where nothing was counted."""
    if not n:
        return {"share": None, "hits": 0, "n": 0, "interval": None}
    low, high = wilson(hits, n)
    return {"share": round(hits / n, 4), "hits": hits, "n": n, "interval": [round(low, 3), round(high, 3)]}


def within(places: Sequence[int | None], most: int) -> dict[str, Any]:
    """The share of places up to `most`."""
    return share(sum(place is not None and place <= most for place in places), len(places))


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile (nearest rank)."""
    if not values:
        return {"median": 0.0, "p95": 0.0}
    ordered = sorted(values)
    return {"median": round(median(ordered), 3), "p95": round(ordered[ceil(0.95 * len(ordered)) - 1], 3)}


def chances(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """By size of a random number how often it passes: the benchmark's own check, and enforcement."""
    told = [a for a in answers if a.chance_found]
    return [
        {
            "from": least, "to": most,
            "own_check": spread([a.chance_found[n] for a in told]),
            "enforcement": share(sum(a.chance_enforced[n] for a in told), DRAWS * len(told)),
        }
        for n, (least, most) in enumerate(SIZES if told else ())
    ]  # fmt: skip


def figures(answers: Sequence[Answer], truths: Mapping[str, Truth]) -> dict[str, Any]:
    """Everything that is told about a run."""
    whole = [a for a in answers if a.variant == "whole"]
    judged = [a for a in whole if a.id in truths]
    derived = [a for a in answers if a.variant != "whole"]
    costs = [a.usage.cost_usd for a in answers if a.usage.cost_usd is not None]
    service, kind, both = ranks(judged, truths), kind_ranks(judged, truths), both_ranks(judged, truths)
    blaming = [a for a in judged if not a.abstained]
    detail: dict[str, Any] = {
        "ac1": within(service, 1), "ac3": within(service, 3), "kind_ac1": within(kind, 1),
        "kind_ac3": within(kind, 3), "service_and_kind_ac1": within(both, 1),
        "answered_ac1": within(ranks(blaming, truths), 1),
        "answered_kind_ac1": within(kind_ranks(blaming, truths), 1),
        "unsupported_before": _claims(whole, "dropped", "claims"),
        "unsupported_after": _claims(whole, "unsupported", "shown"),
        "invented_before": _claims(whole, "invented", "said"),
        "random_numbers": chances(whole),
        "abstained": {name: _abstained(some) for name, some in _variants(answers)},
        "per_case": {
            "calls": spread([float(a.usage.calls) for a in answers]),
            "input_tokens": spread([float(a.usage.input_tokens) for a in answers]),
            "output_tokens": spread([float(a.usage.output_tokens) for a in answers]),
            "seconds": spread([a.seconds for a in answers]),
            "reasoning_seconds": spread([a.reasoning_seconds for a in answers]),
            "probes": spread([float(a.probes) for a in answers]),
        },
        "by_set": {name: _set(name, answers, truths) for name in sorted({a.dataset for a in answers})},
        "failed": sum(bool(a.error) for a in answers),
    }  # fmt: skip
    return {
        "cases": len(whole), "ac1": detail["ac1"]["share"], "ac3": detail["ac3"]["share"],
        "kind_ac1": detail["kind_ac1"]["share"], "claims_before": sum(a.claims for a in whole),
        "unsupported_before": detail["unsupported_before"]["share"],
        "unsupported_after": detail["unsupported_after"]["share"],
        "abstained": _abstained(derived)["share"],
        "calls": sum(a.usage.calls for a in answers),
        "input_tokens": sum(a.usage.input_tokens for a in answers),
        "output_tokens": sum(a.usage.output_tokens for a in answers),
        "cost_usd": round(sum(costs), 4) if costs or not any(a.usage.calls for a in answers) else None,
        "seconds": round(sum(a.seconds for a in answers), 1), "detail": detail,
    }  # fmt: skip


def _claims(answers: Iterable[Answer], part: str, whole: str) -> dict[str, Any]:
    some = list(answers)
    return share(sum(getattr(a, part) for a in some), sum(getattr(a, whole) for a in some))


def _abstained(answers: Sequence[Answer]) -> dict[str, Any]:
    return share(sum(a.abstained for a in answers), len(answers))


def _variants(answers: Sequence[Answer]) -> list[tuple[str, list[Answer]]]:
    names = dict.fromkeys(a.variant for a in answers)
    return [(name, [a for a in answers if a.variant == name]) for name in names]


def _set(name: str, answers: Sequence[Answer], truths: Mapping[str, Truth]) -> dict[str, Any]:
    here = [a for a in answers if a.dataset == name]
    judged = [a for a in here if a.variant == "whole" and a.id in truths]
    blaming = [a for a in judged if not a.abstained]
    return {
        "n": len(judged), "ac1": within(ranks(judged, truths), 1), "ac3": within(ranks(judged, truths), 3),
        "kind_ac1": within(kind_ranks(judged, truths), 1), "kind_ac3": within(kind_ranks(judged, truths), 3),
        "answered_ac1": within(ranks(blaming, truths), 1),
        "answered_kind_ac1": within(kind_ranks(blaming, truths), 1),
        "abstained": {variant: _abstained(some) for variant, some in _variants(here)},
    }  # fmt: skip


def table(found: Mapping[str, Any]) -> str:
    """The figures of each set and of all as one Markdown table."""
    detail: Mapping[str, Any] = found["detail"]
    lines = [
        "| set | n | service AC@1 (95 %) | AC@3 | kind AC@1 (95 %) | kind AC@3 | "
        "answered: service AC@1 (95 %) | kind AC@1 (95 %) | abstained: whole | healthy | unanswerable |",
        f"|{'---|' * 11}",
    ]
    everything = {**detail, "n": found["cases"]}
    lines += [_row(name, part) for name, part in (*detail["by_set"].items(), ("all", everything))]
    per, before, after = detail["per_case"], detail["unsupported_before"], detail["unsupported_after"]
    made_up = detail["invented_before"]
    spreads = {name: f"{some['median']:g} ({some['p95']:g})" for name, some in per.items()}
    cost = "unknown" if found["cost_usd"] is None else f"${found['cost_usd']:.4f}"
    return "\n".join([
        *lines,
        "",
        f"claims checked: {found['claims_before']}; unsupported before enforcement: {_cell(before) or 'none'}; "
        f"made up by the benchmark's own check: {_cell(made_up) or 'none'} of {made_up['n']} statements written, "
        f"{_cell(after) or 'none'} of {after['n']} shown; cases that failed: {detail['failed']}",
        f"per case, median (95th percentile): calls {spreads['calls']}, input tokens {spreads['input_tokens']}, "
        f"output tokens {spreads['output_tokens']}, probes {spreads['probes']}, seconds {spreads['seconds']}, "
        f"of them reasoning {spreads['reasoning_seconds']}; cost of all {cost}",
        "",
        "| random whole number | passes the benchmark's own check: median case (95th percentile) "
        "| passes enforcement (95 %) |",
        "|---|---|---|",
        *(_chance_row(row) for row in detail["random_numbers"]),
    ])  # fmt: skip


def _row(name: str, part: Mapping[str, Any]) -> str:
    abstained: Mapping[str, Any] = part["abstained"]
    cells = [_cell(part["ac1"]), _plain(part["ac3"]), _cell(part["kind_ac1"]), _plain(part["kind_ac3"])]
    cells += [_of(part["answered_ac1"]), _of(part["answered_kind_ac1"])]
    cells += [_counted(abstained.get(variant)) for variant in ("whole", "healthy", "unanswerable")]
    return f"| {name} | {part['n']} | {' | '.join(cells)} |"


def _chance_row(row: Mapping[str, Any]) -> str:
    found = f"{row['own_check']['median']:.2f} ({row['own_check']['p95']:.2f})"
    return f"| {row['from']:,} to {row['to']:,} | {found} | {_of(row['enforcement'])} |"


def _plain(told: Mapping[str, Any]) -> str:
    return "" if told["share"] is None else f"{told['share']:.3f}"


def _cell(told: Mapping[str, Any]) -> str:
    if told["share"] is None:
        return ""
    low, high = told["interval"]
    return f"{told['share']:.3f} ({low:.2f} to {high:.2f})"


def _of(told: Mapping[str, Any]) -> str:
    """A share with what it is a share of."""
    return f"{_cell(told)} of {told['n']}" if told["n"] else ""


def _counted(told: Mapping[str, Any] | None) -> str:
    return f"{told['hits']} of {told['n']}" if told and told["n"] else ""
