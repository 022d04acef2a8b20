"""`scorecard`: how far each tool can be trusted, as a tired person and as a program read it."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from autopilot.incident.state import IncidentState
from autopilot.incident.verification import Verdict
from autopilot.knowledge.by_hand import Found, SeenByHand
from autopilot.knowledge.experience import experiences
from autopilot.knowledge.sqlite import KnowledgeBase
from cli import scorecard
from tests.unit.incident.worlds import after, alert
from tests.unit.knowledge.test_experience import ACT, closed, did, found, judged

PLAYBOOK = """
apiVersion: autopilot/v1
kind: IncidentResponse
metadata: {name: shop}
spec:
  mode: %s
  actions:
    grants:
      - tool: t.act
        services: [shop]
        earned: 60%%
      - tool: never.used
"""


def incident(number: int, verdict: Verdict | None = "fixed", option: int = 1) -> IncidentState:
    """One of several incidents in which people approved an option."""
    name, at = f"i{number}", alert().model_copy(update={"started_at": after(3_600 * number)})
    tool = "t.act" if option == 1 else "t.other"
    acted = did(tool, 3_600 * number + 100).model_copy(update={"key": f"{name}/1/{option}/1/do"})
    return closed(
        judgements=[judged(option)], executed=[acted], incident_id=name, alerts=[at],
        verifications=[found(verdict, 3_600 * number + 200)] if verdict else [],
    )  # fmt: skip


def watched(number: int, what: Found, options_after: float, acted_after: float) -> tuple[IncidentState, SeenByHand]:
    """An incident in observe mode."""
    start = 3_600 * number
    state = closed(
        mode="observe", outcome="observed", incident_id=f"w{number}",
        milestones={"options": after(start + options_after)},
        alerts=[alert().model_copy(update={"started_at": after(start)})],
    )  # fmt: skip
    return state, SeenByHand(targets=((ACT, what),), changed_at=after(start + acted_after))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "shop.yaml").write_text(PLAYBOOK % "autonomous")
    (tmp_path / "autopilot.yaml").write_text(
        f"playbooks: {tmp_path / 'playbooks'}\nknowledge: {tmp_path / 'knowledge.db'}\n"
    )
    return tmp_path


def printed(folder: Path, capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path)
    scorecard.configure(parser)
    assert scorecard.run(parser.parse_args(["--config", str(folder / "autopilot.yaml"), *argv])) == 0
    return capsys.readouterr().out


def remember(folder: Path, *incidents: IncidentState) -> None:
    knowledge = KnowledgeBase(folder / "knowledge.db")
    for state in incidents:
        knowledge.remember(state)


def as_json(folder: Path, capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    return json.loads(printed(folder, capsys, "--json", *argv))


def test_nothing_known_is_said_with_what_is_granted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(folder, capsys)
    assert "Nothing is known yet in production" in text
    assert "  t.act on shop (playbook shop)" in text
    assert "  never.used on any service (playbook shop)" in text


def test_trust_is_earned_and_lost_before_the_readers_eyes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remember(folder, *(incident(n) for n in range(4)))
    text = printed(folder, capsys)
    assert "shop: t.act\n  Proposed first   4 times, people decided on 4" in text
    assert "  People agreed    4 of 4 (at least 59 %)" in text
    assert "asks: t.act on shop has not earned it yet" in text
    remember(folder, incident(4))
    assert "runs unasked: earned (playbook shop)" in printed(folder, capsys)
    remember(folder, incident(5, "worse"), incident(6, option=2))
    text = printed(folder, capsys)
    assert "asks: demoted after incident i5 became worse" in text
    assert "  It worked        5 of 6" in text
    assert "  People agreed    6 of 7" in text
    assert "shop: t.other\n  Proposed first   never, people decided on none" in text
    assert "asks: no playbook grants it" in text
    assert text.index("t.act") < text.index("t.other")


def test_programs_read_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remember(folder, *(incident(n) for n in range(5)), incident(5, "still_broken"), incident(6, option=2))
    card = as_json(folder, capsys)
    assert (card["environment"], card["sure"]) == ("production", 0.95)
    assert card["unused_grants"] == ["never.used on any service (playbook shop)"]
    first, second = card["scores"]
    assert (first["state"], second["state"]) == ("demoted", "asks")
    assert first["record"]["demoted"]["incident_id"] == "i5"
    assert first["record"]["worked"] == {"good": 5, "of": 6}
    assert first["bounds"]["worked"] == pytest.approx(0.4976, abs=1e-3)
    assert [g["state"] for g in first["grants"]] == ["demoted"]


def test_a_grant_outside_autonomous_mode_still_asks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "playbooks" / "shop.yaml").write_text(PLAYBOOK % "advise")
    remember(folder, *(incident(n) for n in range(5)))
    assert "asks: earned (playbook shop, which is not in autonomous mode)" in printed(folder, capsys)


def test_what_people_did_while_we_watched_is_held_against_ours(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    knowledge = KnowledgeBase(folder / "knowledge.db")
    told: list[tuple[Found, float, float]] = [("same", 60, 660), ("same", 60, 360), ("otherwise", 120, 60)]
    for number, (what, options, acted) in enumerate(told):
        state, seen = watched(number, what, options, acted)
        knowledge.remember(state, None, experiences(state, seen=seen))
    text = printed(folder, capsys)
    assert "people did the same 2 of 3 times; our options stood 5.0 min before people acted" in text
    assert "(median of 3 incidents)" in text
    saved = as_json(folder, capsys)["scores"][0]["saved"]
    assert saved == {"incidents": 3, "options_after": 60.0, "acted_after": 360.0, "seconds": 300.0}


def test_one_service_and_one_environment_can_be_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    staging = incident(1).model_copy(update={"environment": "staging", "incident_id": "s1"})
    remember(folder, incident(0), staging)
    assert len(as_json(folder, capsys, "--service", "shop")["scores"]) == 1
    assert as_json(folder, capsys, "--service", "api")["scores"] == []
    assert as_json(folder, capsys, "--environment", "staging")["scores"][0]["record"]["proposed"] == 1
