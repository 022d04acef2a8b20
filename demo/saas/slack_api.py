"""Slack's Web API over a workspace: each method takes its arguments and returns the answer's fields."""

import json
from collections.abc import Callable
from copy import deepcopy

from demo.saas.server import Json
from demo.saas.slack_workspace import APP_ID, BOT_ID, BOT_NAME, BOT_USER, TEAM_ID, TEAM_NAME, SlackError, Workspace

JSON_ARGUMENTS = ("blocks", "attachments", "metadata", "view")
PAGE = 100
OWN = {"user": BOT_USER, "bot_id": BOT_ID, "app_id": APP_ID, "username": BOT_NAME}


def decoded(arguments: Json) -> Json:
    """Arguments with those that forms carry as JSON text decoded. Raises SlackError."""
    found = dict(arguments)
    for name in JSON_ARGUMENTS:
        if isinstance(found.get(name), str) and found[name]:
            try:
                found[name] = json.loads(found[name])
            except ValueError as error:
                bad = {"blocks": "invalid_blocks_format", "metadata": "invalid_metadata_format"}
                raise SlackError(bad.get(name, "invalid_arguments")) from error
    return found


def _true(value: object) -> bool:
    return str(value).lower() in {"true", "1"}


class WebApi:
    """The methods that a bot needs."""

    def __init__(self, workspace: Workspace, origin: Callable[[], str]) -> None:
        """`origin` is asked late, because the port is known only when serving."""
        self._space = workspace
        self._origin = origin
        self._methods: dict[str, Callable[[Json], Json]] = {
            "api.test": lambda arguments: {"args": arguments},
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "chat.postEphemeral": self._whisper,
            "chat.getPermalink": self._permalink,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.info": self._info,
            "conversations.list": self._list,
            "users.info": self._user,
            "users.lookupByEmail": self._lookup,
            "views.open": lambda a: {"view": self._space.open_view(a.get("trigger_id"), a.get("view"))},
            "views.update": lambda a: {"view": self._space.change_view(str(a.get("view_id")), a.get("view"))},
            "reactions.add": self._react,
        }

    def call(self, method: str, arguments: Json) -> Json:
        """Carry out one method; refusals are answers too, as Slack gives them with status 200."""
        found = self._methods.get(method)
        if found is None:
            return {"ok": False, "error": "unknown_method", "req_method": method}
        try:
            return {"ok": True} | found(decoded(arguments))
        except SlackError as refusal:
            answer: Json = {"ok": False, "error": refusal.error}
            if refusal.details:
                answer |= {"errors": refusal.details, "response_metadata": {"messages": refusal.details}}
            return answer

    def _auth_test(self, _: Json) -> Json:
        return {
            "url": f"{self._origin()}/", "team": TEAM_NAME, "user": BOT_NAME, "team_id": TEAM_ID,
            "user_id": BOT_USER, "bot_id": BOT_ID, "is_enterprise_install": False,
        }  # fmt: skip

    def _post(self, arguments: Json) -> Json:
        channel = self._space.channel_id(arguments.get("channel"))
        message = self._space.post(channel, arguments, OWN)
        return {"channel": channel, "ts": message["ts"], "message": message}

    def _update(self, arguments: Json) -> Json:
        channel = self._space.channel_id(arguments.get("channel"))
        message = self._space.update(channel, arguments.get("ts"), arguments)
        return {"channel": channel, "ts": message["ts"], "text": message["text"], "message": message}

    def _delete(self, arguments: Json) -> Json:
        channel = self._space.channel_id(arguments.get("channel"))
        self._space.delete(channel, arguments.get("ts"))
        return {"channel": channel, "ts": arguments.get("ts")}

    def _whisper(self, arguments: Json) -> Json:
        channel = self._space.channel_id(arguments.get("channel"))
        return {"message_ts": self._space.whisper(channel, str(arguments.get("user", "")), arguments)}

    def _permalink(self, arguments: Json) -> Json:
        channel = self._space.channel_id(arguments.get("channel"))
        ts = self._space.find(channel, arguments.get("message_ts"))["ts"]
        return {"channel": channel, "permalink": f"{self._origin()}/archives/{channel}/p{ts.replace('.', '')}"}

    def _listed(self, messages: list[Json], arguments: Json) -> Json:
        """A page of messages, newest or oldest first as given, by cursor, bounds and limit."""
        oldest, latest = str(arguments.get("oldest") or "0"), str(arguments.get("latest") or "")
        inclusive = _true(arguments.get("inclusive"))

        def within(ts: str) -> bool:
            after = float(ts) >= float(oldest) if inclusive else float(ts) > float(oldest)
            before = not latest or (float(ts) <= float(latest) if inclusive else float(ts) < float(latest))
            return after and before

        kept = [m for m in messages if within(m["ts"])]
        start = int(arguments.get("cursor") or 0)
        end = start + min(int(arguments.get("limit") or PAGE), 999)
        page = deepcopy(kept[start:end])
        for message in page:
            message.pop("channel", None)
            if not _true(arguments.get("include_all_metadata")):
                message.pop("metadata", None)
        more = end < len(kept)
        answer: Json = {"messages": page, "has_more": more}
        return answer | ({"response_metadata": {"next_cursor": str(end)}} if more else {})

    def _history(self, arguments: Json) -> Json:
        channel = self._space.channel_id(arguments.get("channel"))
        with self._space.changed:
            stored = self._space.messages.get(channel, [])
            roots = [m for m in reversed(stored) if m.get("thread_ts", m["ts"]) == m["ts"]]
            return self._listed(roots, arguments)

    def _replies(self, arguments: Json) -> Json:
        channel, ts = self._space.channel_id(arguments.get("channel")), arguments.get("ts")
        with self._space.changed:
            found = [m for m in self._space.messages.get(channel, []) if ts in {m["ts"], m.get("thread_ts")}]
            if not found:
                raise SlackError("thread_not_found")
            return self._listed(found, arguments)

    def _channel(self, channel: str) -> Json:
        return {
            "id": channel, "name": self._space.channels[channel], "is_channel": True, "is_private": False,
            "is_archived": False, "is_member": True, "context_team_id": TEAM_ID,
        }  # fmt: skip

    def _info(self, arguments: Json) -> Json:
        return {"channel": self._channel(self._space.channel_id(arguments.get("channel")))}

    def _list(self, _: Json) -> Json:
        return {
            "channels": [self._channel(c) for c in self._space.channels],
            "response_metadata": {"next_cursor": ""},
        }

    def _profile(self, user: str) -> Json:
        person = self._space.users.get(user)
        if person is None:
            raise SlackError("user_not_found")
        return {
            "id": person.id, "team_id": TEAM_ID, "name": person.name, "real_name": person.real_name,
            "deleted": False, "tz": "Etc/UTC", "is_bot": False,
            "profile": {"real_name": person.real_name, "display_name": person.name, "email": person.email},
        }  # fmt: skip

    def _user(self, arguments: Json) -> Json:
        return {"user": self._profile(str(arguments.get("user", "")))}

    def _lookup(self, arguments: Json) -> Json:
        email = arguments.get("email")
        found = next((p.id for p in self._space.users.values() if p.email == email), "")
        if not found:
            raise SlackError("users_not_found")
        return {"user": self._profile(found)}

    def _react(self, arguments: Json) -> Json:
        channel, name = self._space.channel_id(arguments.get("channel")), str(arguments.get("name", ""))
        with self._space.changed:
            reactions = self._space.find(channel, arguments.get("timestamp")).setdefault("reactions", [])
            if any(r["name"] == name for r in reactions):
                raise SlackError("already_reacted")
            reactions.append({"name": name, "users": [BOT_USER], "count": 1})
            self._space.changed.notify_all()
        return {}
