"""The reasoning harness: cases, answers, scores, and the keys of its JSON."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from autopilot.incident.diagnosis import Diagnosis, Hypothesis, Usage
from autopilot.incident.investigation import Limits
from autopilot.settings import Model
from benchmarks import reasoning
from benchmarks.cases import read_case
from benchmarks.chance import DRAWS, SIZES
from benchmarks.fault_types import FAULT_MECHANISMS, kinds_of
from benchmarks.reasoning_answers import Answer, Named, Setup, abstains, answer
from benchmarks.reasoning_cases import healthy, starts_when_told, unanswerable
from benchmarks.reasoning_scores import figures, share, spread, table
from benchmarks.scoring import Truth
from tests.unit.benchmarks.small_cases import START, fault, write_case, write_lines, write_samples

KEYS = {"cases", "ac1", "ac3", "kind_ac1", "claims_before", "unsupported_before", "unsupported_after", "abstained",
        "calls", "input_tokens", "output_tokens", "cost_usd", "seconds"}  # fmt: skip
ALONE = Setup(Model(), Limits(), 45.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set with one case whose `db` uses far more processor from a known time on."""
    cases = tmp_path_factory.mktemp("cases")
    case = write_case(cases / "small" / "c-1", inject_time=START + 120, symptom={"service": "web"})
    write_samples(case / "metrics.csv.gz", fault("db"))
    write_lines(case / "logs.jsonl.gz", [{"t": START + 150, "s": "db", "l": "error", "m": "disk is full"}])
    truth = {"id": "c-1", "dataset": "small", "services": ["db"], "fault": "cpu"}
    (cases / "truth.jsonl").write_text(json.dumps(truth) + "\n")
    return cases


def quiet(level: str, *, readable: bool) -> None:
    """Logging is not configured anew under the other tests."""


def given(number: int, hypotheses: Sequence[tuple[str, str]], **more: object) -> Answer:
    named = tuple(Named(component, kind, "likely", 0.6) for component, kind in hypotheses)
    return Answer(f"c-{number}", "small", "whole", named, abstained=False, **more)  # pyright: ignore[reportArgumentType]


def truth(number: int, service: str, fault: str) -> Truth:
    return Truth(f"c-{number}", "small", (service,), fault, "", "", (), "")


def test_a_case_goes_the_products_own_road_and_names_component_and_kind(folder: Path) -> None:
    found = answer(folder / "small" / "c-1", "whole", ALONE)
    assert found is not None
    assert found.error == ""
    assert (found.hypotheses[0].component, found.hypotheses[0].kind) == ("db", "cpu")
    assert found.shown > 0
    assert found.unsupported == 0
    assert found.usage.calls == 0
    assert json.loads(json.dumps(found.line()))["hypotheses"][0]["component"] == "db"


def test_nobody_is_blamed_when_nothing_is_wrong_or_nothing_is_known(folder: Path) -> None:
    for variant in ("healthy", "unanswerable"):
        found = answer(folder / "small" / "c-1", variant, ALONE)
        assert found is not None
        assert found.error == ""
        assert found.abstained, variant


def test_a_healthy_case_lies_wholly_before_the_incident(folder: Path) -> None:
    whole = read_case(folder / "small" / "c-1").case
    cut = healthy(whole)
    assert cut is not None
    split = whole.scope.incident.start
    assert cut.scope.incident.end == split
    assert cut.scope.baseline.end == cut.scope.incident.start > cut.scope.baseline.start
    assert cut.table("metrics")["time"].max() < split  # pyright: ignore[reportOperatorIssue]
    assert cut.table("logs").is_empty()
    assert cut.table("alarms").is_empty()
    assert not whole.table("alarms").is_empty()


def test_an_unanswerable_case_has_an_alarm_without_reason_and_no_evidence(folder: Path) -> None:
    bare = unanswerable(read_case(folder / "small" / "c-1").case)
    assert [bare.table(name).height for name in ("metrics", "logs", "spans", "changes", "state")] == [0] * 5
    assert bare.table("alarms")["reason"].fill_null("").to_list() == [""]


