"""Our settings: one YAML file, secrets and overrides from the environment. Nothing else reads `os.environ`.

Environment names are `AUTOPILOT_` plus the path joined by double underscores, for example
`AUTOPILOT_SLACK__BOT_TOKEN`. Variables that SDKs read by themselves (AWS_*, TEMPORAL_*) are listed in
docs/operations.md.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from autopilot.incident.playbook import Mode
from autopilot.incident.seal import Keyring
from autopilot.settings_model import Model
from autopilot.settings_problems import explain
from autopilot.settings_section import Section
from autopilot.settings_systems import (
    Alertmanager,
    Bitbucket,
    Datadog,
    GitLab,
    Kubernetes,
    LaunchDarkly,
    Opsgenie,
    PagerDutyApi,
    Runbooks,
    Tools,
    Unleash,
)

DEFAULT_FILE = "autopilot.yaml"


class SettingsError(Exception):
    """The configuration cannot be used; the message names file, line and remedy."""


class SourceBudget(Section):
    """How much one source may ask in one collection."""

    calls: PositiveInt = 300
    seconds: PositiveFloat = 25.0


class Temporal(Section):
    """Where incidents live. TLS and API keys come from Temporal's own environment configuration."""

    address: str = "127.0.0.1:7233"
    namespace: str = "default"
    task_queue: str = "autopilot"
    ui_url: str = "http://127.0.0.1:8233"
    several_machines: bool = False
    """Set when workers or gateway run on more than one machine: a private case folder is then refused."""


class FolderStore(Section):
    """Cases in a folder; every worker and gateway must see the same one."""

    kind: Literal["folder"] = "folder"
    path: Path = Path(".autopilot/cases")
    shared: bool = False
    """Set when the folder is a volume that all machines mount."""


class S3Store(Section):
    """Cases in a bucket."""

    kind: Literal["s3"]
    bucket: str
    prefix: str = "autopilot"
    region: str = "us-east-1"


class Aws(Section):
    """The watched AWS account. Credentials come from the SDK's own chain."""

    regions: tuple[str, ...] = ("us-east-1",)
    log_groups: tuple[str, ...] = ()
    """Log groups to read; empty: those of the services in scope (/aws/lambda/<name> and the like)."""
    flag_prefixes: tuple[Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_.-]+)+/?$")], ...] = ()
    """Paths such as /flags below which SSM parameters are feature flags; nothing else in SSM is read or changed."""
    budget: SourceBudget = SourceBudget(calls=600)
    retries: PositiveInt = 3


class GitHub(Section):
    """Repositories whose deployments and commits are read."""

    base_url: str = "https://api.github.com"
    repositories: dict[str, str] = {}
    """Service → owner/name."""
    token: SecretStr | None = None
    write_token: SecretStr | None = None
    """May push branches and open draft pull requests; without it the patch text is delivered."""
    budget: SourceBudget = SourceBudget()


class ServiceNow(Section):
    """Past incidents are read; tickets are created when `write` is set."""

    base_url: str
    user: str
    password: SecretStr
    write: bool = True
    assignment_group: str = ""
    budget: SourceBudget = SourceBudget()


class Jira(Section):
    """Past tickets are read; tickets are created when `write` is set."""

    base_url: str
    user: str
    token: SecretStr
    project: str
    issue_type: str = "Incident"
    write: bool = False
    budget: SourceBudget = SourceBudget()


class Notes(Section):
    """What your teams know about their services, as one file per service."""

    path: Path
    """Folder of `<service>.yaml` and `<service>.md` files; docs/knowledge.md describes them."""


class Slack(Section):
    """One channel for incidents; interactivity and events arrive at the gateway, signed."""

    base_url: str = "https://slack.com/api/"
    channel: str
    bot_token: SecretStr
    signing_secret: SecretStr


class Pager(Section):
    """PagerDuty Events API v2."""

    base_url: str = "https://events.pagerduty.com"
    routing_key: SecretStr


