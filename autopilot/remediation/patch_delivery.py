"""Patches for people: where no token may write to the code host, the change is delivered as a file to apply."""

from collections.abc import Iterable
from typing import ClassVar

import structlog
from pydantic import SecretStr
from typing_extensions import override

from autopilot.channels.base import Attachment, TicketSystem
from autopilot.incident.cause import CauseKind
from autopilot.incident.ids import digest
from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation.base import Arguments, Effect, Refusal, Tool
from autopilot.remediation.bitbucket import BitbucketHost, bitbucket_api
from autopilot.remediation.change_tools import ChangeTool
from autopilot.remediation.code_hosts import Place, incident_pages
from autopilot.remediation.github_host import GitHubHost, github_api
from autopilot.remediation.gitlab import GitLabHost, gitlab_api
from autopilot.remediation.parts import KeepsDocuments, Parts
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

MEDIA_TYPE = "text/x-diff; charset=utf-8"
FOLDER = "patches"
"""Where the patches of an incident are in the case store, and on its page."""


class DeliverPatch(ChangeTool):
    """Keeps the patch with the incident and attaches it to the incident's ticket. Nothing else is changed."""

    system: str = "patch"
    reversible: bool = False

    def __init__(
        self, places: Iterable[Place], cases: KeepsDocuments, tickets: tuple[TicketSystem, ...], link: str
    ) -> None:
        """`link` is the address of incident pages with `{}` for the id."""
        hosts = tuple(places)
        super().__init__(hosts)
        self._cases, self._tickets, self._link = cases, tickets, link
        self.permissions = tuple(scope for place in hosts for scope in place.host.reads)

    @override
    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Deliver; the key names the file, so that it is delivered once."""
        look = self._look(step)
        if look.reason or not look.patch:
            raise Refusal(f"{step.target}: {look.reason or 'there is nothing to change'}")
        incident = key.partition("/")[0]
        file = f"{self.change.kind}-{digest(self.change.subject(step), key)[:12]}.patch"
        content = f"# {look.title}: incident {incident}\n# By hand: {self.command(step)}\n{look.patch}".encode()
        fresh = self._cases.create(incident, f"{FOLDER}/{file}", content, MEDIA_TYPE)
        for system in self._tickets:
            self._attach(system, f"{incident}/ticket", Attachment(file, MEDIA_TYPE, content))
        return "done" if fresh else "already", f"the patch is at {self._link.format(incident)}/{FOLDER}/{file}"

    def _attach(self, system: TicketSystem, ticket: str, file: Attachment) -> None:
        """The incident's page has the patch: a ticket system that is away must not keep people from it."""
        try:
            system.attach(ticket, file)
        except Failure as failure:
            structlog.get_logger().warning("patch not attached", system=system.name, error=str(failure))

    @override
    def _does(self, step: Step, look: Look) -> str:
        return f"a patch for {step.target}, for people to apply: {look.title}"


class DeliverRevert(DeliverPatch):
    """Delivers the patch that takes back the suspected commit, as far as nobody has changed its files since."""

    name: str = "patch.deliver_revert"
    change: ClassVar[Change] = Reverting()
    takes: ClassVar[type[Arguments]] = Commit
    addresses: ClassVar[frozenset[CauseKind]] = REVERTIBLE


class DeliverHotfix(DeliverPatch):
    """Delivers the patch that puts one number in a settings file back as it was before the suspected commit."""

    name: str = "patch.deliver_hotfix"
    change: ClassVar[Change] = Correcting()
    takes: ClassVar[type[Arguments]] = Setting
    addresses: ClassVar[frozenset[CauseKind]] = LIMITS


def _readable(parts: Parts) -> tuple[Place, ...]:
    """The configured hosts that have no writing token."""
    found: list[Place] = []
    github, gitlab, bitbucket = parts.settings.github, parts.settings.gitlab, parts.settings.bitbucket

    if github and not github.write_token:
        hub = GitHubHost(github_api(github.base_url, _secret(github.token)))
        found.append(Place(hub, frozenset(github.repositories.values())))
    if gitlab and not gitlab.write_token:
        found.append(
            Place(GitLabHost(gitlab_api(gitlab, _secret(gitlab.token))), frozenset(gitlab.projects.values()))
        )
    if bitbucket and not bitbucket.write_token:
        bucket = BitbucketHost(bitbucket_api(bitbucket, _secret(bitbucket.token)))
        found.append(Place(bucket, frozenset(bitbucket.repositories.values())))
    return tuple(place for place in found if place.repositories)


def _secret(token: SecretStr | None) -> str:
    return token.get_secret_value() if token else ""


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows: for hosts that may only be read."""
    places = _readable(parts)
    if not places or parts.cases is None:
        return ()
    given = (places, parts.cases, parts.ticket_systems, incident_pages(parts))
    return DeliverRevert(*given), DeliverHotfix(*given)
