"""Bytes under keys: the two places a case store can write to."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from autopilot.incident.ports import Failure

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class NotStored(Failure):
    """Nothing is stored under the key."""

    def __init__(self, uri: str) -> None:
        """`uri` is the store-relative key."""
        super().__init__(
            f"Nothing is stored under {uri!r}; check that all workers and gateways use the same case store.",
            who="operator",
        )


class Backend(Protocol):
    """Where bytes go. Keys were checked before."""

    def write(self, key: str, content: bytes, media_type: str) -> None:
        """Write or replace, atomically."""
        ...

    def create(self, key: str, content: bytes, media_type: str) -> bool:
        """Write unless something is there already; whether it was written."""
        ...

    def read(self, key: str) -> bytes:
        """The bytes. Raises NotStored."""
        ...


class Folder:
    """A local or mounted folder."""

    def __init__(self, path: Path) -> None:
        """`path` need not exist yet."""
        self._path = path

    def _temporary(self, key: str, content: bytes) -> tuple[Path, Path]:
        """The content in a file beside its target, flushed to disk."""
        target = self._path / key
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".writing-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return Path(name), target

    def write(self, key: str, content: bytes, media_type: str) -> None:  # noqa: ARG002 - files have no media type
        """See `Backend`."""
        try:
            temporary, target = self._temporary(key, content)
            temporary.replace(target)
        except OSError as error:
            raise self._failure(key, error) from error

    def create(self, key: str, content: bytes, media_type: str) -> bool:  # noqa: ARG002 - files have no media type
        """See `Backend`. A hard link is the atomic way to create a whole file only if there is none."""
        try:
            temporary, target = self._temporary(key, content)
            try:
                target.hardlink_to(temporary)
            except FileExistsError:
                return False
            finally:
                temporary.unlink()
        except OSError as error:
            raise self._failure(key, error) from error
        return True

    def read(self, key: str) -> bytes:
        """See `Backend`."""
        try:
            return (self._path / key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotStored(key) from None
        except OSError as error:
            raise self._failure(key, error) from error

    def _failure(self, key: str, error: OSError) -> Failure:
        reason = error.strerror or type(error).__name__
        return Failure(
            f"The case store {str(self._path)!r} failed on {key!r}: {reason}; check its space and permissions.",
            who="operator" if isinstance(error, PermissionError) else "retry",
        )


_MISSING = {"NoSuchKey", "404", "NotFound"}
_EXISTS = {"PreconditionFailed", "412"}
_DENIED = {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket"}


class S3:
    """A bucket below a prefix."""

    def __init__(self, bucket: str, prefix: str, client: "S3Client") -> None:
        """The bucket must exist."""
        self._bucket, self._client = bucket, client
        self._prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""

    def write(self, key: str, content: bytes, media_type: str) -> None:
        """See `Backend`."""
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + key, Body=content, ContentType=media_type
            )
        except (ClientError, BotoCoreError) as error:
            raise self._failure(key, error) from error

    def create(self, key: str, content: bytes, media_type: str) -> bool:
        """See `Backend`."""
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + key, Body=content, ContentType=media_type, IfNoneMatch="*"
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _EXISTS:
                return False
            raise self._failure(key, error) from error
        except BotoCoreError as error:
            raise self._failure(key, error) from error
        return True

    def read(self, key: str) -> bytes:
        """See `Backend`."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING:
                raise NotStored(key) from None
            raise self._failure(key, error) from error
        except BotoCoreError as error:
            raise self._failure(key, error) from error

    def _failure(self, key: str, error: Exception) -> Failure:
        code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
        return Failure(
            f"Bucket {self._bucket!r} failed on {self._prefix + key!r}: {code or type(error).__name__}; check that "
            "the bucket exists and that the worker may s3:GetObject and s3:PutObject there.",
            who="operator" if code in _DENIED else "retry",
        )
