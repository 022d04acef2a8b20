"""A vendor that answers exactly what a test wants, over real HTTP."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to answer."""

    body: object = None
    status: int = 200
    """0: the connection is closed without an answer."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    lost: bool = False
    """Whether the connection breaks instead of bringing the answer."""


Answering = Callable[[Asked], Reply]


class Vendor:
    """Serves on 127.0.0.1 while the context is open; `asked` keeps every request."""

    def __init__(self, answering: Answering) -> None:
        """`answering` decides each reply; bytes are sent as they are, everything else as JSON."""
        self.asked: list[Asked] = []
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, parts.path, parse_qs(parts.query), headers, self.rfile.read(length))
                vendor.asked.append(asked)
                reply = answering(asked)
                if reply.lost:
                    self.close_connection = True
                    self.connection.close()
                    return
                if reply.status == 0:
                    self.close_connection = True
                    return
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = handle_any  # noqa: N815  # the names http.server looks for
            do_PUT = do_DELETE = handle_any  # noqa: N815  # the same

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
