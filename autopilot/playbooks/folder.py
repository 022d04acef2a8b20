"""The rules of a folder as incidents see them; changed files are taken up without a restart."""

import threading
from collections.abc import Sequence
from pathlib import Path

import structlog

from autopilot.incident.alert import Alert
from autopilot.incident.base import Time
from autopilot.incident.hours import suppressed
from autopilot.incident.ownership import Owner, Ownership, owner_of
from autopilot.incident.playbook import Mode, OnCall, Snapshot
from autopilot.playbooks.directory import Directories
from autopilot.playbooks.loading import load_rules, watched
from autopilot.playbooks.problem import PlaybookError
from autopilot.playbooks.reaching import Reaching
from autopilot.playbooks.rules import Rules, digest_of, matching

log = structlog.get_logger()


class PlaybookFolder:
    """The playbooks of a folder. A wrong change is refused and logged; the last good rules stay in force."""

    def __init__(self, path: Path, mode: Mode | None = None, directories: Directories | None = None) -> None:
        """Read the folder now. Raises PlaybookError.

        `mode` overrides every playbook's; `directories` are asked about groups and schedules of other systems.
        """
        self._path, self._mode, self._directories = path, mode, directories or {}
        self._lock = threading.Lock()
        self._stamp = self._present()
        self._rules = load_rules(path)

    def snapshot(self, alert: Alert, now: Time) -> Snapshot:
        """See `PlaybookSource`."""
        rules = self._current()
        reaching = Reaching(rules, self._directories, now)
        playbook = matching(rules, alert)
        # An incident is about one environment: grants for others are none here.
        grants = tuple(g for g in playbook.grants if not g.environments or alert.environment in g.environments)
        playbook = playbook.model_copy(update={"grants": grants, "mode": self._mode or playbook.mode})
        on_call, roles, _ = reaching.duty(alert.service)
        windows = (*playbook.maintenance, *rules.maintenance)
        return Snapshot(
            playbook=playbook,
            on_call=on_call,
            people=tuple(rules.people.values()),
            groups=reaching.groups(playbook) | roles,
            maintenance=suppressed(windows, alert.service, alert.environment, alert.started_at),
            escalation=reaching.path(playbook, on_call),
            digest=digest_of(rules.digests, list(rules.digests), self._mode or ""),
            commit=rules.commit,
        )

    def owner(self, component: str, files: Sequence[str], authors: Sequence[str], now: Time) -> Owner | None:
        """See `OwnerSource`."""
        rules = self._current()
        duty, _, entry = Reaching(rules, self._directories, now).duty(component)
        # Who is on duty for everything does not own it.
        named = entry is not None and component in entry.services
        service = rules.catalogue.get(component)
        paths = (*files, *((service.paths if service else ()) or (f"services/{component}/x", f"{component}/x")))
        code, rule = rules.code_owners.of(paths) if rules.code_owners else ((), "")
        known = Ownership(
            component=component,
            duty=duty if named else OnCall(),
            listed=service.owner if service else (),
            code=code,
            code_rule=rule,
            people=tuple(rules.people.values()),
            teams=tuple(team.team() for team in rules.teams.values()),
        )
        return owner_of(known, authors)

    def _present(self) -> tuple[tuple[str, int, int], ...]:
        """What tells a changed folder from an unchanged one, without reading files."""
        stats = ((str(p), p.stat()) for p in watched(self._path)) if self._path.exists() else iter(())
        return tuple((name, s.st_mtime_ns, s.st_size) for name, s in stats)

    def _current(self) -> Rules:
        with self._lock:
            try:
                present = self._present()
                if present != self._stamp:
                    self._stamp = present
                    self._rules = load_rules(self._path)
                    log.info("playbooks reloaded", folder=str(self._path), files=len(present))
            except (PlaybookError, OSError) as error:
                log.error("changed playbooks refused, the last good ones stay in force", problems=str(error))
            return self._rules
