"""Alert messages as other bots post them into a Slack channel: Datadog's and CloudWatch's (AWS chat bot)."""

from dataclasses import dataclass
from datetime import datetime

from demo.saas.server import Json

DATADOG_BOT, AWS_BOT = "B0DATADOG", "B0AWSCHAT"


@dataclass(frozen=True)
class AlertText:
    """What an alert message tells."""

    name: str
    service: str
    summary: str
    """Such as `avg latency over the last 5 minutes is 1240 ms (limit 1000 ms)`."""
    at: datetime
    region: str = "us-east-1"
    account: str = "000000000000"
    environment: str = "production"
    link: str = "https://app.datadoghq.com/monitors/123456"


def datadog_message(alert: AlertText, *, recovered: bool = False) -> Json:
    """The monitor message of Datadog's Slack integration."""
    state = "Recovered" if recovered else "Triggered"
    title = f"{state}: [{alert.name}] on service:{alert.service},env:{alert.environment}"
    attachment = {
        "id": 1,
        "color": "2eb886" if recovered else "a30200",
        "fallback": title,
        "title": title,
        "title_link": alert.link,
        "text": f"{alert.summary}\n\n@slack-incidents",
        "fields": [
            {"title": "Tags", "value": f"env:{alert.environment}, region:{alert.region}, service:{alert.service}",
             "short": False},
        ],
        "footer": f"<{alert.link}|Monitor> | Metric value at {alert.at:%a %b %d %Y %H:%M:%S} UTC",
        "ts": int(alert.at.timestamp()),
        "mrkdwn_in": ["text"],
    }  # fmt: skip
    return {"bot_id": DATADOG_BOT, "username": "Datadog", "subtype": "bot_message", "text": "",
            "attachments": [attachment]}  # fmt: skip


def cloudwatch_message(alert: AlertText, *, recovered: bool = False) -> Json:
    """The alarm message of the AWS chat bot (Amazon Q Developer in chat applications)."""
    state = "OK" if recovered else "ALARM"
    title = f"CloudWatch Alarm | {alert.name} | {alert.region} | Account: {alert.account}"
    mark = ":white_check_mark:" if recovered else ":rotating_light:"
    attachment = {
        "id": 1,
        "color": "2eb886" if recovered else "d13212",
        "fallback": f"{title}: {alert.summary}",
        "title": f"{mark} {title}",
        "title_link": alert.link,
        "text": f"*Alarm description*\n{alert.summary}",
        "fields": [
            {"title": "State", "value": state, "short": True},
            {"title": "Service", "value": alert.service, "short": True},
            {"title": "Changed", "value": f"{alert.at:%Y-%m-%dT%H:%M:%S.000+0000}", "short": True},
            {"title": "Region", "value": alert.region, "short": True},
        ],
        "footer": f"Tags: service={alert.service}, environment={alert.environment}",
        "mrkdwn_in": ["text"],
    }
    return {"bot_id": AWS_BOT, "username": "Amazon Q", "subtype": "bot_message", "text": "",
            "attachments": [attachment]}  # fmt: skip
