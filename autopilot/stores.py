"""The case store that settings ask for, opened the same way by worker, gateway and analysis processes."""

from autopilot.case.store import StoredCases, open_store
from autopilot.clients.aws import AwsClients
from autopilot.settings import Aws, S3Store, Settings


def open_case_store(settings: Settings) -> StoredCases:
    """Open it; a folder is created, a bucket must exist. Nothing is contacted yet."""
    if not isinstance(settings.store, S3Store):
        return open_store(settings.store)
    return open_store(settings.store, AwsClients(settings.aws or Aws()).s3)
