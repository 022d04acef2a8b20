"""What could be done: typed steps out of the tool catalogue, with provenance, undo and expected effect."""

from typing import Literal

from pydantic import Field

from autopilot.incident.base import Line, Model, Name, Scalar, Time
from autopilot.incident.diagnosis import DroppedClaim, Usage
from autopilot.incident.ids import digest
from autopilot.incident.metric import MetricRef

Risk = Literal["low", "medium", "high"]
RISKS: tuple[Risk, ...] = ("low", "medium", "high")
Reversibility = Literal["reversible", "partly", "irreversible"]


class Step(Model):
    """One tool call. Every argument comes from the observed inventory; `sources` says from where."""

    tool: Name
    target: Name
    """The resource's id in the inventory (an ARN where there is one)."""
    service: Name = ""
    region: Name = ""
    arguments: dict[str, Scalar] = {}
    sources: dict[str, str] = {}
    """Argument → where it was read, as `inventory <item> <path>`, or `tool <name>` for the tool's own defaults and
    closed choices; behind a semicolon what else led to it, with the ids of findings."""
    summary: Line = ""
    command: str = Field(default="", max_length=1_000)
    """What a person could type to do the same by hand."""


class TargetState(Model):
    """The present settings of a target: only the fields a step reads or writes."""

    target: Name
    exists: bool = True
    settings: dict[str, Scalar] = {}
    observed: dict[str, Scalar] = {}
    """Seen besides and never part of the digest: what a controller such as an autoscaler owns."""
    health: Line = ""
    deploying: bool = False
    observed_at: Time

    @property
    def target_state_digest(self) -> str:
        """Changes exactly when a field the step reads or writes changes."""
        return digest(self.target, self.exists, self.settings)


class ExpectedEffect(Model):
    """What a step or option should change, where, by how much and until when."""

    metric: MetricRef | None = None
    description: Line = ""
    direction: Literal["down", "up"] = "down"
    was: float | None = None
    """What it was when the plan was made."""
    to: float | None = None
    """The value it should reach."""
    within: float = 300.0
    """Seconds."""


class DryRun(Model):
    """What would happen, found out without changing anything."""

    feasible: bool
    reason: Line = ""
    """Why not, when infeasible."""
    changes: tuple[Line, ...] = ()
    """`setting: before → after` lines."""
    reach: Line = ""
    cost: Line = ""
    warnings: tuple[Line, ...] = ()


class PreparedStep(Model):
    """A step that was inspected and dry-run, with its undo."""

    step: Step
    before: TargetState
    expects: str
    """`target_state_digest` the target must have when the step starts; step n expects what n-1 leaves."""
    leaves: str = ""
    """`target_state_digest` the target has after the step; an undo runs only on that state."""
    after: TargetState | None = None
    """The state that `leaves` is the digest of, to show beside a world that has changed."""
    undo: Step | None = None
    dry_run: DryRun
    exclusive: bool = True
    """Whether nobody else may change the target until it has proven to help or was undone."""


class DraftOption(Model):
    """An option as a planner proposes it: steps out of the candidates, not yet inspected."""

    title: Line
    why: Line
    finding_ids: tuple[str, ...] = ()
    steps: tuple[Step, ...] = Field(min_length=1, max_length=4)
    risk: Risk = "medium"
    reversibility: Reversibility = "reversible"
    expected: ExpectedEffect = ExpectedEffect()
    unproven: bool = False
    """A step goes back to a state that nothing shows to have been healthy."""


class Option(Model):
    """One thing a person can choose."""

    id: int
    title: Line
    why: Line
    finding_ids: tuple[str, ...] = ()
    steps: tuple[PreparedStep, ...]
    risk: Risk
    reach: Line = ""
    reversibility: Reversibility
    expected: ExpectedEffect = ExpectedEffect()
    unproven: bool = False
    """See `DraftOption`: never carried out unasked."""
    feasible: bool = True
    infeasible_reason: Line = ""


class Offer(Model):
    """A candidate as one draft option, with what the inspection of it said."""

    id: str
    """"C1", "C2" …: how a planner names it."""
    draft: DraftOption
    score: float
    """About 0 to 1.5: the belief in the cause, the fit, and what the past says."""
    prepared: Option | None = None
    """None before it was inspected."""


class Shortlist(Model):
    """What could be done, best first, before anything was inspected."""

    offers: tuple[Offer, ...] = Field(default=(), max_length=8)
    recommendations: tuple[Line, ...] = Field(default=(), max_length=6)


class PlanDraft(Model):
    """What a planner chose among inspected offers."""

    options: tuple[DraftOption, ...] = Field(default=(), max_length=3)
    analyst: Line = "built-in planner"
    usage: Usage = Usage()
    """What models have used for the whole incident so far."""
    refused: tuple[DroppedClaim, ...] = Field(default=(), max_length=30)
    """What a model asked for that the catalogue or the inventory does not have."""
    notes: tuple[Line, ...] = Field(default=(), max_length=8)
    """Where a model's choice differs from what code alone would have chosen, and the like."""
    ask_people: bool = False
    """Whether no policy may decide: orders were planted, and a model chose otherwise than code would have."""


class Plan(Model):
    """A plan revision as people see it; its digest is what a decision refers to."""

    incident_id: str
    revision: int
    options: tuple[Option, ...] = Field(default=(), max_length=3)
    infeasible: tuple[Option, ...] = Field(default=(), max_length=5)
    """What would have been offered and cannot work now, with the reason."""
    recommendations: tuple[Line, ...] = ()
    analyst: Line = "built-in planner"
    refused: tuple[DroppedClaim, ...] = Field(default=(), max_length=30)
    """See `PlanDraft`."""
    notes: tuple[Line, ...] = Field(default=(), max_length=8)
    ask_people: bool = False
    """See `PlanDraft`."""
    change_authors: tuple[Name, ...] = ()
    """Who made the change that the leading explanation blames: they alone cannot approve an option."""
    opened_by: str = ""
    """`alert_digest` of the alert by which the rules are chosen; empty in plans of older workers."""

    @property
    def plan_digest(self) -> str:
        """Identifies exactly what a person saw when deciding, under whose rules, and whose word is not enough."""
        options = [o.model_dump(mode="json") for o in self.options]
        rules = [self.opened_by] if self.opened_by else []
        return digest(self.incident_id, self.revision, options, list(self.change_authors), *rules)

    def option(self, number: int | None) -> Option | None:
        """The option with this number, if it exists."""
        return next((o for o in self.options if o.id == number), None)


StepStatus = Literal["done", "already", "changed_world", "refused", "frozen", "failed", "unknown"]


class ExecuteStep(Model):
    """The order to carry out one step once."""

    incident_id: str
    key: str
    """Idempotency key."""
    step: Step
    expects: str
    expected: TargetState | None = None
    """The state that `expects` is the digest of (for an undo: what the step left), to tell both when it differs."""
    actor: Line
    mode: Literal["do", "undo"] = "do"


class StepResult(Model):
    """What became of one step. `already`: the target was found in the wanted state, nothing was sent."""

    key: str
    tool: Name
    target: Name
    status: StepStatus
    detail: Line = ""
    attempt: int = 1
    before: TargetState | None = None
    after: TargetState | None = None
    at: Time

    @property
    def took_effect(self) -> bool:
        """Whether the target is now as the step wanted it."""
        return self.status in ("done", "already")
