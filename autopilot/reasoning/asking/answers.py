"""Where model answers and the budget ledger are kept, so that no crash makes anybody pay twice."""

from pathlib import Path
from typing import Protocol

from autopilot.case.backend import Folder, NotStored
from autopilot.case.store import document_uri
from autopilot.incident.ports import CaseStore

_JSON = "application/json"


class AnswerStore(Protocol):
    """Texts by key, for one incident."""

    def get(self, key: str) -> str | None:
        """The stored text, None when there is none. Raises Failure when the store cannot be read."""
        ...

    def put(self, key: str, text: str) -> None:
        """Store or replace, atomically. Raises Failure."""
        ...

    def create(self, key: str, text: str) -> bool:
        """Store unless the key is taken, atomically over processes; whether it was stored. Raises Failure."""
        ...


class CaseAnswers:
    """Answers as documents of an incident in the case store."""

    def __init__(self, store: CaseStore, incident_id: str) -> None:
        """Nothing is read yet."""
        self._store, self._incident_id = store, incident_id

    def get(self, key: str) -> str | None:
        """See `AnswerStore`."""
        try:
            return self._store.get(document_uri(self._incident_id, _name(key))).decode()
        except NotStored:
            return None

    def put(self, key: str, text: str) -> None:
        """See `AnswerStore`."""
        self._store.put(self._incident_id, _name(key), text.encode(), _JSON)

    def create(self, key: str, text: str) -> bool:
        """See `AnswerStore`."""
        return self._store.create(self._incident_id, _name(key), text.encode(), _JSON)


class FolderAnswers:
    """Answers as files of a folder, for replays and evaluations outside an incident."""

    def __init__(self, path: Path) -> None:
        """The folder is created at the first write."""
        self._folder = Folder(path)

    def get(self, key: str) -> str | None:
        """See `AnswerStore`."""
        try:
            return self._folder.read(f"{key}.json").decode()
        except NotStored:
            return None

    def put(self, key: str, text: str) -> None:
        """See `AnswerStore`."""
        self._folder.write(f"{key}.json", text.encode(), _JSON)

    def create(self, key: str, text: str) -> bool:
        """See `AnswerStore`."""
        return self._folder.create(f"{key}.json", text.encode(), _JSON)


def _name(key: str) -> str:
    return f"answers/{key}.json"
