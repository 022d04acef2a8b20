"""The catalogue: every tool that the configuration enables, by name."""

from collections.abc import Iterable, Sequence

from autopilot.channels.base import Pager, TicketSystem
from autopilot.clients.aws import AwsClients
from autopilot.remediation.base import Candidate, Context, Tool
from autopilot.remediation.dynamodb import SetCapacity
from autopilot.remediation.dynamodb_scaler import RestoreAutoscaling
from autopilot.remediation.dynamodb_scaling import EnableAutoscaling
from autopilot.remediation.ecs import Rollback, Scale
from autopilot.remediation.ecs_deployment import ForceDeployment
from autopilot.remediation.lambda_ import RollbackAlias, SetConcurrency
from autopilot.remediation.pager import PagePerson
from autopilot.remediation.rds import Reboot, ScaleInstance
from autopilot.remediation.tickets import CreateTicket, UpdateTicket
from autopilot.settings import Settings


class Catalogue:
    """Tools in a stable order; names are unique."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        """Raises ValueError when two tools share a name: a decision could not say which one it approved."""
        self.tools: tuple[Tool, ...] = tuple(tools)
        self._by_name = {tool.name: tool for tool in self.tools}
        if len(self._by_name) != len(self.tools):
            raise ValueError("two tools of the catalogue have the same name")

    def find(self, name: str) -> Tool | None:
        """The tool with this name, if the configuration enables it."""
        return self._by_name.get(name)

    def candidates(self, context: Context) -> tuple[Candidate, ...]:
        """Every step that some tool offers on some item of the inventory."""
        return tuple(c for item in context.inventory for tool in self.tools for c in tool.candidates(item, context))


def _aws_tools(clients: AwsClients, once: AwsClients) -> tuple[Tool, ...]:
    return (
        RollbackAlias(clients),
        SetConcurrency(clients),
        SetCapacity(clients),
        EnableAutoscaling(clients),
        RestoreAutoscaling(clients),
        Rollback(clients),
        Scale(clients),
        ForceDeployment(clients, once),
        ScaleInstance(clients),
        Reboot(clients, once),
    )


def build_catalogue(
    settings: Settings,
    aws: AwsClients | None = None,
    ticket_systems: Sequence[TicketSystem] = (),
    pager: Pager | None = None,
) -> Catalogue:
    """The tools that the settings enable.

    Args:
        settings: what is configured; without an `aws` section there are no AWS tools.
        aws: clients of the watched account.
        ticket_systems: those that may be written to, the preferred one first.
        pager: the pager, if there is one.
    """
    tools: list[Tool] = []
    if settings.aws is not None and aws is not None:
        # Calls that take no token must not be repeated by the SDK behind our back.
        once = AwsClients(settings.aws.model_copy(update={"retries": 1}))
        tools += _aws_tools(aws, once)
    if ticket_systems:
        tools += [CreateTicket(tuple(ticket_systems)), UpdateTicket(tuple(ticket_systems))]
    if pager is not None:
        tools.append(PagePerson(pager))
    return Catalogue(tools)
