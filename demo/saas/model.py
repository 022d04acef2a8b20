"""A stand-in for a model server that speaks OpenAI's chat completions. Only for the demo and for tests.

It does not reason: it fills whatever JSON schema is asked for with ids and names found in the prompt, so that
the whole wire path can be run, and it fails in every way a real service does.
"""

import asyncio
import json
import time
import uuid
from typing import Any, Literal, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from demo.saas.model_filling import filled
from demo.saas.server import Json, StandIn, as_object, bearer

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
        return failure or JSONResponse(self._completion(body, messages), 200, _marks())

    def _completion(self, body: Json, messages: list[Json]) -> Json:
        prompt = "\n".join(str(m.get("content") or "") for m in messages)
        message, reason = self._message(body, prompt)
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

    def _message(self, body: Json, prompt: str) -> tuple[Json, str]:
        said: Json = {"role": "assistant", "content": None, "refusal": None}
        if self.behaviour == "refusal":
            return said | {"refusal": "I'm sorry, I can't assist with that request."}, "stop"
        wanted: Json = as_object(as_object(body.get("response_format")).get("json_schema"))
        tools: list[Json] = body.get("tools") or []
        if not wanted and tools and body.get("tool_choice") != "none":
            function: Json = tools[0]["function"]
            arguments = json.dumps(filled(as_object(function.get("parameters")), prompt))
            call = {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function",
                    "function": {"name": function["name"], "arguments": arguments}}  # fmt: skip
            return said | {"tool_calls": [call]}, "tool_calls"
        answer = json.dumps(filled(wanted["schema"], prompt)) if wanted else "The service is degraded."
        if self.behaviour == "malformed":
            return said | {"content": "Here is the answer you asked for: {cause: 'the table"}, "stop"
        if self.behaviour == "truncated":
            return said | {"content": answer[: len(answer) // 2]}, "length"
        return said | {"content": answer}, "stop"
