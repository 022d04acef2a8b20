"""Probe `deploy_diff`: what did a change of a service edit, and what was said about it in review?"""

from autopilot.analysis.probes.probe import ProbeArguments, ProbeKind
from autopilot.incident.base import Name


class DeployDiffProbe(ProbeArguments):
    """A change of a service."""

    change: Name
    """Id of the change (deploy, commit, flag, configuration); empty for the last one before the first symptom."""


PROBE = ProbeKind(
    "What did a change of a service edit: files, telling lines, commit messages, review comments, author? "
    "`absent` means that no change of the service came before the first symptom.",
    DeployDiffProbe,
    ("changes", "inventory"),
)
