"""What people see: the list, the incident page and its stored report. Read-only, no scripts, no forms."""

import hashlib
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from autopilot.case.backend import NotStored
from autopilot.case.store import document_uri
from autopilot.incident import offering, reasoning_words, wording
from autopilot.incident.course import chosen
from autopilot.incident.effect import seen_words
from autopilot.incident.evidence import Document
from autopilot.incident.finding import Dossier
from autopilot.incident.plan import StepResult
from autopilot.incident.ports import Failure
from autopilot.incident.state import IncidentState
from autopilot.triggers.base import Refused
from autopilot.web import story
from autopilot.web.edge import REPORT_POLICY
from autopilot.web.gateway import Gateway, off_loop, within
from autopilot.web.incidents import IncidentRow

log = structlog.get_logger()

HERE = Path(__file__).parent
LIST_LIMIT = 100
SHOW_SECONDS = 5.0
STORE_SECONDS = 8.0
REFRESH_SECONDS = 10
INCIDENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
PATCH_NAME = re.compile(r"(revert|hotfix)-[0-9a-f]{12}\.patch")
DOCUMENT_TYPES = ("text/html", "text/markdown", "text/plain")


def _clock(at: datetime | None) -> str:
    return f"{at:%H:%M:%S}" if at else "-"


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "-"


def templates() -> Environment:
    """Everything is escaped; a misspelt name is an error rather than an empty place."""
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    env.filters.update(clock=_clock, day=_day, short=wording.short, web_link=story.web_link, span=story.span)
    env.filters.update(plain=wording.plain, gap=wording.gap_words)
    words: dict[str, Any] = {"offering": offering, "seen_words": seen_words, "reasoned": reasoning_words}
    words["certainty"] = wording.certainty
    env.globals.update(words)
    return env


def incident_name(request: Request) -> str:
    """The incident or group in the path. Raises Refused when it cannot be one."""
    name = request.path_params["name"]
    if not INCIDENT_NAME.fullmatch(name):
        raise Refused(404, "There is no such incident.", field="id", remedy="See /incidents for the known ones.")
    return name


async def find(gateway: Gateway, name: str) -> IncidentState:
    """The state of an incident. Raises Refused (404) or Failure."""
    state = await within(SHOW_SECONDS, gateway.incidents.show(name), "Reading the incident")
    if state is None:
        raise Refused(404, "There is no such incident.", field="id", remedy="See /incidents for the known ones.")
    return state


class Pages:
    """Handlers for browsers."""

    def __init__(self, gateway: Gateway) -> None:
        """Templates are read once."""
        self._gateway = gateway
        self._env = templates()

    def _render(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(self._env.get_template(template).render(**values), status)

    def error(self, status: int, error: str, remedy: str) -> Response:
        """A plain page that says what is wrong and what to do."""
        return self._render("error.html", status, code=status, error=error, remedy=remedy, refresh=0)

    async def home(self, _: Request) -> Response:
        """The list is the home."""
        return RedirectResponse("/incidents", 307)

    async def list(self, _: Request) -> Response:
        """The newest incidents."""
        rows = await within(SHOW_SECONDS, self._gateway.incidents.list(LIST_LIMIT), "Listing incidents")
        now = self._gateway.clock()
        shown = [(row, _standing(row), story.span((now - row.opened_at).total_seconds())) for row in rows]
        return self._render("list.html", rows=shown, refresh=REFRESH_SECONDS)

    async def incident(self, request: Request) -> Response:
        """One incident from headline to cost."""
        state = await find(self._gateway, incident_name(request))
        dossier, note = await self._dossier(state)
        told = story.tell(state, dossier, self._gateway.clock(), note)
        return self._render(
            "incident.html", state=state, story=told, chosen=chosen, dossier=dossier, headline=wording.headline,
            acts=_acts(state), gaps=wording.worst_first(state.manifest.gaps if state.manifest else ()),
            temporal_ui=self._temporal_ui(state), spark=(story.SPARK_WIDTH, story.SPARK_HEIGHT),
            refresh=REFRESH_SECONDS if told.open else 0,
        )  # fmt: skip

    async def report(self, request: Request) -> Response:
        """The stored report, without any right in the browser."""
        state = await find(self._gateway, incident_name(request))
        if state.report is None:
            raise Refused(404, "This incident has no report yet.", remedy="It is written after the analysis.")
        content = await self._read(state.report)
        kind = state.report.media_type.partition(";")[0].strip()
        media_type = kind if kind in DOCUMENT_TYPES else "text/plain"
        return Response(content, media_type=media_type, headers={"content-security-policy": REPORT_POLICY})

    async def patch(self, request: Request) -> Response:
        """A patch that was delivered for people to apply, as plain text."""
        file = request.path_params["file"]
        if not PATCH_NAME.fullmatch(file):
            raise Refused(404, "There is no such patch.", remedy="The step that delivered it names its address.")
        state = await find(self._gateway, incident_name(request))
        uri = document_uri(state.incident_id, f"patches/{file}")
        try:
            content = await off_loop(STORE_SECONDS, self._gateway.cases.get, uri)
        except NotStored as error:
            raise Refused(
                404, "There is no such patch.", remedy="It may have been removed by retention."
            ) from error
        return Response(content, media_type="text/plain", headers={"content-security-policy": REPORT_POLICY})

    async def _read(self, document: Document) -> bytes:
        """A stored document, proven to be the one that was written. Raises Failure."""
        content = await off_loop(STORE_SECONDS, self._gateway.cases.get, document.uri)
        if hashlib.sha256(content).hexdigest() != document.sha256:
            raise Failure("The stored document is not the one that was written; look at the case store.")
        return content

    async def _dossier(self, state: IncidentState) -> tuple[Dossier | None, str]:
        """The whole dossier; when it cannot be read the page still shows everything else and says so."""
        if state.dossier is None:
            return None, ""
        try:
            content = await off_loop(STORE_SECONDS, self._gateway.cases.get, state.dossier.uri)
            return Dossier.model_validate_json(content), ""
        except (Failure, ValidationError, OSError) as error:
            log.warning("dossier not readable", incident_id=state.incident_id, reason=type(error).__name__)
            return None, "The full evidence could not be read from the case store just now."

    def _temporal_ui(self, state: IncidentState) -> str:
        temporal = self._gateway.settings.temporal
        return f"{temporal.ui_url.rstrip('/')}/namespaces/{temporal.namespace}/workflows/{state.group}"


def _acts(state: IncidentState) -> list[tuple[StepResult, str]]:
    """Every step and undo with what it did in words, oldest first."""
    done = [(r, wording.step_words(r)) for r in state.executed]
    undone = [(r, wording.step_words(r, undo=True)) for r in state.undone]
    return sorted([*done, *undone], key=lambda act: act[0].at)


def _standing(row: IncidentRow) -> tuple[str, str]:
    """How an incident stands, and in which tone."""
    if row.outcome in wording.OUTCOMES:
        return wording.OUTCOMES[row.outcome], "good" if row.outcome in story.GOOD_OUTCOMES else "plain"
    if row.status == "running":
        return wording.PHASES.get(row.phase, row.phase or "running"), "wait"
    return row.status.replace("_", " "), "plain" if row.status == "completed" else "bad"


def page_routes(pages: Pages) -> list[BaseRoute]:
    """Everything for browsers."""
    return [
        Route("/", pages.home),
        Route("/incidents", pages.list),
        Route("/incidents/{name}", pages.incident),
        Route("/incidents/{name}/report", pages.report),
        Route("/incidents/{name}/patches/{file}", pages.patch),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
