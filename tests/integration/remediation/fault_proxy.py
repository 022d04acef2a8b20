"""A proxy before the cloud: counts writes by the step that marked them, and breaks chosen calls on demand."""

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import httpx

Kind = Literal["answer", "lose_request", "lose_answer"]


@dataclass
class Fault:
    """What happens to the next calls whose name contains `call`."""

    call: str
    kind: Kind
    status: int = 400
    code: str = ""
    message: str = "made by the test"
    times: int = 100


@dataclass
class Passed:
    """One call that reached the cloud."""

    call: str
    key: str


@dataclass
class FaultProxy:
    """Routes Application Auto Scaling to one upstream and everything else to the other."""

    cloud: str
    scaling: str
    faults: list[Fault] = field(default_factory=list[Fault])
    passed: list[Passed] = field(default_factory=list[Passed])

    def __post_init__(self) -> None:
        self._client = httpx.Client(timeout=20)
        self._scaled = True
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes: the second would wait for the first

            def serve(self) -> None:
                proxy.serve(self)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Tests look at what passed, not at a log."""

        for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{verb}", Handler.serve)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where clients reach the proxy."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._client.close()

    def empty_the_cloud(self) -> None:
        """Remove everything from both emulators, and faults and counts from here."""
        self._client.post(f"{self.cloud}/_ministack/reset").raise_for_status()
        if self._scaled:
            self._client.post(f"{self.scaling}/moto-api/reset").raise_for_status()
        self._scaled = False
        self.clear()

    def clear(self) -> None:
        """Forget faults and counts."""
        self.faults.clear()
        self.passed.clear()

    def fail(self, call: str, code: str, status: int = 400, message: str = "made by the test") -> None:
        """From now on answer these calls with an error of the cloud."""
        self.faults.append(Fault(call, "answer", status, code, message))

    def lose(self, call: str, kind: Kind) -> None:
        """Once, break the connection: before the request arrives, or after it took effect."""
        self.faults.append(Fault(call, kind, times=1))

    def writes(self, key: str = "") -> list[str]:
        """Calls other than reads that reached the cloud, of one step or of any."""
        reads = ("Describe", "Get", "List", "GET ")
        return [p.call for p in self.passed if p.key and (not key or p.key == key) and not p.call.startswith(reads)]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        call = name_of(handler, body)
        fault = next((f for f in self.faults if f.call in call and f.times > 0), None)
        if fault is not None:
            fault.times -= 1
            if fault.kind == "answer":
                self._refuse(handler, fault)
                return
            if fault.kind == "lose_request":
                handler.close_connection = True
                return
        mark = re.search(r" step/(\S+)", handler.headers.get("User-Agent", ""))
        self.passed.append(Passed(call, mark.group(1) if mark else ""))
        scales = "AnyScale" in handler.headers.get("X-Amz-Target", "")
        self._scaled = self._scaled or (scales and not call.startswith("Describe"))
        upstream = self.scaling if scales else self.cloud
        sent = {
            k: v for k, v in handler.headers.items() if k.lower() not in ("host", "connection", "content-length")
        }
        answer = self._client.request(handler.command, upstream + handler.path, content=body, headers=sent)
        if fault is not None:
            handler.close_connection = True
            return
        handler.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "content-encoding"):
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.content)))
        handler.end_headers()
        handler.wfile.write(answer.content)

    def _refuse(self, handler: BaseHTTPRequestHandler, fault: Fault) -> None:
        """An error in the form of the service's own protocol."""
        if "x-www-form-urlencoded" in handler.headers.get("Content-Type", ""):
            error = f"<Error><Type>Sender</Type><Code>{fault.code}</Code><Message>{fault.message}</Message></Error>"
            text = f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"
            if "/ec2/" in handler.headers.get("Authorization", ""):
                text = f"<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>"
        else:
            text = json.dumps({"__type": fault.code, "message": fault.message})
        content = text.encode()
        handler.send_response(fault.status)
        handler.send_header("x-amzn-errortype", fault.code)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


def name_of(handler: BaseHTTPRequestHandler, body: bytes) -> str:
    """What is called: the operation where the protocol names it, method and path otherwise."""
    if target := handler.headers.get("X-Amz-Target", ""):
        return target.rpartition(".")[2]
    if action := re.search(rb"(?:^|&)Action=(\w+)", body):
        return action.group(1).decode()
    return f"{handler.command} {handler.path}"
