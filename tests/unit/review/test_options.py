"""The review keeps what was not offered and why, and what became of the expected effect."""

from pathlib import Path

from autopilot.case.store import FolderCaseStore
from autopilot.incident.diagnosis import DroppedClaim
from autopilot.incident.metric import MetricRef
from autopilot.incident.plan import ExpectedEffect
from autopilot.incident.verification import EffectSeen
from autopilot.review.writer import ReviewWriter
from tests.unit.review.incidents import ID, resolved

LATENCY = MetricRef(source="cloudwatch", namespace="AWS/ApiGateway", name="Latency", service="checkout-api")
EFFECT = ExpectedEffect(metric=LATENCY, was=1_250.0, to=400.0, within=120.0)


def test_the_review_tells_what_was_left_out_and_whether_the_expectation_came_true(tmp_path: Path) -> None:
    store = FolderCaseStore(tmp_path)
    state = resolved(store)
    assert state.plan is not None
    lost = state.plan.options[0].model_copy(
        update={"title": "Reboot the table", "infeasible_reason": "no such thing"}
    )
    state.plan = state.plan.model_copy(
        update={
            "options": (state.plan.options[0].model_copy(update={"expected": EFFECT}),),
            "infeasible": (lost,),
            "notes": ("Option 1 was chosen by the model.",),
            "refused": (DroppedClaim(claim="option 2", reason="it is another one again"),),
        }
    )
    effect = EffectSeen(expected=EFFECT, reached=False, value=420.0, seconds=125.0)
    state.verifications = [v.model_copy(update={"effect": effect}) for v in state.verifications]
    ReviewWriter(store).write(state)
    html, text = (store.get(f"{ID}/documents/review.{kind}").decode() for kind in ("html", "md"))
    for written in (html, text.replace("\\", "")):
        for part in (
            "What was not offered", "Reboot the table: cannot work now, no such thing",
            "Option 1 was chosen by the model.", "1 request of the model refused",
            "expected checkout-api: latency to fall to 400 ms within 120 s: not reached, 420 ms after 125 s",
        ):  # fmt: skip
            assert part in written, part
    assert "expected: checkout-api: latency down to 400 ms within 120 s" in html


def test_an_open_report_shows_where_the_values_of_an_option_come_from(tmp_path: Path) -> None:
    store = FolderCaseStore(tmp_path)
    state = resolved(store)
    assert state.plan is not None
    option = state.plan.options[0]
    sourced = option.steps[0].step.model_copy(
        update={"sources": {"read_capacity": "inventory orders read_capacity"}}
    )
    steps = (option.steps[0].model_copy(update={"step": sourced}),)
    state.plan = state.plan.model_copy(update={"options": (option.model_copy(update={"steps": steps}),)})
    state.outcome = None
    document = ReviewWriter(store).report(state)
    assert "read capacity 800: inventory orders read_capacity" in store.get(document.uri).decode()
