"""What is wrong or worth knowing about a file: one form for `check`, `doctor` and the log."""

from dataclasses import asdict, dataclass

from autopilot.incident.ports import Failure


@dataclass(frozen=True)
class Problem:
    """Something in a file, so that a person finds the place and knows what to do."""

    file: str
    line: int
    """From 1."""
    key: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.what}; {self.remedy}"

    def as_json(self) -> dict[str, str | int]:
        """For programs."""
        return asdict(self)


class PlaybookError(Failure):
    """The folder cannot be used; `problems` are lines of `file:line: key: what; remedy`."""

    def __init__(self, found: list[Problem]) -> None:
        """All problems at once, so that they can be mended in one go."""
        self.found = tuple(found)
        self.problems = tuple(map(str, found))
        super().__init__("\n".join(self.problems), who="operator")
