"""The two shapes of documents that other tools write, with every field that a playbook can have."""

from datetime import UTC, datetime
from pathlib import Path

SUNDAY = datetime(2026, 11, 15, tzinfo=UTC)

RESPONSE = """\
apiVersion: devops.aws.amazon.com/v1alpha1
kind: IncidentResponse
metadata:
  name: checkout-errors
  namespace: operations
spec:
  triggers:
    - cloudWatchAlarm:
        name: severity-critical
    - cloudWatchAlarm: {name: ["checkout-*", "cart-*"]}
      source: cloudwatch
      service: [checkout, "cart-*"]
      environment: production
      severity: severity-high
      SLO: checkout-availability
      labels: {team: shop}
  mode: autonomous
  analysis:
    agentEnabled: true
    dataSources: [cloudWatchLogs, cloudWatchMetrics, xRay, gitHub, serviceNow]
    maxRounds: 2
    maxOptions: 3
    windows: {baseline: 2h30m, incident: 1800}
    budgets: {rounds: 2, probes: 6, calls: 5, time: 75s, tokens: 60000, usd: 0.5}
    model: gpt-4o
  actions:
    autoRollback:
      enabled: true
      threshold: 5%
    autoScale:
      service: checkout
      targetCPU: 70%
    createTicket:
      tool: ServiceNow
      priority: severity-critical
    grants:
      - tool: dynamodb.set_capacity
        scope: {services: [orders], environments: [staging, production]}
        maxRisk: medium
    rateLimits:
      - {tool: "ecs.*", services: [checkout], times: 2, per: 1h}
    quietHours:
      - {days: [fri, Saturday], from: 22:00, to: "06:00", timezone: Europe/Berlin}
    approvers: [on-call, team-checkout]
    approvals:
      - {tools: ["rds.*"], services: [orders], minRisk: medium, approvers: [slack:U024BE7LH], people: 2}
    escalation:
      - {to: secondary, after: 10m}
      - {to: team-checkout, after: 30m}
  notifications:
    channels:
      - slack:#incidents
      - pagerduty:severity-critical
      - mail:operations@example.com
  ladder: {remind: 5m, pageSecondary: 10m, handOver: 30m, busy: 10m}
  verification: {interval: 30s, window: 60s, settle: 0, stabilisation: 3m, deadline: 10m, manualWatch: 1h}
  severity:
    atLeast: P3
    table: {high: {none: high}}
    many: {errorShare: 2%, users: 100, services: 2, sloBudget: 5%}
  maintenance:
    name: nightly batch
    hours: {from: "02:00", to: "03:00"}
"""

SCHEDULE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: on-call
  namespace: operations
  labels: {app: on-call}
data:
  timezone: Europe/Berlin
  schedule.yaml: |
    # Weeks begin on the day that is written.
    - week: "2026-11-11"
      primary: kim
      secondary: noor
      services: [checkout, orders]
    - week: 2026-11-18
      repeatWeeks: 1
      primary: team-checkout
      secondary: kim
      services: [checkout, orders]
  all-else.yaml: |
    schedule:
      - primary: noor
    overrides:
      - from: 2026-11-20T08:00:00
        to: 2026-11-20T20:00:00
        primary: pagerduty:PDUTY1
"""


def write(folder: Path, **files: str) -> Path:
    """A folder with these documents."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder
