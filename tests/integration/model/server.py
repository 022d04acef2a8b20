"""A scripted model server over real HTTP: every request is counted, every answer is written by the test."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]
"""JSON of the wire; its shape is the test's business."""


@dataclass
class Reply:
    """One HTTP answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0
    """Seconds before anything is sent."""
    trickle: float = 0.0
    """Seconds between single bytes of the body."""
    dawdle: float = 0.0
    """Seconds between single bytes of a first line sent ahead."""


def completion(
    content: object, *, tokens: tuple[int, int] = (900, 120), finish: str = "stop", **message: object
) -> Reply:
    """A chat completion whose content is a text, or JSON of an object."""
    said = content if isinstance(content, str) or content is None else json.dumps(content)
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": said, **message}}
        ],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
    }
    return Reply(body=json.dumps(body).encode())


def calls(*wanted: tuple[str, object], tokens: tuple[int, int] = (900, 120)) -> Reply:
    """A chat completion that calls functions: (name, arguments as a text or an object)."""
    written = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments),
            },
        }
        for number, (name, arguments) in enumerate(wanted, start=1)
    ]
    return completion(None, tokens=tokens, finish="tool_calls", tool_calls=written)


def offered(request: Body) -> list[str]:
    """The functions that a request offers."""
    return [tool["function"]["name"] for tool in request.get("tools", [])]


def error(status: int, message: str, *, code: str | None = None, **headers: str) -> Reply:
    """An error as OpenAI writes it."""
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    return Reply(status, json.dumps(body).encode(), {k.replace("_", "-"): v for k, v in headers.items()})


Script = Callable[[Body], Reply]


class ModelServer:
    """Answers with `script`, or with the replies of `queue` first."""

    def __init__(self, script: Script) -> None:
        self.script: Script = script
        self.queue: list[Reply] = []
        self.requests: list[Body] = []
        self.authorization: list[str] = []
        self.paths: list[str] = []
        """With their query."""
        self.headers: list[dict[str, str]] = []
        """Names in lower case."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request: Body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append(request)
                outer.authorization.append(self.headers.get("Authorization", ""))
                outer.paths.append(self.path)
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                outer.send(self, outer.queue.pop(0) if outer.queue else outer.script(request))

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def always(self, reply: Reply) -> None:
        """Give the same answer to everything."""
        self.script = lambda _: reply

    @staticmethod
    def send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        """Write one reply; a client that went away is no error here."""
        time.sleep(reply.delay)
        try:
            for byte in b"HTTP/1.0 200 OK\r\n" if reply.dawdle else b"":
                handler.wfile.write(bytes([byte]))
                time.sleep(reply.dawdle)
            handler.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(reply.body)))
            handler.end_headers()
            step = 1 if reply.trickle else max(len(reply.body), 1)
            for start in range(0, len(reply.body), step):
                handler.wfile.write(reply.body[start : start + step])
                time.sleep(reply.trickle)
        except OSError:
            handler.close_connection = True

    @property
    def address(self) -> str:
        """Without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def base_url(self) -> str:
        """For the client."""
        return f"{self.address}/v1"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
