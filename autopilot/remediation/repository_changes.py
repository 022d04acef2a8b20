"""What can be written for a repository: the suspected commit taken back, or one setting put back as it was."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from pydantic import Field

from autopilot.incident.base import Scalar, clean
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import Step
from autopilot.remediation.base import Arguments, Context, InventoryItem, Refusal
from autopilot.remediation.cloud import shell
from autopilot.remediation.code_hosts import CodeHost
from autopilot.remediation.patches import MAX_FILES, Proposal, code, editing_patch, reverting_patch, safe_path

REVERTIBLE: frozenset[CauseKind] = frozenset(
    {"bad_deploy", "config_change", "slow_query", "memory", "cpu", "connection_pool", "crash", "startup"}
)
LIMITS: frozenset[CauseKind] = REVERTIBLE.union(("capacity", "throttled", "quota", "disk"))
NAMED = 8
"""Files that are named one by one."""
NUMBER = r"^-?[0-9][A-Za-z0-9_.%]*$"
BRANCH = r"^[A-Za-z0-9][A-Za-z0-9_./-]*$"


@dataclass(frozen=True)
class Look:
    """A change as it could be written now."""

    settings: dict[str, Scalar]
    """What must not change until it is written."""
    title: str
    patch: str
    lines: tuple[str, ...]
    """What it contains, in Markdown."""
    push: Callable[[Proposal], None]
    """Writes exactly this to a branch of its own; raises as `CodeHost` does."""
    observed: dict[str, Scalar] = field(default_factory=dict[str, Scalar])
    warnings: tuple[str, ...] = ()
    reason: str = ""
    """Why it cannot be written; empty when it can."""


@dataclass(frozen=True)
class Found:
    """A change that an inventory item suggests, with where each argument was read."""

    summary: str
    arguments: dict[str, Scalar]
    sources: dict[str, str]
    why: str
    finding_ids: tuple[str, ...]


class Change(Protocol):
    """A sort of change that a draft can contain. The methods with a host raise as `CodeHost` does."""

    kind: Literal["revert", "hotfix"]
    takes: type[Arguments]
    addresses: frozenset[CauseKind]

    def found(self, item: InventoryItem, context: Context) -> Iterator[Found]:
        """The changes that the dossier's suspects suggest. Pure."""
        ...

    def subject(self, step: Step) -> str:
        """What its branch is named after. Pure."""
        ...

    def command(self, step: Step) -> str:
        """What a person could type in a checkout to make the same change. Pure."""
        ...

    def look(self, host: CodeHost, repository: str, step: Step) -> Look:
        """What would be written now."""
        ...


