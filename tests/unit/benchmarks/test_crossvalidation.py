"""Cross validation: what is left out is never trained on, and the search finds weights that help."""

from collections.abc import Mapping, Sequence

from autopilot.analysis.ranking.weights import WEIGHTS, Weights
from benchmarks.crossvalidation import changes, cross_validate, folds, merit, neighbours
from benchmarks.predictions import Prediction
from benchmarks.scoring import Truth


def truth(name: str, dataset: str, service: str, **told: object) -> Truth:
    return Truth.of({"id": name, "dataset": dataset, "services": [service], **told})


def by_service(dataset: str, count: int) -> list[Truth]:
    return [truth(f"{dataset}-{n}", dataset, f"s{n % count}") for n in range(2 * count)]


def test_sets_leave_out_what_they_ask_for() -> None:
    named = [truth(f"k{n}", "kubernetes", "app/x", fault=f"f{n % 5}", taxonomy="T") for n in range(10)]
    found = folds({"kubernetes": named, "many": by_service("many", 4), "few": by_service("few", 3)})
    assert {(f.dataset, f.left_out) for f in found} == {
        ("kubernetes", "fault type"), ("many", "service"), ("few", "set")
    }  # fmt: skip
    tested = [t.id for fold in found for t in fold.tested]
    assert len(tested) == len(set(tested)) == 10 + 8 + 6
    for fold in found:
        assert not {t.id for t in fold.tested} & {t.id for t in fold.trained}


def test_what_is_left_out_is_left_out_of_every_set() -> None:
    one = [truth(f"a{n}", "a", f"app/s{n}", fault=f"f{n}", taxonomy="T") for n in range(4)]
    other = [truth(f"b{n}", "b", f"s{n}") for n in range(4)]
    found = folds({"a": one, "b": other})
    without = next(f for f in found if f.dataset == "b" and f.tested[0].id == "b2")
    assert {t.id for t in without.trained} == {"a0", "a1", "a3", "b0", "b1", "b3"}


def test_merit_counts_every_measure_that_applies() -> None:
    wanted = truth("1", "s", "app/web", fault="oom", taxonomy="T", commit="a" * 40)
    whole = Prediction("1", "s", ("app/web",), (("app/web", "oom"),), commit="a" * 8)
    assert merit(wanted, whole) == 1
    half = Prediction("1", "s", ("app/db", "app/web"), (("app/web", "oom"),))
    assert merit(wanted, half) == (0.5 + 1 + 0) / 3
    assert merit(wanted, Prediction("1", "s", ())) == 0


def test_neighbours_change_one_share_each() -> None:
    found = neighbours(WEIGHTS)
    assert len({repr(w) for w in found}) == len(found) > 30
    for weights in found:
        assert len(changes(weights)) == 1
        values = [weights.traffic, weights.below, *weights.named.values(), *weights.symptoms.values()]
        assert all(0 < value <= 1 for value in values)


class Asked:
    """Answers that are right as soon as traffic counts little, for s0 as long as not; keeps the questions."""

    def __init__(self, truths: Mapping[str, Sequence[Truth]]) -> None:
        self.truths = [t for told in truths.values() for t in told]
        self.weights: list[str] = []

    def __call__(self, weights: Sequence[Weights]) -> list[dict[str, Prediction]]:
        self.weights += [repr(w) for w in weights]
        return [{t.id: self._answer(t, w) for t in self.truths} for w in weights]

    def _answer(self, t: Truth, weights: Weights) -> Prediction:
        right = (weights.traffic < 0.5) != (t.services[0] == "s0")
        return Prediction(t.id, t.dataset, t.services if right else ("other", *t.services))


def test_the_fit_for_a_group_does_not_know_it() -> None:
    truths = {"many": by_service("many", 4)}
    asked = Asked(truths)
    found = cross_validate(truths, asked)
    assert changes(found.fitted) == [f"traffic {WEIGHTS.traffic:g} → {WEIGHTS.traffic * 0.7:g}"]
    assert found.left_out == {"many": "service"}
    ranks = {t.services[0]: found.answers[t.id].ranking[0] for t in truths["many"]}
    assert ranks == {"s0": "other", "s1": "s1", "s2": "s2", "s3": "s3"}
    assert len(asked.weights) == len(set(asked.weights)), "nothing is asked twice"


def test_nothing_moves_without_a_clear_gain() -> None:
    truths = {"few": by_service("few", 2)}
    same = [{t.id: Prediction(t.id, "few", t.services) for t in truths["few"]}]
    found = cross_validate(truths, lambda weights: same * len(weights))
    assert changes(found.fitted) == []
    assert len(found.answers) == 4
