"""The simulated company's AWS account."""

from demo.cloud.cloud import Cloud
from demo.cloud.ledger import CloudWrite, Held, Stage

__all__ = ["Cloud", "CloudWrite", "Held", "Stage"]
