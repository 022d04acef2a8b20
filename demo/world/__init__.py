"""The simulated world that keeps the company's telemetry going."""

from demo.world.world import Truth, World

__all__ = ["Truth", "World"]
