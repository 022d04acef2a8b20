"""The planner: really different options out of the inventory, nothing that failed before, records count."""

from dataclasses import dataclass
from pathlib import Path

from autopilot.incident.cause import CauseKind
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.metric import MetricRef, Signal
from autopilot.incident.plan import ExpectedEffect, Option, PlanDraft, Reversibility, Risk, Shortlist, Step
from autopilot.incident.ports import Attempt, ChooseRequest, Failure, PlanRequest
from autopilot.reasoning import builtin
from autopilot.reasoning.planning.planner import ConfiguredPlanner, OffersCandidates, primary_symptom
from autopilot.reasoning.planning.ranking import TrackRecord
from autopilot.remediation.base import Candidate, Context, InventoryItem
from autopilot.settings import Model
from tests.unit.reasoning import story
from tests.unit.reasoning.store import StoredCase


@dataclass(frozen=True)
class Offers:
    """A tool that offers steps on one kind of resource."""

    name: str
    kind: str
    addresses: frozenset[CauseKind]
    values: tuple[int, ...] = (1,)
    risk: Risk = "low"
    reversibility: Reversibility = "reversible"
    fit: float = 0.6
    sourced: bool = True

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        if item.kind != self.kind:
            return ()
        return tuple(
            Candidate(
                step=Step(
                    tool=self.name, target=item.resource, service=item.service, arguments={"to": value},
                    sources={"to": f"tool {self.name}; its default"} if self.sourced else {},
                    summary=f"{self.name} {item.name} to {value}",
                ),
                own={"to": self.values},
                addresses=self.addresses, risk=self.risk, reversibility=self.reversibility,
                expected=ExpectedEffect(metric=context.symptom), why=f"{self.name} helps (F3)",
                finding_ids=("F3",), fit=self.fit,
            )
            for value in self.values
        )  # fmt: skip


ROLLBACK = Offers("lambda.rollback_alias", "lambda_alias", frozenset({"bad_deploy", "throttled"}), risk="medium")
CAPACITY = Offers(
    "dynamodb.set_capacity", "dynamodb_table", frozenset({"capacity", "throttled"}), values=(200, 300)
)
SCALING = Offers("dynamodb.enable_autoscaling", "dynamodb_table", frozenset({"capacity", "throttled"}), fit=0.5)
RESTART = Offers("ecs.force_deployment", "ecs_service", frozenset({"memory", "crash"}))
TOOLS: tuple[OffersCandidates, ...] = (SCALING, CAPACITY, RESTART, ROLLBACK)


@dataclass(frozen=True)
class Planned:
    """The two halves of planning, when everything offered can be done."""

    short: Shortlist
    draft: PlanDraft


def _plan(
    path: Path,
    *,
    tools: tuple[OffersCandidates, ...] = TOOLS,
    avoid: tuple[str, ...] = (),
    diagnosis: Diagnosis | None = None,
    track: TrackRecord | None = None,
    max_options: int = 3,
) -> Planned:
    case = StoredCase(path)
    request = PlanRequest(
        incident_id=case.incident_id,
        manifest=case.manifest,
        dossier=case.brief,
        diagnosis=diagnosis or builtin.diagnose(case.dossier),
        avoid=avoid,
        max_options=max_options,
    )
    planner = ConfiguredPlanner(Model(), case.store, tools, track_record=track)
    short = planner.shortlist(request)
    return Planned(short, planner.choose(ChooseRequest(plan=request, offers=short.offers), Attempt()))


def _tools(plan: Planned) -> list[tuple[str, ...]]:
    return [tuple(s.tool for s in o.steps) for o in plan.draft.options]


