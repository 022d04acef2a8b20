"""CloudFormation: stacks with the state of their last update."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import MAX_PAGES, SERVICE_TAG, AwsSource, console, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.inventory import in_scope, iso, item, nearest, observed

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef


class CloudFormation(AwsSource):
    """Stacks; nested ones belong to their root, which is what can be rolled back."""

    name = "cloudformation"
    reads = ("cloudformation:DescribeStacks", "cloudformation:ListStacks")

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every root stack near the scope; updates in the time range are changes."""
        listing = self.clients.cloudformation(region).get_paginator("describe_stacks").paginate()
        found = [stack for page in pages(budget, listing, "NextToken", MAX_PAGES) for stack in page["Stacks"]]
        into.asked(
            "cloudformation DescribeStacks", None, len(found), link=console(region, "cloudformation/home#/stacks")
        )
        roots = [(_owner(stack), stack) for stack in found if not stack.get("ParentId")]
        if not roots:
            into.miss("no_data", f"no CloudFormation stacks in {region}")
            return
        for service, stack in nearest(scope, roots, f"stacks in {region}", into):
            name, settings = stack["StackName"], _settings(stack)
            row = item(
                "cloudformation_stack", stack.get("StackId", ""), name=name, service=service, region=region,
                settings=settings, health=str(settings["status"]), source=self.name,
            )  # fmt: skip
            into.add("inventory", frame("inventory", [row]))
            body: dict[str, object] = {**settings, "reason": stack.get("StackStatusReason", "")[:500]}
            state = observed(
                datetime.now(UTC), "cloudformation_stack", name=name, service=service, region=region, body=body
            )
            into.add("state", frame("state", [state]))
            into.add("changes", frame("changes", _changes(stack, service, region, scope)))


def _owner(stack: "StackTypeDef") -> str:
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
    return tags.get(SERVICE_TAG) or stack["StackName"]


def _settings(stack: "StackTypeDef") -> dict[str, Scalar]:
    return {
        "status": stack["StackStatus"],
        "updated_at": iso(stack.get("LastUpdatedTime")),
        "keeps_failed_resources": stack.get("DisableRollback", False),
    }


def _changes(stack: "StackTypeDef", service: str, region: str, scope: Scope) -> list[dict[str, object]]:
    """The last update (or the creation), where it was in the time range."""
    name, at = stack["StackName"], stack.get("LastUpdatedTime", stack["CreationTime"])
    if not in_scope(scope, at):
        return []
    return [
        {
            "time": at,
            "id": f"{CloudFormation.name}:{name}:{at.isoformat()}",
            "kind": "deploy",
            "service": service,
            "resource": name,
            "region": region,
            "summary": f"stack {name}: {stack['StackStatus'].lower().replace('_', ' ')}",
            "link": console(region, f"cloudformation/home#/stacks/events?stackId={stack.get('StackId', '')}"),
        }
    ]
