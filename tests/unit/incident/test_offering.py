"""A plan in words: provenance, expected effect, what cannot work and why, what a model was refused."""

from autopilot.incident.diagnosis import DroppedClaim
from autopilot.incident.metric import MetricRef
from autopilot.incident.offering import asides, expectation, impossible, provenance, refusals
from autopilot.incident.plan import ExpectedEffect, Plan, Step
from autopilot.incident.state import IncidentState
from autopilot.incident.thread import plan_note, verification_note
from autopilot.incident.verification import EffectSeen, Verification
from autopilot.incident.view import incident_view
from tests.unit.incident.worlds import INCIDENT, T0, alert, option, prepared

ALIAS = "arn:aws:lambda:us-east-1:000000000000:function:checkout:live"
LATENCY = MetricRef(source="cloudwatch", namespace="AWS/ApiGateway", name="Latency", service="checkout-api")
EFFECT = ExpectedEffect(metric=LATENCY, description="as before", was=1_350.0, to=640.0, within=180.0)
BACK = Step(
    tool="lambda.rollback_alias", target=ALIAS, service="checkout", arguments={"version": "1"},
    sources={"version": "inventory checkout:live versions[1]; healthy by F8"},
)  # fmt: skip
OUTSIDE = DroppedClaim(
    claim="a step of dynamodb.set_capacity", reason="its target is none of those that were observed"
)
UNKNOWN = DroppedClaim(claim="a step of an unknown tool", reason="there is no such tool")


def example() -> Plan:
    """One option that can work, one that cannot, a note, three refusals."""
    can = option(1, title="Roll checkout:live back to v2.4.0", expected=EFFECT,
                 steps=(prepared().model_copy(update={"step": BACK}),))  # fmt: skip
    cannot = option(2, title="Raise orders", feasible=False, infeasible_reason=f"{ALIAS}: access denied")
    return Plan(
        incident_id=INCIDENT, revision=1, options=(can,), infeasible=(cannot,), recommendations=("Add an index.",),
        refused=(OUTSIDE, UNKNOWN, OUTSIDE), notes=("Option 1 was chosen by the model.",),
    )  # fmt: skip


def test_every_argument_is_shown_with_its_source() -> None:
    assert provenance(BACK) == ("version 1: inventory checkout:live versions[1]; healthy by F8",)
    assert provenance(BACK.model_copy(update={"sources": {}})) == ()


def test_what_cannot_work_is_shown_with_the_reason() -> None:
    assert impossible(example()) == ("Raise orders: cannot work now, checkout:live: access denied",)


def test_refusals_are_counted_by_reason() -> None:
    told = refusals(example())
    assert told.startswith("3 requests of the model refused: a step of dynamodb.set_capacity: its target is none")
    assert "observed (2 times); a step of an unknown tool: there is no such tool." in told
    assert refusals(Plan(incident_id=INCIDENT, revision=1)) == ""
    many = tuple(DroppedClaim(claim=f"option {n}", reason="no") for n in range(9))
    assert refusals(example().model_copy(update={"refused": many})).endswith("option 3: no; and more.")


def test_the_thread_tells_all_of_it() -> None:
    note = plan_note(example())
    for part in (
        "1. Roll checkout:live back to v2.4.0",
        "• expected: checkout-api: latency down to 640 ms within 180 s",
        "• version 1: inventory checkout:live versions[1]; healthy by F8",
        "Not possible now\n• Raise orders: cannot work now, checkout:live: access denied",
        "Mind\n• Option 1 was chosen by the model.\n• 3 requests of the model refused",
        "For later\n• Add an index.",
    ):
        assert part in note, part


def test_a_plan_without_options_still_says_what_was_tried() -> None:
    note = plan_note(example().model_copy(update={"options": ()}))
    assert note.startswith("No tool can help here")
    assert "access denied" in note


def test_channels_are_told_what_the_option_should_do_and_what_was_left_out() -> None:
    state = IncidentState(incident_id=INCIDENT, group="g", opened_at=T0, plan=example(), alerts=[alert()])
    view = incident_view(state)
    assert view.options[0].expected == expectation(example().options[0])
    assert view.impossible == impossible(example())
    assert view.asides == asides(example())


def test_the_verdict_is_told_with_what_became_of_the_expectation() -> None:
    effect = EffectSeen(expected=EFFECT, reached=True, value=655.0, seconds=120.0)
    told = verification_note(Verification(verdict="fixed", explanation="healthy", seconds=180, effect=effect))
    assert told.endswith(
        "expected checkout-api: latency to fall to 640 ms within 180 s: reached 655 ms after 120 s."
    )
    assert "\n" not in verification_note(Verification(verdict="fixed", explanation="healthy"))