class SnsTrigger(Section):
    """SNS over HTTP(S). Signatures are always verified."""

    certificate_hosts: tuple[str, ...] = ()
    """Origins besides https://sns.<region>.amazonaws.com that may serve signing certificates."""
    topics: tuple[str, ...] = ()
    """Topic ARNs to accept; empty accepts none."""


class EventBridgeTrigger(Section):
    """EventBridge API destination with an API-key connection."""

    header: str = "x-api-key"
    secret: SecretStr


class Triggers(Section):
    """What may start incidents. A trigger that is not configured does not exist."""

    sns: SnsTrigger | None = None
    eventbridge: EventBridgeTrigger | None = None
    slack_alert_channels: tuple[str, ...] = ()
    """Slack channels whose alert messages start incidents (needs `slack`)."""
    slack_alert_bots: tuple[str, ...] = ()
    """Bot or app ids whose messages count as alerts."""


class Web(Section):
    """The gateway."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = "http://127.0.0.1:8080"
    api_token: SecretStr | None = None
    """Bearer token for POST /api/incidents; without it that route answers 403."""
    max_body: PositiveInt = 262_144


class Identity(Section):
    """Who the command line acts as; shown as unproven."""

    actor: str = "operator"


class Settings(BaseSettings):
    """Everything, validated at start."""

    model_config = SettingsConfigDict(
        env_prefix="AUTOPILOT_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    mode: Mode | None = None
    """Overrides every playbook's mode when set."""
    environment: str = "production"
    temporal: Temporal = Temporal()
    store: Annotated[FolderStore | S3Store, Field(discriminator="kind")] = FolderStore()
    knowledge: Path = Path(".autopilot/knowledge.db")
    audit: Path = Path(".autopilot/audit.db")
    """The record of queries, model calls, decisions and actions; worker and gateway of one machine share it."""
    playbooks: Path = Path("playbooks")
    model: Model = Model()
    aws: Aws | None = None
    github: GitHub | None = None
    servicenow: ServiceNow | None = None
    jira: Jira | None = None
    notes: Notes | None = None
    slack: Slack | None = None
    pager: Pager | None = None
    kubernetes: Kubernetes | None = None
    gitlab: GitLab | None = None
    bitbucket: Bitbucket | None = None
    launchdarkly: LaunchDarkly | None = None
    unleash: Unleash | None = None
    datadog: Datadog | None = None
    alertmanager: Alertmanager | None = None
    pagerduty: PagerDutyApi | None = None
    opsgenie: Opsgenie | None = None
    runbooks: Runbooks = Runbooks()
    tools: Tools = Tools()
    triggers: Triggers = Triggers()
    web: Web = Web()
    identity: Identity = Identity()
    seal_key: SecretStr | None = None
    """Shared by gateway and worker: seals decisions with the sender's proven identity."""
    former_seal_keys: tuple[SecretStr, ...] = ()
    """Still believed, for as long as clicks under them may be open."""
    metrics_address: str = ""
    """`host:port` for Prometheus metrics of the worker; empty: off."""

    def keyring(self) -> Keyring | None:
        """The seal keys; None when none is configured."""
        key = self.seal_key.get_secret_value().encode() if self.seal_key else b""
        former = [text.encode() for one in self.former_seal_keys if (text := one.get_secret_value())]
        return Keyring(key, former) if key else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file: the file is passed to the constructor."""
        return env_settings, init_settings


def load(file: Path | None = None) -> Settings:
    """Read settings from `file`, from $AUTOPILOT_CONFIG, or from ./autopilot.yaml if it exists.

    Raises:
        SettingsError: the file is missing, not YAML, or has unknown or invalid keys.
    """
    named = file or (Path(os.environ["AUTOPILOT_CONFIG"]) if "AUTOPILOT_CONFIG" in os.environ else None)
    path = named or Path(DEFAULT_FILE)
    if named and not path.is_file():
        raise SettingsError(f"The settings file {str(path)!r} does not exist; create it or unset AUTOPILOT_CONFIG.")
    text = path.read_text() if path.is_file() else ""
    try:
        values: object = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{path}:1: the file must be a mapping of sections such as `slack:`.")
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(explain(error, text, str(path))) from error
