"""A stand-in for a model server that speaks OpenAI's chat completions. Only for the demo and for tests.

It does not reason: `sound` answers out of the tables of the prompt (`model_answers`), `gullible` obeys orders that
it finds in the data (`model_obeying`), `fabricating` invents (`model_inventions`); the others fail as services do.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any, Literal, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from demo.saas.model_answers import Said, answer
from demo.saas.model_inventions import fabricated
from demo.saas.model_obeying import obeyed, orders_in
from demo.saas.model_reading import Request as Asked
from demo.saas.model_reading import read
from demo.saas.server import Json, StandIn, bearer

Behaviour = Literal[
    "sound", "gullible", "fabricating", "malformed", "refusal", "truncated",
    "rate-limited", "server-error", "down", "timeout", "slow-stream",
]  # fmt: skip
BEHAVIOURS: tuple[Behaviour, ...] = get_args(Behaviour)


def _error(status: int, message: str, kind: str, code: str | None = None, **headers: str) -> Response:
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return JSONResponse(body, status, {k.replace("_", "-"): v for k, v in headers.items()} | _marks())


def _marks() -> dict[str, str]:
    return {"x-request-id": f"req_{uuid.uuid4().hex}", "openai-processing-ms": "12"}


class Model(StandIn):
    """One server with one behaviour at a time; set `behaviour` while it runs to change it."""

    def __init__(self, behaviour: Behaviour = "sound", api_key: str = "test-key", name: str = "gpt-4o") -> None:
        """`name` is the only model that exists."""
        super().__init__()
        self.behaviour: Behaviour = behaviour
        self.rate_limits = 1
        """How many calls `rate-limited` refuses before it answers."""
        self.retry_after = 1
        """Seconds."""
        self.hang_seconds = 120.0
        self.trickle_seconds = 0.2
        """Between two bytes of a `slow-stream`."""
        self.obeyed: list[str] = []
        """The orders that `gullible` followed."""
        self.calls: list[Json] = []
        """The request bodies, oldest first."""
        self._api_key = api_key
        self._name = name

    @property
    def base_url(self) -> str:
        """For the OpenAI client."""
        return f"{self.url}/v1"

    def routes(self) -> list[BaseRoute]:
        """Models and chat completions."""
        return [
            Route("/v1/models", self._models),
            Route("/v1/chat/completions", self._complete, methods=["POST"]),
        ]

    async def _models(self, _: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": self._name, "object": "model", "owned_by": "demo"}]})

    async def _failure(self) -> Response | None:
        if self.behaviour == "down":
            return _error(503, "The engine is currently overloaded, please try again later", "server_error")
        if self.behaviour == "timeout":
            await asyncio.sleep(self.hang_seconds)
            return _error(504, "Gateway timeout", "server_error")
        if self.behaviour == "rate-limited" and self.rate_limits > 0:
            self.rate_limits -= 1
            wait = str(self.retry_after)
            return _error(429, f"Rate limit reached. Please try again in {wait}s.", "tokens", "rate_limit_exceeded",
                          retry_after=wait, x_ratelimit_remaining_requests="0")  # fmt: skip
        if self.behaviour == "server-error":
            return _error(500, "The server had an error while processing your request.", "server_error")
        return None

    async def _complete(self, request: Request) -> Response:
        if bearer(request) != self._api_key:
            return _error(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")
        try:
            body: Any = json.loads(await request.body())
            messages: list[Json] = body["messages"]
        except (ValueError, KeyError, TypeError):
            return _error(400, "We could not parse the JSON body of your request.", "invalid_request_error")
        self.calls.append(body)
        if body.get("model") != self._name:
            message = f"The model `{body.get('model')}` does not exist or you do not have access to it."
            return _error(404, message, "invalid_request_error", "model_not_found")
        failure = await self._failure()
        if failure:
            return failure
        completion = self._completion(body, messages)
        if self.behaviour == "slow-stream":
            return StreamingResponse(self._trickle(json.dumps(completion)), 200, _marks(), "application/json")
        return JSONResponse(completion, 200, _marks())

    async def _trickle(self, text: str) -> AsyncIterator[str]:
        """Byte by byte, so that every single wait is shorter than any time limit."""
        for char in text:
            yield char
            await asyncio.sleep(self.trickle_seconds)

    def _completion(self, body: Json, messages: list[Json]) -> Json:
        prompt = "\n".join(str(m.get("content") or "") for m in messages)
        message, reason = self._message(read(body))
        written = json.dumps(message)
        used = {"prompt_tokens": max(len(prompt) // 4, 1), "completion_tokens": max(len(written) // 4, 1)}
        details = {
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex[:24]}", "object": "chat.completion", "created": int(time.time()),
            "model": f"{self._name}-2024-08-06", "system_fingerprint": "fp_demo",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
            "usage": used | {"total_tokens": sum(used.values())} | details,
        }  # fmt: skip

    def _said(self, asked: Asked) -> Said:
        sound = answer(asked)
        if self.behaviour == "fabricating":
            return fabricated(sound)
        orders = orders_in(asked) if self.behaviour == "gullible" else []
        self.obeyed += [order.text for order in orders]
        return obeyed(sound, asked, orders) if orders else sound

    def _message(self, asked: Asked) -> tuple[Json, str]:
        said: Json = {"role": "assistant", "content": None, "refusal": None}
        if self.behaviour == "refusal":
            return said | {"refusal": "I'm sorry, I can't assist with that request."}, "stop"
        made = self._said(asked)
        if asked.form == "tools" and self.behaviour not in ("malformed", "truncated"):
            return said | {"tool_calls": [_call(name, arguments) for name, arguments in made.calls]}, "tool_calls"
        if asked.functions:
            made.shape = {"calls": [{"function": name, "arguments": given} for name, given in made.calls]}
        content = made.text if asked.form == "text" else json.dumps(made.shape)
        if self.behaviour == "malformed":
            return said | {"content": "Here is the answer you asked for: {cause: 'the table"}, "stop"
        if self.behaviour == "truncated":
            return said | {"content": content[: len(content) // 2]}, "length"
        return said | {"content": content}, "stop"


def _call(name: str, arguments: Json) -> Json:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function}
