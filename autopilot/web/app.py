"""Puts the gateway together."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from autopilot.incident.audit import AuditLog, NoAudit
from autopilot.incident.ports import CaseStore, Failure
from autopilot.settings import Settings
from autopilot.triggers.base import Clock, Fetch, Refused, Site, utc_now
from autopilot.web.api import api_routes
from autopilot.web.edge import Answers, Skin
from autopilot.web.gateway import Gateway, Replies, SlackReplies, fetch
from autopilot.web.hooks import hook_routes
from autopilot.web.incidents import Incidents, NotRunning
from autopilot.web.interactions import interaction_routes
from autopilot.web.pages import Pages, page_routes
from autopilot.web.refusals import Refusals


def create_app(
    settings: Settings,
    incidents: Incidents,
    cases: CaseStore,
    *,
    fetch_url: Fetch = fetch,
    replies: Replies | None = None,
    clock: Clock = utc_now,
    audit: AuditLog | None = None,
) -> Starlette:
    """The gateway as an ASGI application.

    Args:
        settings: Which triggers exist, their secrets, limits and public address.
        incidents: Where incidents live.
        cases: Where dossiers and reports are read.
        fetch_url: Reads SNS certificates and confirms subscriptions.
        replies: What is said in Slack; by default over the configured Slack.
        clock: The time of receipt.
        audit: Where what is turned away is recorded; nowhere by default.

    Raises:
        SettingsError: Slack is configured without `seal_key`.
    """
    regions = settings.aws.regions if settings.aws else ()
    refusals = Refusals(audit or NoAudit())
    gateway = Gateway(
        settings=settings,
        incidents=incidents,
        cases=cases,
        fetch=fetch_url,
        replies=replies or (SlackReplies(settings.slack) if settings.slack else None),
        clock=clock,
        site=Site(settings.environment, regions[0] if len(regions) == 1 else ""),
        refusals=refusals,
    )
    pages = Pages(gateway)
    answers = Answers(pages.error, refusals)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        await refusals.close()

    https = settings.web.public_url.startswith("https://")
    return Starlette(
        routes=[
            *hook_routes(gateway),
            *interaction_routes(gateway),
            *api_routes(gateway),
            *page_routes(pages),
        ],
        middleware=[Middleware(Skin, https=https)],
        lifespan=lifespan,
        exception_handlers=dict.fromkeys((Refused, Failure, NotRunning, HTTPException, Exception), answers),
    )
