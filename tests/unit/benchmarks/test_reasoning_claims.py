"""The benchmark's own look at claims: what was never found is made up."""

import hashlib
from pathlib import Path

import pytest

from benchmarks.chance import DRAWS, SIZES, by_enforcement, by_existence
from benchmarks.claims import Known, unsupported
from benchmarks.local_model import Unusable, assemble, fenced_calls, prepare
from tests.unit.reasoning import story

KNOWN = Known(story.dossier())


@pytest.mark.parametrize(
    "sentence",
    [
        "orders ConsumedReadCapacityUnits rose from 40 to 118 (F3).",
        "checkout Duration rose to 1.2 seconds (F5).",
        "Reads almost tripled (2.95x) after v2.4.1 went out at 03:00.",
        "Nothing else is known about it.",
    ],
)
def test_what_was_found_is_supported(sentence: str) -> None:
    assert unsupported(sentence, KNOWN) == ""


@pytest.mark.parametrize(
    ("sentence", "made_up"),
    [
        ("orders rose to 7321904 (F3).", "7321904"),
        ("Release v9.9.9 broke it (F1).", "v9.9.9"),
        ("It was the pool (F99).", "F99"),
        ("quokka-shard-7 is down.", "quokka-shard-7"),
    ],
)
def test_what_was_never_found_is_named(sentence: str, made_up: str) -> None:
    assert unsupported(sentence, KNOWN) == made_up


def test_the_share_of_numbers_that_pass_by_chance_is_that_of_trying_all() -> None:
    for (least, most), share in zip(SIZES[:4], by_existence(KNOWN), strict=False):
        tried = [KNOWN.has(number) for number in range(least, most + 1)]
        assert share == pytest.approx(sum(tried) / len(tried))
    assert by_existence(KNOWN)[0] > 0.3, "of small numbers the check knows little"


def test_enforcement_lets_random_numbers_pass_only_where_the_cited_finding_has_them() -> None:
    dossier = story.dossier()
    assert by_enforcement(dossier, "a") == by_enforcement(dossier, "a")
    assert by_enforcement(dossier, "a")[2:] == (0, 0, 0, 0)
    reads = story.READS
    measured = reads.model_copy(update={"summary": "It went to 7.", "baseline": None, "observed": 7.0, "size": 7.0})
    passed = by_enforcement(story.dossier(findings=(measured,)), "a")
    assert 0 < passed[0] < DRAWS
    assert passed[1:] == (0, 0, 0, 0, 0)


def test_weights_with_another_checksum_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def two(_: Path) -> list[bytes]:
        return [b"one", b"two"]

    monkeypatch.setattr("benchmarks.local_model.pieces", two)
    weights = tmp_path / "weights.gguf"
    with pytest.raises(Unusable, match="instead of"):
        assemble(tmp_path, weights)
    assert list(tmp_path.iterdir()) == []
    assemble(tmp_path, weights, hashlib.sha256(b"onetwo").hexdigest())
    assert weights.read_bytes() == b"onetwo"


def test_weights_are_never_kept_in_the_repository() -> None:
    with pytest.raises(Unusable, match="inside the repository"):
        prepare(Path(__file__).parent / "weights")


def test_a_lost_piece_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="part1=="):
        assemble(tmp_path, tmp_path / "weights.gguf")


def test_calls_are_looked_for_in_fences() -> None:
    assert fenced_calls("<tool_call>{}</tool_call>") == "```json{}```"
