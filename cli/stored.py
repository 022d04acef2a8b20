"""Find a stored case by what a person has at hand: an incident id, a file or folder, or an address in the store."""

import re
from pathlib import Path

from pydantic import ValidationError

from autopilot.case.backend import NotStored
from autopilot.case.store import FolderCaseStore, StoredCases
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.ports import Failure
from autopilot.settings import FolderStore, S3Store, Settings, load
from autopilot.stores import open_case_store

_MANIFEST = "manifest.json"
_MOST_REVISIONS = 1_000
_KEY = re.compile(r"(?P<incident>[^/]+)(?:/r(?P<revision>\d{1,4})(?:/manifest\.json)?)?/?")
"""An incident id, or the store-relative key of one of its revisions."""
_BUCKET = re.compile(rf"s3://(?P<bucket>[^/]+)/(?:(?P<prefix>.+?)/)??(?P<key>{_KEY.pattern})")


class NoCase(Failure):
    """There is no such case; whoever asked can name another one."""


def find_case(given: str, revision: int | None, config: Path | None) -> tuple[StoredCases, CaseManifest]:
    """The store and manifest of a case, the newest revision unless one is named.

    Args:
        given: A manifest file, a folder that holds one or the revisions of one, `s3://bucket/prefix/INCIDENT…`, a
            store-relative key, or an incident id.
        revision: Which revision, instead of the newest.
        config: The settings file; it is read only when the configured store is asked.

    Raises:
        NoCase: nothing is there, or it is not a case.
        Failure: the store cannot be read.
        SettingsError: the settings cannot be used.
    """
    path = Path(given)
    if path.exists():
        return _in_folder(path, revision)
    bucket = _BUCKET.fullmatch(given)
    key = _KEY.fullmatch(bucket["key"] if bucket else given)
    if key is None or (given.startswith("s3://") and bucket is None):
        raise NoCase(
            f"{given!r} is neither an existing file or folder, nor an incident id, nor INCIDENT/rN or "
            "s3://BUCKET/PREFIX/INCIDENT of a case store; check the spelling."
        )
    settings = load(config)
    store = open_case_store(_for_bucket(settings, bucket) if bucket else settings)
    wanted = int(key["revision"]) if revision is None and key["revision"] else revision
    if wanted is not None and wanted < 1:
        raise NoCase(f"Revisions count from 1; there is no revision {wanted} of {key['incident']!r}.")
    incident = key["incident"] if bucket else _whole_id(key["incident"], settings)
    return store, _newest(store, incident, wanted)


def _for_bucket(settings: Settings, bucket: re.Match[str]) -> Settings:
    """The settings with another bucket as their store; the region stays that of the configured one."""
    region = settings.store.region if isinstance(settings.store, S3Store) else "us-east-1"
    store = S3Store(kind="s3", bucket=bucket["bucket"], prefix=bucket["prefix"] or "", region=region)
    return settings.model_copy(update={"store": store})


def _whole_id(incident: str, settings: Settings) -> str:
    """The incident id for a group, where a folder shows which incidents a group had."""
    if "." in incident or not isinstance(settings.store, FolderStore):
        return incident
    found = sorted(path.name for path in settings.store.path.glob(f"{incident}.*") if path.is_dir())
    if len(found) > 1:
        raise NoCase(f"{incident!r} had {len(found)} incidents; name one: {', '.join(found[:8])}")
    return found[0] if found else incident


def _newest(store: StoredCases, incident: str, wanted: int | None) -> CaseManifest:
    """Revisions count from 1 without holes; a store cannot be asked for the last."""
    newest: bytes | None = None
    for number in [wanted] if wanted else range(1, _MOST_REVISIONS):
        try:
            newest = store.get(f"{incident}/r{number}/{_MANIFEST}")
        except NotStored:
            break
    if newest is None:
        raise NoCase(
            f"The case store has no {f'revision {wanted}' if wanted else 'case'} of incident {incident!r}; "
            "`python starter.py list` shows the incidents, and --config says which store is asked."
        )
    return _manifest(newest, f"{incident}/r…/{_MANIFEST}")


def _manifest(content: bytes, where: str) -> CaseManifest:
    try:
        return CaseManifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise NoCase(
            f"{where!r} is not the manifest of a case: {place or 'JSON'}: {first['msg']}; name the manifest.json "
            "of a revision, or its folder."
        ) from error


def _in_folder(path: Path, revision: int | None) -> tuple[StoredCases, CaseManifest]:
    manifest_path = _manifest_path(path, revision).resolve()
    try:
        manifest = _manifest(manifest_path.read_bytes(), str(manifest_path))
    except OSError as error:
        raise NoCase(f"{str(manifest_path)!r} cannot be read: {error.strerror or error}.") from error
    own = f"{manifest.scope.incident_id}/r{manifest.revision}/{_MANIFEST}"
    if not manifest_path.as_posix().endswith(f"/{own}"):
        raise NoCase(
            f"{str(manifest_path)!r} is not where its parts look for it: keep the names of its folders; the path "
            f"must end in {own!r}."
        )
    return FolderCaseStore(manifest_path.parents[2]), manifest


def _manifest_path(path: Path, revision: int | None) -> Path:
    """The manifest that a file or folder stands for."""
    if path.is_file():
        return path
    direct = path / _MANIFEST
    if direct.is_file() and revision is None:
        return direct
    found = {int(m.parent.name[1:]): m for m in path.glob(f"r*/{_MANIFEST}") if m.parent.name[1:].isdecimal()}
    if not found or (revision is not None and revision not in found):
        what = f"revision {revision}" if revision is not None and found else "a case"
        there = f"; there are revisions {', '.join(map(str, sorted(found)))}" if found else ""
        raise NoCase(
            f"The folder {str(path)!r} does not hold {what}{there}. A case is a folder r1, r2, … with a "
            f"{_MANIFEST}, inside a folder named like its incident."
        )
    return found[revision if revision is not None else max(found)]
