"""The one registry of search attributes: what the Temporal UI can filter and sort incidents by."""

from temporalio.common import SearchAttributeKey

STATE = SearchAttributeKey.for_keyword("IncidentState")
SEVERITY = SearchAttributeKey.for_keyword("IncidentSeverity")
SERVICE = SearchAttributeKey.for_keyword("IncidentService")
ENVIRONMENT = SearchAttributeKey.for_keyword("IncidentEnvironment")
APPROVAL = SearchAttributeKey.for_keyword("ApprovalState")
RISK = SearchAttributeKey.for_keyword("PlanRisk")
OUTCOME = SearchAttributeKey.for_keyword("IncidentOutcome")
SERVICES = SearchAttributeKey.for_keyword_list("IncidentServices")
DEADLINE = SearchAttributeKey.for_datetime("ApprovalDeadline")

TYPES: dict[str, str] = {
    **{key.name: "Keyword" for key in (STATE, SEVERITY, SERVICE, ENVIRONMENT, APPROVAL, RISK, OUTCOME)},
    SERVICES.name: "KeywordList",
    DEADLINE.name: "Datetime",
}
"""Name → type as `temporal operator search-attribute create` spells it."""
