"""What `doctor` looks at besides Temporal: a small question per configured part; watched systems are only read."""

import functools
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TypeVar, get_args

from pydantic import JsonValue, TypeAdapter

from autopilot.clients.http import Api, Params
from autopilot.clients.model import ModelClient
from autopilot.clients.slack import SlackApi
from autopilot.incident.alert import Alert
from autopilot.incident.playbook import Snapshot, actors
from autopilot.playbooks.directories import build_directories
from autopilot.playbooks.loading import load_rules
from autopilot.playbooks.problem import PlaybookError
from autopilot.playbooks.reaching import Reaching
from autopilot.playbooks.rules import Rules, matching
from autopilot.settings import GitHub, Jira, Model, Notes, Pager, ServiceNow, Settings, Slack
from autopilot.settings_model import LanguageModel, ModelStep
from autopilot.sources.notes import check_notes
from autopilot.stores import open_case_store
from cli.aws_checks import aws_probes
from cli.probe import Broken, Probe, Skipped, not_configured
from cli.system_checks import system_probes

SECONDS = 8.0
"""What one answer may take."""
MAX_REPOSITORIES = 20
ANY_SERVICE = "any service"
ROUTING_KEY = re.compile(r"[0-9A-Za-z]{32}")
CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{6,}")
MAX_CHANNEL_PAGES = 50
S = TypeVar("S")
_ANSWER: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def probes(settings: Settings) -> list[Probe]:
    """The questions for these settings, in the order in which a person would ask them."""
    return [
        Probe("case store", lambda: _case_store(settings), "Make the place of `store:` writable for this user."),
        Probe("playbooks", lambda: _playbooks(settings), "Correct the named lines."),
        Probe("notes", lambda: _notes(settings.notes), "Correct the named lines."),
        Probe("on-call", lambda: _on_call(settings)),
        Probe("seal key", lambda: _seal_key(settings)),
        *_slack_probes(settings),
        *aws_probes(settings.aws),
        _vendor("github", settings.github, _github),
        _vendor("servicenow", settings.servicenow, _servicenow),
        _vendor("jira", settings.jira, _jira),
        _vendor("pager", settings.pager, _pager),
        *system_probes(settings),
        *_model_probes(settings.model),
    ]


# --- Our own files -----------------------------------------------------------------------------------


def _case_store(settings: Settings) -> str:
    store, place = open_case_store(settings), settings.store
    content = datetime.now(UTC).isoformat().encode()
    document = store.put("doctor", "probe.txt", content, "text/plain")
    if store.get(document.uri) != content:
        raise Broken("What was written is not what is read.", "Check that nothing else rewrites the case store.")
    return f"writable and readable: {place.path if place.kind == 'folder' else place.bucket}"


def _playbooks(settings: Settings) -> str:
    rules = load_rules(settings.playbooks)
    if not rules.playbooks:
        raise Broken(
            f"No document of kind IncidentResponse in {settings.playbooks}: only built-in rules would apply.",
            "Copy an example out of the repository's playbooks folder and adapt it.",
        )
    return f"{len(rules.playbooks)} playbooks, {len(rules.schedules)} schedules, {len(rules.people)} people"


def _notes(notes: Notes | None) -> str:
    if notes is None:
        raise Skipped("no folder of notes is configured")
    return f"{check_notes(notes.path)} notes about services in {notes.path}"


def _on_call(settings: Settings) -> str:
    try:
        rules, now = load_rules(settings.playbooks), datetime.now(UTC)
    except PlaybookError as error:
        raise Skipped("the playbooks cannot be read") from error
    reaching, covered = Reaching(rules, build_directories(settings), now), list[str]()
    for service in _services(rules, settings):
        duty, roles, _ = reaching.duty(service)
        alert = Alert(
            source="doctor", external_id="1", title="question", service=service, environment=settings.environment,
            started_at=now, received_at=now,
        )  # fmt: skip
        playbook = matching(rules, alert)
        groups = reaching.groups(playbook) | roles
        _check_duty(service, Snapshot(playbook=playbook, on_call=duty, groups=groups), settings)
        covered.append(f"{service}: {', then '.join(p.name for p in (duty.primary, duty.secondary) if p)}")
    return "; ".join(covered)[:400]


