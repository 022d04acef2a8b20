"""The incident page shows of a plan what a person needs to decide: sources, expectation, what was left out."""

from html import unescape

from autopilot.incident.diagnosis import DroppedClaim
from autopilot.incident.metric import MetricRef
from autopilot.incident.plan import ExpectedEffect
from autopilot.incident.verification import EffectSeen
from tests.integration.web.conftest import Running
from tests.integration.web.example import INCIDENT, SCRIPT, incident

LATENCY = MetricRef(source="cloudwatch", namespace="AWS/ApiGateway", name="Latency", service="checkout-api")
EFFECT = ExpectedEffect(metric=LATENCY, description="as before", was=1_850.0, to=300.0, within=120.0)


def test_options_show_sources_expectation_reasons_and_refusals(gateway: Running) -> None:
    state = incident(gateway.store)
    assert state.plan is not None
    first, second = state.plan.options
    step = first.steps[0].step.model_copy(
        update={"sources": {"read_capacity": "inventory orders read_capacity 100; demand by F1"}}
    )
    first = first.model_copy(
        update={"expected": EFFECT, "steps": (first.steps[0].model_copy(update={"step": step}),)}
    )
    state.plan = state.plan.model_copy(
        update={
            "options": (first,),
            "infeasible": (second.model_copy(update={"infeasible_reason": SCRIPT}),),
            "notes": ("Option 1 was chosen by the model.",),
            "refused": (DroppedClaim(claim="a step of an unknown tool", reason="there is no such tool"),),
        }
    )
    effect = EffectSeen(expected=EFFECT, reached=True, value=290.0, seconds=110.0)
    state.verifications = [v.model_copy(update={"effect": effect}) for v in state.verifications]
    gateway.incidents.states[INCIDENT] = state
    raw = gateway.http.get(f"/incidents/{INCIDENT}").text
    page = unescape(raw)

    for part in (
        "read capacity 200: inventory orders read_capacity 100; demand by F1",
        "Expected: checkout-api: latency down to 300 ms within 120 s",
        "Not possible now", "Roll checkout back to v2.4.0: cannot work now", "Option 1 was chosen by the model.",
        "1 request of the model refused: a step of an unknown tool: there is no such tool.",
        "expected checkout-api: latency to fall to 300 ms within 120 s: reached 290 ms after 110 s",
    ):  # fmt: skip
        assert part in page, part
    assert SCRIPT not in raw
