"""Alert payloads in the shapes their senders use."""

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

from autopilot.channels.slack_wire import ACTION_OPTION, ButtonValue


def alarm(state: str = "ALARM", **changes: object) -> str:
    """What an alarm action publishes on AWS."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    fields: dict[str, object] = {
        "AlarmName": "lambda-duration", "AlarmDescription": "Severity: critical", "AWSAccountId": "000000000000",
        "NewStateValue": state, "OldStateValue": "OK", "NewStateReason": "Threshold Crossed",
        "StateChangeTime": now, "Region": "US East (N. Virginia)",
        "AlarmArn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:lambda-duration",
        "Trigger": {
            "MetricName": "Duration", "Namespace": "AWS/Lambda", "StatisticType": "Statistic",
            "Statistic": "AVERAGE", "Unit": None, "Dimensions": [{"value": "checkout", "name": "FunctionName"}],
            "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1000.0,
        },
    }  # fmt: skip
    return json.dumps(fields | changes)


def event(**changes: object) -> dict[str, object]:
    """An EventBridge alarm event."""
    reason = "1 datapoint [12.0 (21/11/26 03:14:00)] was greater than or equal to the threshold (1.0)."
    base: dict[str, object] = {
        "version": "0", "id": "ev-1", "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
        "account": "000000000000", "time": datetime.now(UTC).isoformat(), "region": "us-east-1",
        "resources": ["arn:aws:cloudwatch:us-east-1:000000000000:alarm:orders-throttles"],
        "detail": {
            "alarmName": "orders-throttles",
            "configuration": {"metrics": [{"id": "m1", "returnData": True, "metricStat": {
                "metric": {"namespace": "AWS/DynamoDB", "name": "ReadThrottleEvents",
                           "dimensions": {"TableName": "orders"}},
                "period": 60, "stat": "Sum"}}]},
            "previousState": {"value": "OK"},
            "state": {"value": "ALARM", "reason": reason, "timestamp": datetime.now(UTC).isoformat()},
        },
    }  # fmt: skip
    return base | changes


def slack_event(message: dict[str, object], **changes: object) -> str:
    """An Events API request with a message."""
    event: dict[str, object] = {
        "type": "message",
        "channel": "C0ALERTS",
        "bot_id": "B0DATADOG",
        "ts": "1795230900.000100",
    }
    outer: dict[str, object] = {
        "type": "event_callback", "event_id": "Ev1", "team_id": "T1", "api_app_id": "A0SELF",
        "authorizations": [{"user_id": "U0SELF"}], "event": event | message,
    }  # fmt: skip
    return json.dumps(outer | changes)


DATADOG: dict[str, object] = {
    "subtype": "bot_message",
    "text": "",
    "attachments": [
        {
            "title": "Triggered: [P1] checkout latency is high",
            "title_link": "https://app.datadoghq.com/monitors/42?from=slack",
            "text": "avg(last_5m):avg:aws.lambda.duration{functionname:checkout} by {region} &gt; 1000\n"
            "Metric value: 1240.5",
            "fields": [{"title": "Tags", "value": "service:checkout, env:staging, region:us-east-1"}],
        }
    ],
}

CHATBOT: dict[str, object] = {
    "bot_id": "B0AWS",
    "app_id": "A0AWS",
    "text": "",
    "attachments": [
        {
            "fallback": ":rotating_light: CloudWatch Alarm | checkout-api-latency | us-east-1 | "
            "Account: 000000000000",
            "title": "<https://us-east-1.console.aws.amazon.com/x|:rotating_light: CloudWatch Alarm | "
            "checkout-api-latency | us-east-1 | Account: 000000000000>",
            "text": "1 datapoint [1850.0 (21/11/26 03:14:00)] was greater than the threshold (1000.0).",
            "fields": [{"title": "ApiName", "value": "checkout-api"}],
        }
    ],
}


def click(group: str, option: int | None = 1, action: str = f"{ACTION_OPTION}1", choice: str = "option") -> str:
    """Slack's form for a pressed button."""
    value = ButtonValue(
        group=group, incident_id=f"{group}.aa", plan_revision=1, plan_digest="d", choice=choice, option=option
    )
    payload = {
        "type": "block_actions",
        "user": {"id": "U024BE7LH", "username": "kim", "name": "kim"},
        "container": {"message_ts": "1795230900.000100", "channel_id": "C0INCIDENTS"},
        "actions": [{"action_id": action, "value": value.wire(), "action_ts": "1795230999.5"}],
        "response_url": "https://hooks.slack.com/actions/T/1/x",
        "trigger_id": "trigger-1",
    }
    return urlencode({"payload": json.dumps(payload)})