def _services(rules: Rules, settings: Settings) -> list[str]:
    """The services that configuration names, and one that it does not."""
    scheduled = [s for schedule in rules.schedules for _, duty in schedule.duties for s in duty.services]
    played = [s for playbook in rules.playbooks for s in playbook.services if "*" not in s]
    mapped = settings.github.repositories if settings.github else {}
    return [ANY_SERVICE, *sorted({*scheduled, *played, *mapped})]


def _check_duty(service: str, snapshot: Snapshot, settings: Settings) -> None:
    """Somebody is there, may approve, and can be paged. Raises Broken."""
    person = snapshot.on_call.primary
    if person is None:
        raise Broken(
            f"Nobody is on call for {service} now. {snapshot.on_call.note}",
            "Add an entry that covers this time to a document of kind OnCallSchedule.",
        )
    approvers = actors(snapshot.playbook.approvers, snapshot)
    if settings.slack and approvers and not any(actor.startswith("slack:") for actor in approvers):
        raise Broken(
            f"Nobody could approve for {service}: {person.name}, on call, has no Slack id.",
            "Add `slack:` to the person in the document of kind People.",
        )
    if settings.pager and not person.pager:
        raise Broken(
            f"{person.name}, on call for {service}, has no pager id.",
            "Add `pager:` to the person in the document of kind People.",
        )


def _seal_key(settings: Settings) -> str:
    if settings.keyring():
        return "set; worker and gateway need the same one"
    if settings.slack is None:
        raise Skipped("needed only with Slack")
    raise Broken(
        "Slack is configured but seal_key is not: clicks could not be proven.",
        "Set AUTOPILOT_SEAL_KEY to the same random text on gateway and worker.",
    )


# --- Slack -------------------------------------------------------------------------------------------


def _slack_probes(settings: Settings) -> list[Probe]:
    slack = settings.slack
    if slack is None:
        return [Probe("slack", not_configured("slack"))]
    channels = dict.fromkeys((slack.channel, *settings.triggers.slack_alert_channels))
    return [
        Probe(
            "slack identity", lambda: _slack_identity(slack), "Set AUTOPILOT_SLACK__BOT_TOKEN to the bot's token."
        ),
        *(
            Probe(f"slack channel {name}", _slack_channel(slack, name), "Invite the bot there.")
            for name in channels
        ),
    ]


def _slack_identity(slack: Slack) -> str:
    who = SlackApi(slack).write("auth.test", {}, _ANSWER)
    return f"{who.get('user', 'the bot')} in {who.get('team', 'the workspace')}"


def _slack_channel(slack: Slack, channel: str) -> Callable[[], str]:
    def ask() -> str:
        api, named = SlackApi(slack), channel.removeprefix("#")
        found = named if CHANNEL_ID.fullmatch(named) else _channel_id(api, named)
        api.read("conversations.history", {"channel": found, "limit": 1}, _ANSWER)
        return f"readable ({found})"

    return ask


def _channel_id(api: SlackApi, name: str) -> str:
    """The id of a channel given by its name. Raises Broken."""
    for page in _channel_pages(api):
        channels = page.get("channels")
        for channel in channels if isinstance(channels, list) else []:
            if isinstance(channel, dict) and channel.get("name") == name:
                return str(channel.get("id"))
    raise Broken(
        f"Slack has no channel {name!r} that the bot can see.",
        "Invite the bot, or write the channel's id instead of its name.",
    )


