"""What Slack shows beside the options: what cannot work, and how the options were chosen."""

import json

from autopilot.channels.slack_blocks import message_blocks
from tests.unit.channels.views import decidable

NASTY = "<!channel> *x*"


def test_what_cannot_work_and_notes_stand_beside_the_options() -> None:
    view = decidable(impossible=("Roll back: cannot work now, access denied",), asides=("3 requests refused.",))
    text = json.dumps(message_blocks(view))
    assert "_not possible now:_ Roll back: cannot work now, access denied" in text
    assert "_mind:_ 3 requests refused." in text
    assert "_mind:_" not in json.dumps(message_blocks(decidable()))


def test_without_an_option_the_reasons_are_still_shown_and_escaped() -> None:
    text = json.dumps(message_blocks(decidable(options=(), impossible=(NASTY,), asides=(NASTY,))))
    assert "not possible now" in text
    assert "<!channel>" not in text
