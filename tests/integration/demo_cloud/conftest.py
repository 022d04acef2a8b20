"""One account for all tests: emulators take seconds to start."""

from collections.abc import AsyncIterator

import pytest_asyncio

from demo.cloud import Cloud


@pytest_asyncio.fixture(scope="session")
async def cloud() -> AsyncIterator[Cloud]:
    """A running account, empty at first."""
    async with Cloud() as running:
        yield running
