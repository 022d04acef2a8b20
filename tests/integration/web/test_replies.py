"""What the gateway says in Slack goes to Slack and nowhere else."""

import pytest

from autopilot.incident.ports import Failure
from autopilot.web.gateway import SlackReplies
from tests.integration.web.conftest import Authority, settings


@pytest.mark.parametrize("path", ["/actions/1", "@evil.example/x", ".evil.example/x"])
def test_a_response_url_elsewhere_is_never_used(authority: Authority, path: str) -> None:
    configured = settings(authority.origin).slack
    assert configured is not None
    before = list(authority.visited)

    for url in (f"{authority.origin}{path}", f"https://hooks.slack.com{path}" if path[0] != "/" else "ftp://x"):
        with pytest.raises(Failure):
            SlackReplies(configured).tell(url, "hello")
    assert authority.visited == before