def suspected(
    item: InventoryItem, context: Context, kinds: frozenset[CauseKind]
) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Commit → setting of the item that holds it, and the findings against it; the strongest suspect first."""
    held = {str(value): name for name, value in item.settings.items() if re.fullmatch(r"commit_\d+", name)}
    system = item.resource.partition(":")[0]
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for suspect in sorted(context.dossier.suspects, key=lambda s: -s.score):
        for record in (suspect.commit, suspect.change_id):
            commit = record.removeprefix(f"{system}:")
            if commit in held and suspect.cause_kind in kinds:
                found.setdefault(commit, (held[commit], suspect.finding_ids))
    return found


class Commit(Arguments):
    """The commit to take back, and the branch it is on."""

    commit: str = Field(pattern=r"^[0-9a-f]{7,64}$")
    base: str = Field(min_length=1, max_length=200, pattern=BRANCH)


class Reverting:
    """The suspected commit, taken back as far as nobody has changed its files since."""

    kind: Literal["revert", "hotfix"] = "revert"
    takes: type[Arguments] = Commit
    addresses: frozenset[CauseKind] = REVERTIBLE

    def found(self, item: InventoryItem, context: Context) -> Iterator[Found]:
        """See `Change`."""
        for commit, (name, ids) in suspected(item, context, self.addresses).items():
            yield Found(
                summary=f"Draft a revert of {commit[:7]} in {item.name}",
                arguments={"commit": commit, "base": item.settings.get("base")},
                sources={"commit": f"{name} {commit}; suspected by {', '.join(ids)}", "base": "base"},
                why=f"{commit[:7]} is suspected ({', '.join(ids[:3])})",
                finding_ids=ids,
            )

    def subject(self, step: Step) -> str:
        """See `Change`."""
        return str(step.arguments["commit"])

    def command(self, step: Step) -> str:
        """See `Change`."""
        wanted = Commit.model_validate(step.arguments)
        branch = f"revert-{wanted.commit[:7]}"
        switch = shell("git", "switch", "-c", branch, f"origin/{wanted.base}")
        return f"git fetch origin && {switch} && git revert --no-edit {wanted.commit}"

    def look(self, host: CodeHost, repository: str, step: Step) -> Look:
        """See `Change`."""
        wanted = Commit.model_validate(step.arguments)
        revert = host.revert(repository, wanted.base, wanted.commit)
        title = clean(revert.title, 100)
        paths = [file.path for file in revert.files]
        lines = [
            f"It takes back {code(revert.commit[:12])} {code(title)} ({revert.url}) in {len(paths)} files:",
            "",
        ]
        lines += [f"- {code(path)}" for path in paths[:NAMED]]
        lines += [f"- and {len(paths) - NAMED} more"] if len(paths) > NAMED else []
        warnings: list[str] = []
        if revert.changed_since:
            left = ", ".join(clean(path, 80) for path in revert.changed_since[:NAMED])
            warnings.append(f"changed since and therefore left to people: {left}")
            lines += ["", "Left out, because they were changed since, look at them before merging:", ""]
            lines += [f"- {code(path)}" for path in revert.changed_since[:NAMED]]
        return Look(
            settings={"commit": revert.commit, "content": revert.state},
            title=f'Revert "{title}"',
            patch=reverting_patch(revert.files),
            lines=tuple(lines),
            push=lambda words: host.push_revert(repository, revert, words),
            observed={"head": revert.head, "files": len(paths), "changed_since": len(revert.changed_since)},
            warnings=tuple(warnings),
            reason=_not_revertible(len(paths), len(revert.changed_since)),
        )


def _not_revertible(files: int, changed: int) -> str:
    if files + changed > MAX_FILES:
        return f"the commit changes {files + changed} files; more than {MAX_FILES} are for people"
    return "" if files else "every file of the commit was changed since: a revert needs a person"


class Setting(Arguments):
    """A setting in a file, and the value that is put back."""

    file: str = Field(min_length=1, max_length=300)
    key: str = Field(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_.-]+$")
    value: str = Field(min_length=1, max_length=60, pattern=NUMBER)
    """What it is now."""
    former: str = Field(min_length=1, max_length=60, pattern=NUMBER)
    """What it was before the suspected commit."""
    base: str = Field(min_length=1, max_length=200, pattern=BRANCH)


class Correcting:
    """One number in a settings file, put back as it was before the suspected commit."""

    kind: Literal["revert", "hotfix"] = "hotfix"
    takes: type[Arguments] = Setting
    addresses: frozenset[CauseKind] = LIMITS
    _PARTS: ClassVar[tuple[str, ...]] = ("file", "key", "value", "former")

    def found(self, item: InventoryItem, context: Context) -> Iterator[Found]:
        """See `Change`."""
        suspects = suspected(item, context, self.addresses)
        for name, commit in item.settings.items():
            numbered = re.fullmatch(r"(setting_\d+)_commit", name)
            if numbered is None or commit not in suspects:
                continue
            names = {part: f"{numbered[1]}_{part}" for part in self._PARTS}
            if not all(isinstance(item.settings.get(path), str) for path in names.values()):
                continue
            ids = suspects[str(commit)][1]
            values = {part: item.settings[path] for part, path in names.items()}
            yield Found(
                summary=f"Draft {values['key']} back from {values['value']} to {values['former']} in {item.name}",
                arguments={**values, "base": item.settings.get("base")},
                sources={part: f"{path}; set by {commit}, {', '.join(ids)}" for part, path in names.items()}
                | {"base": "base"},
                why=f"{str(commit)[:7]} changed {values['key']} and is suspected ({', '.join(ids[:3])})",
                finding_ids=ids,
            )

    def subject(self, step: Step) -> str:
        """See `Change`."""
        return str(step.arguments["key"])

    def command(self, step: Step) -> str:
        """See `Change`."""
        wanted = Setting.model_validate(step.arguments)
        branch = shell("git", "switch", "-c", f"hotfix-{wanted.key}"[:60], f"origin/{wanted.base}")
        edit = f"s/^([^#]*{re.escape(wanted.key)}[^0-9-]*){re.escape(wanted.value)}/\\1{wanted.former}/"
        return f"git fetch origin && {branch} && {shell('sed', '-E', '-i', edit, wanted.file)}"

    def look(self, host: CodeHost, repository: str, step: Step) -> Look:
        """See `Change`."""
        wanted = Setting.model_validate(step.arguments)
        if not safe_path(wanted.file):
            raise Refusal(f"{wanted.file!r} is not a path in a repository")
        file = host.file(repository, wanted.base, wanted.file)
        after, line, reason = put_back(file.text, wanted)
        said = f"{wanted.key}: {wanted.value} → {wanted.former}"
        return Look(
            settings={"file": wanted.file, "line": line},
            title=f"Put {wanted.key} back to {wanted.former}",
            patch=editing_patch(wanted.file, file.text, after) if not reason else "",
            lines=(f"It changes one line of {code(wanted.file)}: {code(said)}.",),
            push=lambda words: host.push_file(repository, file, after, words),
            observed={"head": file.head},
            reason=reason,
        )


def put_back(text: str, wanted: Setting) -> tuple[str, str, str]:
    """The text with the former value, the line as it is, and why not: only where the value stands literally."""
    stands = re.compile(
        rf"^(?P<head>[ \t]*[\"']?{re.escape(wanted.key)}[\"']?[ \t]*[:=][ \t]*[\"']?){re.escape(wanted.value)}"
        r"(?=[\"']?[ \t]*[,;]?[ \t]*(?:#.*)?\r?$)",
        re.MULTILINE,
    )
    places = list(stands.finditer(text))
    if len(places) != 1:
        found = "does not stand" if not places else f"stands {len(places)} times"
        return text, "", f"{wanted.key} = {wanted.value} {found} in {wanted.file}: a person has to look"
    place = places[0]
    return f"{text[: place.end('head')]}{wanted.former}{text[place.end() :]}", place[0].strip(), ""
