"""`tools` lists every tool there is, and says why one is not enabled."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from autopilot.remediation.overview import NEEDED, Listed, listed_tools, overview
from autopilot.settings import Aws, Settings
from autopilot.settings_systems import HttpRunbook, Kubernetes, Runbooks, Tools
from cli.main import _run as starter  # pyright: ignore[reportPrivateUsage] - main() ends the process


@pytest.fixture(scope="module")
def bare() -> dict[str, Listed]:
    """The list where nothing is configured."""
    return {listed.name: listed for listed in overview(Settings())}


def test_json_has_all_tools_in_the_published_shape(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert starter(["tools", "--json"]) == 0

    (tools,) = json.loads(capsys.readouterr().out).values()
    assert len(tools) >= 30
    assert all(
        {"name", "system", "tier", "risk", "reversible", "permissions", "enabled", "why_not"} == {*tool}
        for tool in tools
    )
    alias = next(tool for tool in tools if tool["name"] == "lambda.rollback_alias")
    assert alias["tier"] == "A"
    assert "lambda:UpdateAlias" in alias["permissions"]
    assert (alias["enabled"], alias["why_not"]) == (False, "needs aws")
    assert list(tmp_path.iterdir()) == []


def test_the_table_names_each_tool_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bare: dict[str, Listed]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert starter(["tools"]) == 0

    first = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line]
    assert [name for name in first if "." in name] == sorted(bare)


@pytest.mark.parametrize("need", NEEDED)
def test_every_need_is_one_that_some_tool_has(need: str, bare: dict[str, Listed]) -> None:
    assert [listed for listed in bare.values() if listed.why_not == f"needs {need}"]


def test_nothing_is_enabled_where_nothing_is_configured(bare: dict[str, Listed]) -> None:
    assert not any(listed.enabled for listed in bare.values())


def test_what_is_configured_is_enabled_and_the_rest_says_what_it_lacks() -> None:
    settings = Settings(aws=Aws(), tools=Tools(disabled=("rds.*",)))
    rows = {listed.name: listed for listed in overview(settings)}

    assert rows["dynamodb.set_capacity"].enabled
    assert not rows["dynamodb.set_capacity"].why_not
    assert rows["rds.reboot"].why_not == "switched off by tools.enabled or tools.disabled"
    assert rows["ssm.restore_flag"].why_not == "needs aws.flag_prefixes"
    assert rows["kubernetes.scale"].why_not == "needs kubernetes.write_token"
    assert {name for name, row in rows.items() if row.enabled} == {tool.name for tool in listed_tools(settings)}


def test_runbooks_of_the_allow_list_are_among_them_by_their_names() -> None:
    settings = Settings(
        kubernetes=Kubernetes(base_url="https://127.0.0.1:9", write_token=SecretStr("w")),
        runbooks=Runbooks(http={"warm": HttpRunbook(url="https://127.0.0.1:9/warm")}),
    )
    rows = {listed.name: listed for listed in overview(settings)}

    assert rows["http.warm"].enabled
    assert rows["kubernetes.scale"].enabled
    assert "http.NAME" not in rows
