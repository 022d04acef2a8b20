"""The tables of tools and permissions in the documents are those that the code makes."""

import pytest

from autopilot.permissions.documents import filled, tables
from tests.unit.project.compose import ROOT


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, str]]:
    """The tables as the code makes them now."""
    return tables()


@pytest.mark.parametrize("document", ["contract.md", "operations.md"])
def test_the_tables_are_current(made: dict[str, dict[str, str]], document: str) -> None:
    text = (ROOT / "docs" / document).read_text()

    assert filled(text, made[document]) == text, "run `make schema`"


def test_an_outdated_table_is_noticed_and_brought_up_to_date(made: dict[str, dict[str, str]]) -> None:
    text = (ROOT / "docs" / "contract.md").read_text()
    outdated = text.replace("| `lambda.rollback_alias` | A |", "| `lambda.rollback_alias` | C |")

    assert outdated != text
    assert filled(outdated, made["contract.md"]) == text


def test_a_document_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="sources: written by"):
        filled("# Operations\n", {"sources": "| a |"})


def test_every_row_is_there(made: dict[str, dict[str, str]]) -> None:
    assert made["contract.md"]["tools"].count("\n| `") >= 70
    assert made["operations.md"]["aws tools"].count("\n| `") >= 35
    assert made["operations.md"]["sources"].count("\n| `") >= 20
    assert made["operations.md"]["kubernetes tools"].count("\n| `") >= 6
