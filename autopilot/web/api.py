"""The JSON API, and the two questions that a supervisor asks of the process."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from autopilot.triggers.api import authorize, check_content_type, read_alert
from autopilot.triggers.base import Refused
from autopilot.web.edge import read_body
from autopilot.web.gateway import Gateway, accept, within
from autopilot.web.pages import SHOW_SECONDS, find, incident_name

START_SECONDS = 10.0
READY_SECONDS = 2.0
MAX_LIMIT = 200


def _limit(request: Request) -> int:
    given = request.query_params.get("limit", "50")
    if not (given.isascii() and given.isdigit() and 1 <= len(given) <= 3 and 1 <= int(given) <= MAX_LIMIT):
        raise Refused(
            422, "limit is not a number from 1 to 200.", field="limit", remedy="Leave it out or correct it."
        )
    return int(given)


class Api:
    """Handlers for programs."""

    def __init__(self, gateway: Gateway) -> None:
        """The wired parts."""
        self._gateway = gateway

    async def start(self, request: Request) -> Response:
        """POST /api/incidents: 202 only when the alert is stored."""
        authorize(self._gateway.settings.web, request.headers)
        check_content_type(request.headers)
        body = await read_body(request, self._gateway.settings.web.max_body)
        alert = read_alert(body, site=self._gateway.site, now=self._gateway.clock())
        answer = await accept(self._gateway, alert, START_SECONDS)
        return JSONResponse(answer, 202, headers={"location": f"/api/incidents/{answer['group']}"})

    async def list(self, request: Request) -> Response:
        """GET /api/incidents?limit=50."""
        rows = await within(SHOW_SECONDS, self._gateway.incidents.list(_limit(request)), "Listing incidents")
        return JSONResponse({"incidents": [row.model_dump(mode="json") for row in rows]})

    async def show(self, request: Request) -> Response:
        """GET /api/incidents/{id}: the whole state and the seconds to each milestone."""
        state = await find(self._gateway, incident_name(request))
        return JSONResponse({**state.model_dump(mode="json"), "seconds": state.seconds()})

    async def alive(self, _: Request) -> Response:
        """GET /healthz: this process answers."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        """GET /readyz: incidents can be reached, so alerts and clicks will be stored."""
        await within(READY_SECONDS, self._gateway.incidents.list(1), "Reaching the incident store")
        return JSONResponse({"status": "ready"})


def api_routes(gateway: Gateway) -> list[BaseRoute]:
    """Everything for programs."""
    api = Api(gateway)
    return [
        Route("/api/incidents", api.start, methods=["POST"]),
        Route("/api/incidents", api.list, methods=["GET"]),
        Route("/api/incidents/{name}", api.show, methods=["GET"]),
        Route("/healthz", api.alive, methods=["GET"]),
        Route("/readyz", api.ready, methods=["GET"]),
    ]
