"""Which CloudTrail events are changes, of what kind, and what they changed. Data, not code."""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from autopilot.sources.json_shape import is_list, is_mapping

ChangeKind = Literal["deploy", "config", "scaling", "maintenance"]

_KINDS: dict[ChangeKind, tuple[str, ...]] = {
    "deploy": (
        "UpdateFunctionCode", "PublishVersion", "CreateFunction", "UpdateAlias", "CreateAlias", "UpdateService",
        "RegisterTaskDefinition", "CreateDeployment", "ExecuteChangeSet", "CreateStack", "UpdateStack",
        "StartInstanceRefresh", "CreateLaunchTemplateVersion",
    ),
    "scaling": (
        "UpdateTable", "RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy",
        "DeleteScalingPolicy",
        "PutFunctionConcurrency", "DeleteFunctionConcurrency", "PutProvisionedConcurrencyConfig",
        "DeleteProvisionedConcurrencyConfig", "SetDesiredCapacity", "UpdateAutoScalingGroup",
        "ModifyReplicationGroup",
    ),
    "maintenance": (
        "RebootDBInstance", "FailoverDBCluster", "RebootInstances", "StopInstances", "StartInstances", "StopTask",
        "ApplyPendingMaintenanceAction", "RestoreTableFromBackup", "StopDBInstance", "StartDBInstance",
    ),
}  # fmt: skip
_BY_NAME: dict[str, ChangeKind] = {name: kind for kind, names in _KINDS.items() for name in names}

_CONFIGURATION = re.compile(
    r"^(Update|Modify|Put|Create|Delete|Set|Attach|Detach|Add|Remove|Authorize|Revoke|Associate|Disassociate|Change|"
    r"Enable|Disable|Register|Deregister|Import|Rotate|Schedule)[A-Z]"
)
"""Any other write that alters something counts as configuration …"""
_TRAFFIC = re.compile(
    r"^(PutMetricData|PutLogEvents|CreateLog(Stream|Group)|PutTrace\w+|Put(Item|Object|Records?|Events|Metric\w+)|"
    r"(Update|Delete|BatchWrite)Item|DeleteObjects?|DeleteMessage\w*|CreateMultipartUpload|CreateNetworkInterface|"
    r"Delete(LogStream|NetworkInterface)|CreateGrant|SetAlarmState|UpdateInstanceInformation|PutComplianceItems|"
    r"RegisterContainerInstance|UpdateContainerInstancesState|PutEvaluations|CreateBucket|CreateSession)$"
)
"""… except the traffic of applications and agents."""

_RESOURCES: tuple[tuple[str, str], ...] = (
    ("functionName", "function"), ("tableName", "table"), ("service", "container"), ("serviceName", "container"),
    ("dBInstanceIdentifier", "database"), ("dbInstanceIdentifier", "database"), ("restApiId", "api_id"),
    ("queueName", "queue"), ("resourceId", "scalable"), ("alarmName", "alarm"), ("secretId", "secret"),
    ("logGroupName", "log_group"), ("name", "name"), ("family", "family"), ("stackName", "stack"),
)  # fmt: skip
"""Request parameter → kind of resource, the most telling first. Compared without case: services differ."""

_SECRET = re.compile(
    r"environment|variable|password|secret|token|credential|zipfile|policy|userdata", re.IGNORECASE
)
MAX_PARAMETERS = 1_500


def change_kind(event_name: str) -> ChangeKind | None:
    """What kind of change an event is; None when it is none."""
    plain = re.sub(r"\d{8}(v\d+)?$", "", event_name)  # Lambda appends its API version to event names
    if plain in _BY_NAME:
        return _BY_NAME[plain]
    return "config" if _CONFIGURATION.match(plain) and not _TRAFFIC.match(plain) else None


def target(parameters: Mapping[str, Any]) -> tuple[str, str]:
    """(kind, name) of the resource that a request was about; ARNs and paths are cut to the name."""
    lowered = {key.lower(): value for key, value in parameters.items()}
    for key, kind in _RESOURCES:
        value = lowered.get(key.lower())
        if isinstance(value, str) and value:
            return kind, _name(kind, value)
    return "", ""


def _name(kind: str, value: str) -> str:
    if kind == "function" and ":function:" in value:
        return value.split(":function:")[1].split(":", maxsplit=1)[0]
    return value.rsplit("/", maxsplit=1)[-1] if kind in {"container", "table", "scalable"} else value


def told(parameters: Mapping[str, Any]) -> str:
    """The request's parameters as JSON, bounded; whatever may hold a secret is left out by name."""

    def kept(value: object, depth: int) -> object:
        if is_mapping(value):
            pairs = value.items() if depth else ()
            return {key: kept(inner, depth - 1) for key, inner in pairs if not _SECRET.search(key)}
        if is_list(value):
            return [kept(item, depth - 1) for item in value[:10]] if depth else []
        return value

    return json.dumps(kept(dict(parameters), 4), sort_keys=True)[:MAX_PARAMETERS]