def test_a_healthy_case_is_derived_only_where_a_clean_time_is_known(tmp_path: Path) -> None:
    guessed = write_case(tmp_path / "small" / "c-2", detect_time=START + 150)
    write_samples(guessed / "metrics.csv.gz", fault("db"))
    assert not starts_when_told(guessed)
    assert answer(guessed, "healthy", ALONE) is None
    short = write_case(tmp_path / "small" / "c-3", inject_time=START + 2)
    write_samples(short / "metrics.csv.gz", fault("db", normal=2))
    assert answer(short, "healthy", ALONE) is None


def test_a_broken_case_is_a_miss_that_says_why(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "small" / "c-1"
    shutil.copytree(folder / "small" / "c-1", broken)
    (broken / "metrics.csv.gz").write_bytes(b"no gzip")
    found = answer(broken, "whole", ALONE)
    assert found is not None
    assert "BadGzipFile" in found.error
    assert not found.abstained


@pytest.mark.parametrize(
    ("standing", "kind", "abstained"),
    [("confirmed", "cpu", False), ("likely", "cpu", False), ("inconclusive", "cpu", True),
     ("likely", "unknown", True), ("refuted", "cpu", True)],
)  # fmt: skip
def test_abstaining_is_blaming_nobody(standing: str, kind: str, abstained: bool) -> None:
    hypothesis = Hypothesis.model_validate(
        {"statement": "x", "cause_kind": kind, "service": "web", "standing": standing}
    )
    assert abstains(Diagnosis(revision=1, hypotheses=(hypothesis,))) is abstained


def test_services_and_kinds_are_scored_each_and_together() -> None:
    answers = [
        given(1, [("db", "cpu"), ("web", "memory")]),
        given(2, [("web", "cpu"), ("db", "network")]),
        given(3, [("web", "data"), ("web", "crash"), ("", "cpu"), ("db", "cpu")]),
        given(4, []),
    ]
    truths = {f"c-{n}": truth(n, "db", "cpu") for n in (1, 2, 3)} | {"c-4": truth(4, "db", "nobody knows")}
    told = figures(answers, truths)
    assert (told["cases"], told["ac1"], told["ac3"]) == (4, 0.25, 0.75)
    assert told["kind_ac1"] == round(2 / 3, 4)
    assert told["detail"]["kind_ac1"]["n"] == 3
    assert told["detail"]["service_and_kind_ac1"]["hits"] == 1


def test_what_was_answered_is_scored_apart_from_what_was_left_open() -> None:
    sure = [given(1, [("db", "cpu")]), given(2, [("web", "cpu")])]
    left_open = [
        Answer(f"c-{n}", "small", "whole", (Named("db", "cpu", "inconclusive", 0.3),), abstained=True)
        for n in (3, 4)
    ]
    told = figures([*sure, *left_open], {f"c-{n}": truth(n, "db", "cpu") for n in (1, 2, 3, 4)})
    assert told["ac1"] == 0.75, "a right first hypothesis counts, also where the verdict blames nobody"
    for found in (told["detail"], told["detail"]["by_set"]["small"]):
        assert (found["answered_ac1"]["share"], found["answered_ac1"]["n"]) == (0.5, 2)
        assert (found["answered_kind_ac1"]["share"], found["answered_kind_ac1"]["n"]) == (1.0, 2)
    assert told["detail"]["answered_ac1"]["interval"][0] < 0.5 < told["detail"]["answered_ac1"]["interval"][1]
    assert re.search(r"\| 0\.500 \(0\.\d\d to 0\.\d\d\) of 2 \| 1\.000 \(", table(told))


def test_a_random_number_is_told_with_its_chance_by_size() -> None:
    sizes = len(SIZES)
    answers = [
        given(1, [], chance_found=(0.9,) * sizes, chance_enforced=(1,) * sizes),
        given(2, [], chance_found=(0.1,) * sizes, chance_enforced=(0,) * sizes),
        Answer("c-3", "small", "whole", error="could not be read"),
    ]
    told = figures(answers, {})
    first = told["detail"]["random_numbers"][0]
    assert (first["from"], first["to"], first["own_check"]) == (1, 9, {"median": 0.5, "p95": 0.9})
    assert (first["enforcement"]["hits"], first["enforcement"]["n"]) == (1, 2 * DRAWS)
    assert "| 1 to 9 | 0.50 (0.90) | 0.050" in table(told)


def test_claims_cost_and_abstention_are_counted_where_they_belong() -> None:
    priced = Usage(calls=2, input_tokens=900, output_tokens=100, cost_usd=0.01)
    answers = [
        given(1, [("db", "cpu")], claims=8, dropped=2, shown=6, unsupported=3, usage=priced, seconds=4.0),
        Answer("c-1", "small", "healthy", abstained=True, claims=5, dropped=5, usage=Usage(calls=1)),
        Answer("c-1", "small", "unanswerable", abstained=False),
    ]
    told = figures(answers, {"c-1": truth(1, "db", "cpu")})
    assert set(told) == {*KEYS, "detail"}
    assert (told["claims_before"], told["unsupported_before"], told["unsupported_after"]) == (8, 0.25, 0.5)
    assert told["abstained"] == 0.5
    assert (told["calls"], told["input_tokens"], told["cost_usd"], told["seconds"]) == (3, 900, 0.01, 4.0)
    assert told["detail"]["per_case"]["seconds"] == {"median": 0.0, "p95": 4.0}


def test_an_unknown_price_is_no_cost_of_nothing() -> None:
    asked = given(1, [], usage=Usage(calls=1, input_tokens=10))
    assert figures([asked], {})["cost_usd"] is None
    assert figures([given(1, [])], {})["cost_usd"] == 0


def test_shares_of_nothing_are_unknown_and_percentiles_are_ranks() -> None:
    assert share(0, 0)["share"] is None
    assert spread([float(n) for n in range(1, 101)]) == {"median": 50.5, "p95": 95.0}


def test_every_published_kubernetes_fault_has_a_kind_and_an_unheard_one_has_none() -> None:
    assert all(kinds_of(fault) for fault, _ in FAULT_MECHANISMS)
    assert kinds_of("mem") == ("memory",)
    assert kinds_of("member") == ()


def test_derived_cases_come_from_the_first_of_each_set() -> None:
    cases = [Path("x") / name / f"{n}" for name in ("a", "b") for n in range(3)]
    wanted = reasoning.jobs(cases, 2)
    assert sum(variant == "whole" for _, variant in wanted) == 6
    assert [str(f) for f, variant in wanted if variant == "healthy"] == ["x/a/0", "x/a/1", "x/b/0", "x/b/1"]


def test_the_command_ends_with_one_object_of_the_agreed_keys(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "answers.jsonl"
    arguments = ["reasoning", "--cases", str(folder), "--json", "--processes", "1", "--out", str(out)]
    monkeypatch.setattr("sys.argv", arguments)
    monkeypatch.setattr(reasoning, "configure", quiet)
    assert reasoning.main() == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(told) == {*KEYS, "detail"}
    assert (told["cases"], told["ac1"], told["kind_ac1"], told["abstained"]) == (1, 1.0, 1.0, 1.0)
    assert len(out.read_text().splitlines()) == 3


def test_what_cannot_be_scored_is_not_begun(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reasoning, "configure", quiet)
    for arguments in (["--sets", "other"], ["--truth", str(folder / "lost.jsonl")]):
        monkeypatch.setattr("sys.argv", ["reasoning", "--cases", str(folder), *arguments])
        with pytest.raises(SystemExit):
            reasoning.main()
        assert "name it with --truth" in capsys.readouterr().err
