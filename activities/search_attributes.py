"""The one registry of search attributes: what the Temporal UI can filter and sort incidents by."""

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
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


async def missing(client: Client) -> list[str]:
    """The names that this Temporal namespace does not know: upserting one would wedge a workflow."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    known = await client.operator_service.list_search_attributes(request)
    return [name for name in TYPES if name not in known.custom_attributes]