def test_demo_story_rolls_back_first_then_raises_capacity_then_does_both(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    assert _tools(plan) == [
        ("lambda.rollback_alias",),
        ("dynamodb.set_capacity",),
        ("lambda.rollback_alias", "dynamodb.set_capacity"),
    ]
    assert plan.draft.options[2].risk == "medium"
    assert all(o.finding_ids for o in plan.draft.options)
    assert plan.draft.options[0].expected.metric == story.ALARMED.metric
    assert plan.draft.analyst == "built-in planner (no model configured)"
    assert any("queries" in r for r in plan.short.recommendations)
    assert 2 <= len(plan.short.recommendations) <= 6


def test_options_are_not_variants_of_one_tool(tmp_path: Path) -> None:
    plan = _plan(tmp_path, tools=(CAPACITY,))
    assert _tools(plan) == [("dynamodb.set_capacity",)]
    sets = [frozenset((s.tool, s.target) for s in o.steps) for o in _plan(tmp_path).draft.options]
    assert len(set(sets)) == len(sets)


def test_what_was_tried_in_vain_is_not_proposed_again(tmp_path: Path) -> None:
    plan = _plan(tmp_path, avoid=(f"lambda.rollback_alias {story.ALIAS}", f"dynamodb.set_capacity {story.TABLE}"))
    assert _tools(plan) == [("dynamodb.enable_autoscaling",)]


def test_nothing_that_helps_is_no_option(tmp_path: Path) -> None:
    plan = _plan(tmp_path, tools=(RESTART,))
    assert plan.draft.options == ()
    assert plan.short.recommendations


def test_fewer_options_are_the_best_ones(tmp_path: Path) -> None:
    assert _tools(_plan(tmp_path, max_options=1)) == [("lambda.rollback_alias",)]


def test_outcomes_of_the_past_raise_and_lower(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    capacity = plan.draft.options[1]
    assert "F9" in capacity.finding_ids  # the record of a past incident solved the same way
    assert "it helped in a similar incident (F9: INC0010" in capacity.why

    def never_worked(_: str, tool: str) -> tuple[int, int]:
        return (0, 9) if tool == "dynamodb.set_capacity" else (0, 0)

    lowered = _plan(tmp_path, track=never_worked, tools=(CAPACITY, SCALING))
    assert _tools(lowered)[0] == ("dynamodb.enable_autoscaling",)
    assert "worked 0 of 9 times" in lowered.draft.options[1].why


def test_unreadable_track_record_costs_the_ranking_not_the_plan(tmp_path: Path) -> None:
    def broken(_: str, tool: str) -> tuple[int, int]:
        raise Failure(f"the knowledge base is locked while reading {tool}")

    assert _plan(tmp_path, track=broken).draft.options == _plan(tmp_path / "again").draft.options


def test_a_plan_reads_the_track_record_once_and_never_waits_twice_for_a_locked_one(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []

    def counting(service: str, tool: str) -> tuple[int, int]:
        asked.append((service, tool))
        return 1, 1

    def locked(service: str, tool: str) -> tuple[int, int]:
        asked.append((service, tool))
        raise Failure("the knowledge base is locked")

    _plan(tmp_path, track=counting)
    assert len(set(asked)) > 1
    assert len(asked) == len(set(asked))
    asked.clear()
    _plan(tmp_path / "again", track=locked)
    assert len(asked) == 1


def test_refuted_hypotheses_are_not_planned_for(tmp_path: Path) -> None:
    diagnosis = builtin.diagnose(story.dossier())
    refuted = tuple(h.model_copy(update={"standing": "refuted"}) for h in diagnosis.hypotheses)
    assert _plan(tmp_path, diagnosis=diagnosis.model_copy(update={"hypotheses": refuted})).draft.options == ()


def test_symptom_is_the_series_that_alarmed() -> None:
    assert primary_symptom(story.dossier(), "checkout-api") == story.ALARMED.metric
    watched = (
        Signal(metric=MetricRef(source="else", name="x"), threshold=1),
        Signal(metric=MetricRef(source="cloudwatch", name="Duration", unit="ms"), threshold=1_000),
    )
    assert primary_symptom(story.dossier(), "checkout-api", watched) == story.DURATION.metric
    without = story.dossier(findings=(story.READS, story.DURATION))
    assert primary_symptom(without, "checkout") == story.DURATION.metric


def test_arguments_come_from_the_inventory_as_scalars(tmp_path: Path) -> None:
    seen: list[InventoryItem] = []

    @dataclass(frozen=True)
    class Looks:
        name: str = "looks"

        def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
            seen.append(item)
            return ()

    _plan(tmp_path, tools=(Looks(),))
    table = next(i for i in seen if i.kind == "dynamodb_table")
    assert table.settings == {"billing_mode": "PROVISIONED", "read_capacity": 100, "write_capacity": 50,
                              "read_autoscaling": False}  # fmt: skip
    alias = next(i for i in seen if i.kind == "lambda_alias")
    assert [v["description"] for v in alias.versions] == ["v2.4.1", "v2.4.0"]


def test_a_step_without_a_source_is_not_offered(tmp_path: Path) -> None:
    unsourced = Offers("x.set", "lambda_alias", frozenset({"bad_deploy"}), sourced=False)
    plan = _plan(tmp_path, tools=(unsourced, CAPACITY))
    assert [o.draft.steps[0].tool for o in plan.short.offers] == ["dynamodb.set_capacity"]


def test_offers_cover_ideas_instead_of_settings(tmp_path: Path) -> None:
    many = Offers("dynamodb.many", "dynamodb_table", frozenset({"throttled"}), values=tuple(range(1, 20)))
    offers = _plan(tmp_path, tools=(many, ROLLBACK, SCALING)).short.offers
    assert [o.id for o in offers] == ["C1", "C2", "C3"]
    ideas = [(o.draft.steps[0].tool, o.draft.steps[0].target) for o in offers]
    assert len(set(ideas)) == 3
    assert [o.score for o in offers] == sorted((o.score for o in offers), reverse=True)


def test_only_offers_that_work_are_chosen_and_the_next_one_takes_the_place(tmp_path: Path) -> None:
    case, tools = StoredCase(tmp_path), (ROLLBACK, CAPACITY, SCALING)
    request = PlanRequest(
        incident_id=case.incident_id, manifest=case.manifest, dossier=case.brief,
        diagnosis=builtin.diagnose(case.dossier),
    )  # fmt: skip
    planner = ConfiguredPlanner(Model(), case.store, tools)
    offers = tuple(
        offer.model_copy(
            update={
                "prepared": Option(
                    id=1, title="t", why="w", steps=(), risk="low", reversibility="reversible",
                    feasible="rollback" not in offer.draft.steps[0].tool, infeasible_reason="access denied",
                )
            }
        )
        for offer in planner.shortlist(request).offers
    )  # fmt: skip
    draft = planner.choose(ChooseRequest(plan=request, offers=offers), Attempt())
    assert _tools(Planned(Shortlist(), draft)) == [("dynamodb.set_capacity",), ("dynamodb.enable_autoscaling",)]


def test_an_offer_that_the_catalogue_does_not_make_is_not_chosen(tmp_path: Path) -> None:
    case = StoredCase(tmp_path)
    request = PlanRequest(
        incident_id=case.incident_id, manifest=case.manifest, dossier=case.brief,
        diagnosis=builtin.diagnose(case.dossier),
    )  # fmt: skip
    planner = ConfiguredPlanner(Model(), case.store, (CAPACITY,))
    (offer,) = planner.shortlist(request).offers
    step = offer.draft.steps[0].model_copy(update={"arguments": {"to": 99_999}})
    forged = offer.model_copy(update={"draft": offer.draft.model_copy(update={"steps": (step,)})})
    assert planner.choose(ChooseRequest(plan=request, offers=(forged,)), Attempt()).options == ()
    assert len(planner.choose(ChooseRequest(plan=request, offers=(offer,)), Attempt()).options) == 1
