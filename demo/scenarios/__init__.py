"""The stories that the simulated company can tell."""

from importlib import import_module

from demo.scenarios.story import Conditions, Release, Scenario

NAMES = ("deploy-throttle",)


def load(name: str) -> Scenario:
    """A scenario by name. Raises KeyError that lists the names there are."""
    if name not in NAMES:
        raise KeyError(f"There is no scenario {name!r}; use one of: {', '.join(NAMES)}.")
    module = import_module(f"demo.scenarios.{name.replace('-', '_')}")
    scenario: Scenario = module.SCENARIO
    return scenario


__all__ = ["NAMES", "Conditions", "Release", "Scenario", "load"]
