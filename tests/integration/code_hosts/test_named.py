"""Every tool of the code hosts and tickets, and every scope it needs, is in the documents."""

import re

from pydantic import SecretStr

from autopilot.case.store import FolderCaseStore
from autopilot.remediation.catalogue import build_catalogue
from autopilot.settings import Bitbucket, GitHub, GitLab, Settings
from tests.unit.project.compose import ROOT
from tests.unit.remediation.story import Desk


def tools(token: SecretStr | None) -> dict[str, tuple[str, ...]]:
    """Name → scopes, with or without writing tokens."""
    where = {"checkout": "a/b"}
    settings = Settings(
        github=GitHub(repositories=where, write_token=token),
        gitlab=GitLab(projects=where, write_token=token),
        bitbucket=Bitbucket(repositories=where, write_token=token),
    )
    desk, cases = Desk(), FolderCaseStore(ROOT / "unused")
    desk.name = "servicenow"
    built = build_catalogue(settings, ticket_systems=[desk], cases=cases).tools
    return {tool.name: tool.permissions for tool in built}


def test_every_tool_and_scope_is_named() -> None:
    contract, operations = ((ROOT / "docs" / name).read_text() for name in ("contract.md", "operations.md"))
    found = tools(SecretStr("x")) | tools(None)
    assert len(found) >= 18
    for name, scopes in found.items():
        assert re.search(rf"`{re.escape(name)}`", contract), name
        assert scopes, name
        assert [scope for scope in scopes if f"`{scope}`" not in operations] == []
