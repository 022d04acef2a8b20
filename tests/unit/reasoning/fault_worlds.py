"""Worlds that tempt an analyst to say too much: noise, silence, and two faults at once."""

import numpy as np

from autopilot.case.case import Case
from tests.unit.analysis.story import MINUTES, Story, orders_table, record_deploy, shop


def noisy_and_well(seed: int) -> Case:
    """Nothing is wrong; machines spike, lines warn, everything varies more than usual."""
    story = Story(seed)
    traffic = story.steps(600, noise=0.08)
    orders_table(story, traffic, story.steps(4, noise=0.05))
    shop(story, traffic, story.steps(850, noise=0.1), traffic * 0.002)
    for number in range(6):
        name = f"node-{number}"
        spikes = story.steps(40, noise=0.25)
        spikes[story.random.integers(0, MINUTES, 8)] *= 2
        story.metric(name, "AWS/EC2", "CPUUtilization", "Average", "Percent", spikes, InstanceId=name)
        received = story.steps(1e6, noise=0.5)
        story.metric(name, "AWS/EC2", "NetworkIn", "Sum", "Bytes", received, InstanceId=name)
        story.logs(name, "WARN", "clock drift of {n} us corrected", 180, 0.5)
    return story.case()


def heavy_release(seed: int, *, noise: bool = False) -> Story:
    """A release reads more per request, so that the table rejects reads; with noise around it on demand."""
    story = Story(seed)
    traffic = story.steps(600)
    hurt = orders_table(story, traffic, story.steps(4, (15, 16.0), noise=0.03)) > 0.02
    varied = 1 + 0.05 * story.random.standard_normal(MINUTES)
    shop(story, traffic, (850 + 350 * hurt) * varied, traffic * (0.002 + 0.12 * hurt))
    record_deploy(story, 15)
    story.logs("checkout", "ERROR", "ProvisionedThroughputExceededException on table orders, request {n}", 14, 30)
    for number in range(6 if noise else 0):
        name = f"node-{number}"
        spikes = story.steps(40, noise=0.25)
        spikes[story.random.integers(0, MINUTES, 8)] *= 2
        story.metric(name, "AWS/EC2", "CPUUtilization", "Average", "Percent", spikes, InstanceId=name)
        story.logs(name, "ERROR", "lease {n} renewed late", 180, 0.3)
    return story


def two_faults(seed: int) -> Case:
    """The heavy release, and on its own a service beside it that runs out of memory."""
    story = heavy_release(seed)
    story.services = ("checkout", "orders", "suggest")
    broken = np.arange(MINUTES) >= MINUTES - 14
    memory, requests = story.steps(48), story.steps(300)
    memory[broken] = np.linspace(60, 99, 14)
    for metric, statistic, unit, values in (
        ("MemoryUtilization", "Average", "Percent", memory),
        ("RequestCount", "Sum", "Count", requests),
        ("Latency", "Average", "Milliseconds", story.steps(40, (14, 300))),
        ("5XXError", "Sum", "Count", np.round(requests * np.where(broken, 0.2, 0.001))),
    ):
        story.metric("suggest", "AWS/ECS", metric, statistic, unit, values, ServiceName="suggest")
    story.logs("suggest", "ERROR", "Container {n} was OOMKilled", 13, 4)
    return story.case()


def nothing_collected(seed: int) -> Case:
    """An alarm, and no source that answers."""
    return Story(seed).case()