def _channel_pages(api: SlackApi) -> Iterator[dict[str, JsonValue]]:
    asked: dict[str, str | int | bool] = {"types": "public_channel,private_channel", "exclude_archived": True}
    for _ in range(MAX_CHANNEL_PAGES):
        page = api.read("conversations.list", {**asked, "limit": 200}, _ANSWER)
        yield page
        metadata = page.get("response_metadata")
        following = metadata.get("next_cursor") if isinstance(metadata, dict) else None
        if not following:
            return
        asked["cursor"] = str(following)


# --- Other vendors -----------------------------------------------------------------------------------


def _vendor(name: str, section: S | None, ask: Callable[[S], str]) -> Probe:
    if section is None:
        return Probe(name, not_configured(name))
    return Probe(name, lambda: ask(section), f"Correct the section `{name}:` or its secret in the environment.")


def _github(github: GitHub) -> str:
    if not github.repositories:
        raise Broken("github.repositories is empty: nothing would be read.", "Map services to owner/name there.")
    headers = {"Authorization": f"Bearer {github.token.get_secret_value()}"} if github.token else {}
    api = Api("GitHub", github.base_url, headers=headers, timeout=SECONDS, attempts=1)
    named = list(dict.fromkeys(github.repositories.values()))[:MAX_REPOSITORIES]
    for repository in named:
        for listed in ("deployments", "commits", "pulls"):
            api.get(f"repos/{repository}/{listed}", {"per_page": 1})
    return f"readable: {', '.join(named)}"[:400]


def _servicenow(servicenow: ServiceNow) -> str:
    access = (servicenow.user, servicenow.password.get_secret_value())
    api = Api("ServiceNow", servicenow.base_url, auth=access, timeout=SECONDS, attempts=1)
    asked: Params = {"sysparm_limit": 1, "sysparm_fields": "number"}
    api.get("api/now/table/incident", asked).parse(_ANSWER)
    return f"table incident is readable for {servicenow.user}"


def _jira(jira: Jira) -> str:
    api = Api("Jira", jira.base_url, auth=(jira.user, jira.token.get_secret_value()), timeout=SECONDS, attempts=1)
    api.get("rest/api/3/myself").parse(_ANSWER)
    jql = f'project = "{jira.project}" ORDER BY created DESC'
    api.get("rest/api/3/search/jql", {"jql": jql, "fields": "summary", "maxResults": 1}).parse(_ANSWER)
    return f"project {jira.project} is readable for {jira.user}"


def _pager(pager: Pager) -> str:
    """Only the key's shape: the one call there is would page somebody."""
    if ROUTING_KEY.fullmatch(pager.routing_key.get_secret_value()):
        return "the routing key has the right shape (not tried: that would page somebody)"
    raise Broken(
        "The routing key is not 32 letters and digits.",
        "Set AUTOPILOT_PAGER__ROUTING_KEY to the integration key of an Events API v2 integration.",
    )


def _model_probes(model: Model) -> Iterator[Probe]:
    """A question per model that may be asked: the steps' own and the fallbacks."""
    if model.kind == "none":
        yield Probe("model", _no_model)
        return
    called: dict[LanguageModel, str] = {}
    for step in get_args(ModelStep):
        called.setdefault(model.order(step)[0], f"model for {step}" if called else "model")
    for name, fallback in model.fallbacks.items():
        called.setdefault(fallback, f"model fallback {name}")
    for one, name in called.items():
        yield Probe(name, functools.partial(_model, one), "Or set model.kind: none to work without a model.")


def _no_model() -> str:
    raise Skipped("model.kind is none: the built-in analyst works alone")


def _model(model: LanguageModel) -> str:
    client = ModelClient(model)
    offered = client.offered(SECONDS)
    if offered is None or client.names_deployments:
        return f"{client.where} answers; whether it has {model.name} is known at the first call"
    if model.name not in offered:
        raise Broken(
            f"{client.where} answers, but does not offer {model.name!r}.",
            f"Set model.name to one of: {', '.join(sorted(offered))[:200]}.",
        )
    return f"{client.where} offers {model.name}"
