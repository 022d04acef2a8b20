"""The least that AWS must allow for what a configuration enables: one policy for reading, one for acting."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autopilot.clients.aws import AwsClients
from autopilot.permissions.actions import ARNS, PASSED_TO, READS, SCALING_ROLE_OF, STORE, WRITES
from autopilot.remediation.base import Tool
from autopilot.settings import Aws, S3Store, Settings
from autopilot.sources.aws import Account
from autopilot.sources.aws_sources import build_aws_sources

Policy = dict[str, object]
"""An IAM policy document."""

MAX_CHARACTERS = 6_144
"""Of a customer managed policy without white space: IAM/latest/UserGuide/reference_iam-quotas.html."""

_PARTITIONS = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))
_GLOBAL = ("iam", "s3")
"""Services whose permissions are not bound to the region that is asked: roles lie in none, buckets are named."""


@dataclass(frozen=True)
class Place:
    """Where the product works, and on what: what ARNs are filled with."""

    regions: tuple[str, ...]
    account: str = "*"
    narrowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Kind of resource → the ARNs (in the form of `ARNS`) that the settings name, in place of all."""

    def arns(self, kinds: Iterable[str]) -> list[str]:
        """The ARNs of kinds of resource; `*` when there is no kind."""
        region = self.regions[0] if len(self.regions) == 1 else "*"
        forms = [form for kind in kinds for form in self.narrowed.get(kind, (ARNS[kind],))]
        filled = [form.replace("{region}", region).replace("{account}", self.account) for form in forms]
        return [f"arn:{self._partition}:{form}" for form in filled] or ["*"]

    @property
    def _partition(self) -> str:
        return next((name for start, name in _PARTITIONS if self.regions[0].startswith(start)), "aws")


def place_of(settings: Settings, account: str = "*") -> Place:
    """The regions and names that the settings list; `account` is the number of the watched account."""
    aws = settings.aws or Aws()
    runbooks = settings.runbooks.automation.values()
    names = [runbook.document.rpartition("document/")[2] for runbook in runbooks]
    paths = [prefix.rstrip("/") for prefix in aws.flag_prefixes]
    narrowed = {
        "ssm parameter": _forms("ssm:{region}:{account}:parameter", paths, ("", "/*")),
        "logs group": _forms("logs:{region}:{account}:log-group:", aws.log_groups, ("", ":*")),
        "ssm document": _forms("ssm:{region}:*:document/", names, ("",)),
        "ssm definition": _forms("ssm:{region}:*:automation-definition/", names, (":*",)),
    }
    if isinstance(settings.store, S3Store):
        bucket, prefix = f"s3:::{settings.store.bucket}", settings.store.prefix.strip("/")
        narrowed |= {"s3 bucket": (bucket,), "s3 object": (f"{bucket}/{prefix}/*" if prefix else f"{bucket}/*",)}
    regions = dict.fromkeys((*aws.regions, *(runbook.region for runbook in runbooks if runbook.region)))
    return Place(tuple(regions), account, {kind: forms for kind, forms in narrowed.items() if forms})


def _forms(head: str, names: Iterable[str], ends: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{head}{name}{end}" for name in dict.fromkeys(names) for end in ends)


def reading_actions(settings: Settings, tools: Iterable[Tool]) -> set[str]:
    """What the sources read, and what the tools look at before and after they act."""
    found = {action for tool in tools for action in tool.permissions if action in READS}
    if settings.aws:
        found |= set(Account.reads)
        found |= {a for source in build_aws_sources(settings.aws, AwsClients(settings.aws)) for a in source.reads}
    return found


def policies(settings: Settings, tools: Iterable[Tool], account: str = "*") -> dict[str, Policy]:
    """`reading`: for observing and proposing, and for the case store; `acting`: what the tools change, and no read.

    A worker that acts has both.
    """
    place, enabled = place_of(settings, account), tuple(tools)
    reads = {action: READS[action] for action in reading_actions(settings, enabled)}
    if isinstance(settings.store, S3Store):
        reads |= STORE
    writes = {action: WRITES[action] for tool in enabled for action in tool.permissions if action in WRITES}
    receivers = {
        PASSED_TO[action]
        for tool in enabled
        if "iam:PassRole" in tool.permissions
        for action in tool.permissions
        if action in PASSED_TO
    }
    return {
        "reading": _policy("Read", reads, place, receivers),
        "acting": _policy("Act", writes, place, receivers),
    }


def _policy(what: str, actions: Mapping[str, tuple[str, ...]], place: Place, receivers: set[str]) -> Policy:
    statements = [
        {
            "Sid": f"{what}{number}",
            "Effect": "Allow",
            "Action": sorted(listed),
            "Resource": place.arns(kinds),
            **_condition(listed[0], place, receivers),
        }
        for number, (listed, kinds) in enumerate(_statements(actions), start=1)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _statements(actions: Mapping[str, tuple[str, ...]]) -> list[tuple[list[str], list[str]]]:
    """(actions, kinds of resource): as few as say the same, for the sake of `MAX_CHARACTERS`.

    Actions of several services share one, as none of them can touch another service's resources; actions of one
    service do not, unless they are for the same kinds.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for action, kinds in sorted(actions.items()):
        service = action.partition(":")[0]
        owner = "" if not kinds else action if service in _GLOBAL else service
        groups.setdefault((owner, kinds), []).append(action)
    shared: dict[tuple[str, int], tuple[list[str], list[str]]] = {}
    seen = Counter[str]()
    for (owner, kinds), listed in groups.items():
        seen[owner] += 1
        alone = owner if not owner or ":" in owner else "regional"
        together = shared.setdefault((alone, seen[owner]), ([], []))
        together[0].extend(listed)
        together[1].extend(kinds)
    return [shared[key] for key in sorted(shared)]


def _condition(action: str, place: Place, receivers: set[str]) -> dict[str, object]:
    service = action.partition(":")[0]
    if action == "iam:PassRole":
        equal: dict[str, object] = {"iam:PassedToService": sorted(receivers)}
    elif action == "iam:CreateServiceLinkedRole":
        equal = {"iam:AWSServiceName": SCALING_ROLE_OF}
    elif service in _GLOBAL:
        return {}
    else:
        equal = {"aws:RequestedRegion": list(place.regions)}
    return {"Condition": {"StringEquals": equal}}
