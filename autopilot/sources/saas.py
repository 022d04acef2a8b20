"""Builds the sources of the configured SaaS systems."""

import re

from autopilot.clients.launchdarkly import LaunchDarklyFlags
from autopilot.clients.unleash import UnleashFlags
from autopilot.settings import Settings, SettingsError
from autopilot.sources.base import Source
from autopilot.sources.bitbucket import BitbucketReader
from autopilot.sources.flags import FlagSource
from autopilot.sources.git_hosts import RepositorySource
from autopilot.sources.github import GitHubSource
from autopilot.sources.gitlab import GitLabReader
from autopilot.sources.jira import JiraSource
from autopilot.sources.kubernetes import KubernetesSource
from autopilot.sources.servicenow import ServiceNowSource


def build_saas_sources(settings: Settings) -> list[Source]:
    """One source per configured system; nothing is asked of it yet.

    Raises:
        SettingsError: a repository is not of the form owner/name.
    """
    sources = _code_hosts(settings)
    if settings.servicenow:
        sources.append(ServiceNowSource(settings.servicenow))
    if settings.jira:
        sources.append(JiraSource(settings.jira))
    if settings.kubernetes:
        sources.append(KubernetesSource(settings.kubernetes))
    if settings.launchdarkly:
        sources.append(FlagSource(LaunchDarklyFlags(settings.launchdarkly, settings.launchdarkly.token)))
    if settings.unleash:
        sources.append(FlagSource(UnleashFlags(settings.unleash, settings.unleash.token)))
    return sources


def _code_hosts(settings: Settings) -> list[Source]:
    """Where the services' code is. Raises SettingsError."""
    sources: list[Source] = []
    if settings.github:
        for service, repository in settings.github.repositories.items():
            if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
                raise SettingsError(
                    f"github.repositories.{service}: {repository!r} is not a repository; write owner/name."
                )
        sources.append(GitHubSource(settings.github))
    if settings.gitlab and settings.gitlab.projects:
        sources.append(RepositorySource(GitLabReader(settings.gitlab), settings.gitlab.projects))
    if settings.bitbucket and settings.bitbucket.repositories:
        sources.append(RepositorySource(BitbucketReader(settings.bitbucket), settings.bitbucket.repositories))
    return sources
