"""HTTP runbooks of the allow-list. The key goes along as `Idempotency-Key`: the receiver tells a repetition by it.

The header is that of https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/.
"""

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import JsonValue, TypeAdapter

from autopilot.clients.http import Api, Method, Upload
from autopilot.incident.base import Scalar, clean
from autopilot.incident.ids import digest
from autopilot.incident.plan import DryRun, Step, TargetState
from autopilot.remediation.base import Effect, Missing, Tool
from autopilot.remediation.cloud import now, shell
from autopilot.remediation.parts import Parts
from autopilot.remediation.runbooks import RunbookTool
from autopilot.remediation.web import asking
from autopilot.settings_systems import HttpRunbook

MAX_FIELDS, MAX_TEXT = 20, 200
"""How much of a state is shown; beyond, a digest tells that it changed."""
MAX_ANSWER = 256 * 1024
_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


def state_fields(told: JsonValue) -> dict[str, Scalar]:
    """The JSON that a runbook tells as its state, as settings: bounded, with a digest of what is too long."""
    fields: Mapping[str, JsonValue] = told if isinstance(told, dict) else {"state": told}
    shown = {clean(name, 60): _shown(value) for name, value in sorted(fields.items())[:MAX_FIELDS]}
    return shown | ({"more": digest(told)} if len(fields) > MAX_FIELDS else {})


def _shown(value: JsonValue) -> Scalar:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return clean(text, MAX_TEXT) if len(text) <= MAX_TEXT else f"{clean(text, 60)} ({digest(text)})"


class _HttpTool(RunbookTool):
    """What calling and taking back share."""

    def __init__(self, name: str, runbook: HttpRunbook, api: Api) -> None:
        """`api` is that of the runbook's own place."""
        super().__init__(
            "http", name, runbook.risk, runbook.services, runbook.body, runbook.helps_against, runbook.seconds
        )
        self._settings, self._api = runbook, api

    def _told(self, step: Step) -> TargetState:
        """What the runbook tells as its state, where it tells one."""
        if not self._settings.state_url:
            return TargetState(target=step.target, health="tells no state", observed_at=now())
        try:
            with asking(self.name, self.permissions[0]):
                told = self._api.get(self._settings.state_url).parse(_JSON)
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        return TargetState(target=step.target, settings=state_fields(told), observed_at=now())

    def _words(self, step: Step, method: str, url: str) -> str:
        secret = ("-H", "Authorization: Bearer TOKEN") if self._settings.token else ()
        return shell(
            "curl", "--fail-with-body", "-X", method, *secret, "-H", "Content-Type: application/json",
            "-d", json.dumps(step.arguments), url,
        )  # fmt: skip

    def _call(self, step: Step, method: Method, url: str, key: str) -> None:
        """Send it under the step's key, again where an answer was lost: the receiver knows the key."""
        body = Upload(json.dumps(step.arguments).encode(), "application/json", {"Idempotency-Key": key})
        with asking(self.name, self.permissions[0]):
            self._api.send(method, url, body, repeatable=True)


class CallRunbook(_HttpTool):
    """Calls one HTTP endpoint of the allow-list, with values of the allow-list."""

    def __init__(self, name: str, runbook: HttpRunbook, api: Api) -> None:
        """It can be taken back where the settings say how."""
        super().__init__(name, runbook, api)
        self.reversible: bool = bool(runbook.undo_url)
        self.permissions = (f"http: {runbook.method} {_place(runbook.url)}",)

    def command(self, step: Step) -> str:
        """`curl …`."""
        return self._words(step, self._settings.method, self._settings.url)

    def inspect(self, step: Step) -> TargetState:
        """What the runbook tells as its state."""
        return self._told(step)

    def leaves(self, step: Step, before: TargetState) -> TargetState:  # noqa: ARG002 - every tool's signature
        """Only the runbook knows what it leaves."""
        return before.model_copy(update={"settings": {}, "observed": before.settings})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Nothing is tried out."""
        told = ", ".join(f"{name}={value}" for name, value in before.settings.items())
        final = () if self.reversible else ("cannot be undone by us",)
        return DryRun(
            feasible=True,
            changes=(f"{self._settings.method} {_place(self._settings.url)} with {json.dumps(step.arguments)}",),
            reach=f"what the runbook does for {step.service}; the team vouches for it",
            cost="not known",
            warnings=(*final, "what it does was not tried out", *((f"it tells: {told}",) if told else ())),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Call it."""
        self._call(step, self._settings.method, self._settings.url, key)
        return "done", f"{self.name} was called for {step.service}"

    def undo(self, step: Step, before: TargetState) -> Step | None:  # noqa: ARG002 - every tool's signature
        """Call what takes it back."""
        if not self._settings.undo_url:
            return None
        back = UndoRunbook(self._runbook, self._settings, self._api)
        return self._back(step, f"Take {self._runbook} back for {step.service}", step.arguments, back)


class UndoRunbook(_HttpTool):
    """The way back from a runbook, as the settings have it; never offered on its own."""

    reversible: bool = False

    def __init__(self, name: str, runbook: HttpRunbook, api: Api) -> None:
        """Its name is that of the runbook with `.undo`."""
        super().__init__(name, runbook.model_copy(update={"helps_against": ()}), api)
        self.name = f"{self.name}.undo"
        self.permissions = (f"http: POST {_place(runbook.undo_url)}",)

    def command(self, step: Step) -> str:
        """`curl …`."""
        return self._words(step, "POST", self._settings.undo_url)

    def inspect(self, step: Step) -> TargetState:
        """What the runbook tells is shown; what it should be after the runbook, only the runbook knows."""
        told = self._told(step)
        return told.model_copy(update={"settings": {}, "observed": told.settings})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:  # noqa: ARG002 - every tool's signature
        """Nothing is tried out."""
        return DryRun(
            feasible=True,
            changes=(f"POST {_place(self._settings.undo_url)} with {json.dumps(step.arguments)}",),
            reach=f"what the runbook did for {step.service}",
            cost="not known",
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Call it."""
        self._call(step, "POST", self._settings.undo_url, key)
        return "done", f"{self._runbook} was taken back for {step.service}"


def _place(url: str) -> str:
    """The address without its query: that may hold what is not for everybody."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _api(name: str, runbook: HttpRunbook) -> Api:
    parts = urlsplit(runbook.url)
    headers = {"Authorization": f"Bearer {runbook.token.get_secret_value()}"} if runbook.token else {}
    return Api(
        f"runbook {name}", f"{parts.scheme}://{parts.netloc}", headers=headers, max_answer=MAX_ANSWER, attempts=2
    )


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """One tool per endpoint of the allow-list, and one more where it can be taken back."""
    found: list[Tool] = []
    for name, runbook in parts.settings.runbooks.http.items():
        api = _api(name, runbook)
        found.append(CallRunbook(name, runbook, api))
        if runbook.undo_url:
            found.append(UndoRunbook(name, runbook, api))
    return tuple(found)
