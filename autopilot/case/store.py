"""Where cases live: immutable parts, write-once manifests and documents, in a folder or in S3.

Keys are relative to the store: `<incident>/r<revision>/<source>-<table>-<hash>.parquet`,
`<incident>/r<revision>/manifest.json`, `<incident>/documents/<name>`.
"""

import hashlib
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import polars as pl

from autopilot.case.backend import S3, Backend, Folder
from autopilot.case.schema import conform
from autopilot.incident.evidence import CaseManifest, CasePart, Document, Table
from autopilot.incident.ports import Failure
from autopilot.settings import FolderStore, S3Store

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

MAX_DOCUMENT = 64 * 1024 * 1024
"""Bytes; larger documents are refused."""

_SEGMENT = re.compile(r"[A-Za-z0-9_=@+][A-Za-z0-9._=@+-]{0,199}")


class PartStore(Protocol):
    """The collector's side of a case store."""

    def put_part(self, incident_id: str, revision: int, source: str, table: Table, data: pl.DataFrame) -> CasePart:
        """Store the rows of one table that a source gathered."""
        ...


def checked_key(*segments: str) -> str:
    """Join path segments into a key; refuses anything that could leave its place in the store."""
    parts = [part for segment in segments for part in segment.split("/")]
    if len(parts) > 12 or not all(_SEGMENT.fullmatch(part) for part in parts):
        raise Failure(
            f"{'/'.join(segments)[:200]!r} is not a case store key; "
            "use letters, digits and . _ - = @ + between slashes.",
            who="developer",
        )
    return "/".join(parts)


def document_uri(incident_id: str, name: str) -> str:
    """Where `put` keeps a document of that name."""
    return checked_key(incident_id, "documents", name)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _check_size(name: str, content: bytes) -> None:
    if len(content) > MAX_DOCUMENT:
        raise Failure(f"Document {name!r} has {len(content)} bytes; the limit is {MAX_DOCUMENT}.", who="developer")


class StoredCases:
    """A case store over some backend; see `FolderCaseStore` and `S3CaseStore`."""

    def __init__(self, backend: Backend) -> None:
        """Nothing is contacted yet."""
        self._backend = backend

    def put_part(self, incident_id: str, revision: int, source: str, table: Table, data: pl.DataFrame) -> CasePart:
        """Store rows as one Parquet file (zstd). Equal rows get the same key, so a retry adds nothing."""
        rows = conform(table, data)
        buffer = io.BytesIO()
        rows.write_parquet(buffer, compression="zstd", statistics=False)
        content = buffer.getvalue()
        checksum = _sha256(content)
        uri = checked_key(incident_id, f"r{revision}", f"{source}-{table}-{checksum[:12]}.parquet")
        self._backend.write(uri, content, "application/vnd.apache.parquet")
        return CasePart(table=table, source=source, uri=uri, sha256=checksum, rows=rows.height, size=len(content))

    def seal(self, manifest: CaseManifest) -> CaseManifest:
        """Write a manifest once. Equal content again is fine; other content for the same revision is refused."""
        uri = checked_key(manifest.scope.incident_id, f"r{manifest.revision}", "manifest.json")
        sealed = manifest.model_copy(update={"uri": uri})
        content = sealed.model_dump_json().encode()
        if not self._backend.create(uri, content, "application/json") and self._backend.read(uri) != content:
            raise Failure(
                f"Case revision {manifest.revision} of {manifest.scope.incident_id!r} is sealed with other "
                "content; collect into a new revision.",
                who="developer",
            )
        return sealed

    def put(self, incident_id: str, name: str, content: bytes, media_type: str) -> Document:
        """Store a document under `document_uri(incident_id, name)`; the same name again replaces it whole."""
        _check_size(name, content)
        uri = document_uri(incident_id, name)
        self._backend.write(uri, content, media_type)
        return Document(uri=uri, sha256=_sha256(content), size=len(content), media_type=media_type)

    def create(self, incident_id: str, name: str, content: bytes, media_type: str) -> bool:
        """Store a document unless there is one of that name already; whether it was stored."""
        _check_size(name, content)
        return self._backend.create(document_uri(incident_id, name), content, media_type)

    def get(self, uri: str) -> bytes:
        """Read a part, manifest or document. Raises NotStored when there is none."""
        return self._backend.read(checked_key(uri))


class FolderCaseStore(StoredCases):
    """Cases in a folder. Writes are atomic: a reader sees the whole file or none."""

    def __init__(self, path: "Path") -> None:
        """The folder is created at the first write."""
        super().__init__(Folder(path))


class S3CaseStore(StoredCases):
    """Cases in a bucket below a prefix."""

    def __init__(self, bucket: str, prefix: str, client: "S3Client") -> None:
        """The bucket must exist; the worker needs s3:GetObject and s3:PutObject below the prefix."""
        super().__init__(S3(bucket, prefix, client))


def open_store(settings: FolderStore | S3Store, s3: "Callable[[str], S3Client] | None" = None) -> StoredCases:
    """The store that settings ask for; `s3` builds a client for a region (`AwsClients.s3`)."""
    if isinstance(settings, FolderStore):
        return FolderCaseStore(settings.path)
    if s3 is None:
        raise Failure(
            "The case store is S3 but no S3 client was given; open it with AwsClients.s3.", who="developer"
        )
    return S3CaseStore(settings.bucket, settings.prefix, s3(settings.region))
