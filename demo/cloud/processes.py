"""Emulator processes on loopback, and the clock that the AWS emulator lives by."""

import asyncio
import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIBRARY = "vendor/libfaketime/src/libfaketime.so.1"


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Clock:
    """The emulator's clock. It can be set back while the emulator runs, so that stamps fit the story."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.present()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to live by this clock. Empty where the library is missing (not Linux)."""
        spec = importlib.util.find_spec("libfaketime")
        library = Path(spec.origin).parent / LIBRARY if spec and spec.origin else None
        if library is None or not library.is_file():
            raise RuntimeError("The package libfaketime brings no library here; the simulated company needs Linux.")
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            # Timers and asyncio run on the monotonic clock, which must keep its pace.
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set_to(self, at: datetime) -> None:
        """Let the emulator believe that it is `at` now; time flows on from there."""
        self._write(at - datetime.now(UTC))

    def present(self) -> None:
        """Let the emulator live in the real present."""
        self._write(timedelta())

    def _write(self, offset: timedelta) -> None:
        # Renamed into place: the emulator reads this file at any moment and must never see half of it.
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{offset.total_seconds():+.3f}\n")
        draft.replace(self._file)


class Server:
    """A child process that serves HTTP on a loopback port."""

    def __init__(
        self, name: str, arguments: list[str], port: int, environment: Mapping[str, str], log: Path
    ) -> None:
        self.name, self.port, self._log = name, port, log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "demo.cloud.emulator", *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
                stdin=subprocess.PIPE,  # its end is how the child notices that we are gone
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    async def ready(self, seconds: float = 60.0) -> None:
        """Wait until it accepts connections. Raises RuntimeError with the end of its log."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise RuntimeError(f"The emulator {self.name!r} did not start:\n{self._log.read_text()[-2000:]}")

    async def stop(self) -> None:
        """End the process at once: an emulator has nothing to save."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        if self._process.stdin:
            self._process.stdin.close()
