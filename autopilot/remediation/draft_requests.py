"""Draft pull and merge requests with a change for people to review. Never merged by us."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Step, TargetState
from autopilot.remediation.base import Arguments, Effect, Refusal, Tool
from autopilot.remediation.change_tools import ChangeTool, RepositoryTool
from autopilot.remediation.cloud import now
from autopilot.remediation.code_hosts import Place
from autopilot.remediation.patches import Because, branch_of, cited, mark_of, proposal
from autopilot.remediation.repository_changes import (
    LIMITS,
    REVERTIBLE,
    Change,
    Commit,
    Correcting,
    Look,
    Reverting,
    Setting,
)


def verb(kind: Literal["revert", "hotfix", "close"], place: Place) -> str:
    """The tool's name: `github.revert_pull_request`."""
    return f"{place.host.name}.{kind}_{place.host.noun.replace(' ', '_')}"


def scopes(place: Place) -> tuple[str, ...]:
    """What the writing token needs."""
    return tuple(dict.fromkeys((*place.host.reads, *place.host.writes)))


class DraftRequest(ChangeTool):
    """A draft whose branch is named after the key: the same key never drafts twice."""

    def __init__(self, place: Place, link: str) -> None:
        """`link` is the address of incident pages with `{}` for the id."""
        super().__init__((place,))
        self._here, self._link = place, link
        self.name, self.system = verb(self.change.kind, place), place.host.name
        self.tier: Literal["A", "B"] = place.host.tier
        self.permissions = scopes(place)

    @override
    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Make branch and draft; what an earlier call made is left as it is."""
        host, repository = self._place(step)
        look = self._look(step)
        if look.reason:
            raise Refusal(f"{step.target}: {look.reason}")
        because = Because(key, self._link.format(key.partition("/")[0]), step.summary, cited(step.sources.values()))
        words = proposal(self.change.kind, self.change.subject(step), look.title, look.lines, because)
        opened = host.find(repository, words.branch)
        if opened is None:
            if host.head_message(repository, words.branch) is None:
                look.push(words)
            host.mark(repository, opened := host.open(repository, str(step.arguments["base"]), words))
            return "done", f"draft {host.noun} {opened.number} was opened: {opened.url}"
        host.mark(repository, opened)
        return "already", f"{host.noun} {opened.number} exists: {opened.url}"

    @override
    def undo(self, step: Step, before: TargetState) -> Step | None:
        """Close the draft again."""
        arguments: dict[str, Scalar] = {"kind": self.change.kind, "subject": self.change.subject(step)}
        back = step.model_copy(
            update={
                "tool": verb("close", self._here),
                "arguments": arguments,
                "sources": dict.fromkeys(arguments, "the step that drafted it"),
                "summary": f"Close the draft {self._here.host.noun} again",
            }
        )
        return back.model_copy(update={"command": closing_words(back, self._here)})

    @override
    def _does(self, step: Step, look: Look) -> str:
        return f"new draft {self._here.host.noun} to {step.arguments['base']}: {look.title}"


class RevertRequest(DraftRequest):
    """Drafts a request that takes back the suspected commit, as far as nobody has changed its files since."""

    change: ClassVar[Change] = Reverting()
    takes: ClassVar[type[Arguments]] = Commit
    addresses: ClassVar[frozenset[CauseKind]] = REVERTIBLE


class HotfixRequest(DraftRequest):
    """Drafts a request that puts one number in a settings file back as it was before the suspected commit."""

    change: ClassVar[Change] = Correcting()
    takes: ClassVar[type[Arguments]] = Setting
    addresses: ClassVar[frozenset[CauseKind]] = LIMITS


class Draft(Arguments):
    """Which of our drafts: its branch is made of this and the key."""

    kind: Literal["revert", "hotfix"]
    subject: str = Field(min_length=1, max_length=200)


def closing_words(step: Step, place: Place) -> str:
    """What a person does to take a draft back."""
    branch = f"autopilot/{step.arguments['kind']}-…"
    return f"Close the draft {place.host.noun} in {step.target} and delete its branch {branch}"


class CloseRequest(RepositoryTool):
    """Closes a draft of ours, and deletes its branch if nobody has pushed to it. Only as an undo."""

    takes: ClassVar[type[Arguments]] = Draft
    reversible: bool = False

    def __init__(self, place: Place) -> None:
        """The host and its repositories."""
        super().__init__((place,))
        self._here = place
        self.name, self.system = verb("close", place), place.host.name
        self.tier: Literal["A", "B"] = place.host.tier
        self.permissions = scopes(place)

    @override
    def command(self, step: Step) -> str:
        """Words for a person."""
        return closing_words(step, self._here)

    @override
    def inspect(self, step: Step) -> TargetState:
        """Nothing an undo compares: the draft is looked up by its key when it is closed."""
        return TargetState(target=step.target, observed_at=now())

    @override
    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """A draft can always be closed."""
        return DryRun(feasible=True, changes=(self.command(step),), reach="people who review it", cost="none")

    @override
    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Close it unless it was merged; a branch that somebody worked on stays."""
        host, repository = self._place(step)
        wanted, drafted = Draft.model_validate(step.arguments), f"{key.removesuffix('/undo')}/do"
        branch = branch_of(wanted.kind, wanted.subject, drafted)
        opened, message = host.find(repository, branch), host.head_message(repository, branch)
        if opened is not None and opened.merged:
            raise Refusal(f"{host.noun} {opened.number} was merged by somebody: look at {opened.url}")
        ours = message is not None and mark_of(drafted) in message
        if not ours and (opened is None or not opened.open):
            return "already", f"no open draft of {branch} is there"
        if opened is not None and opened.open:
            host.close(repository, opened)
        if ours:
            host.delete_branch(repository, branch)
        said = f"{host.noun} {opened.number} was closed" if opened else f"no {host.noun} had been opened"
        return "done", f"{said}; branch {branch} {'was deleted' if ours else 'stays: somebody worked on it'}"


def draft_tools(place: Place, link: str) -> tuple[Tool, ...]:
    """What may be drafted at a host with a writing token."""
    return (RevertRequest(place, link), HotfixRequest(place, link), CloseRequest(place))
