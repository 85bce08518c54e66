"""Carries out what somebody does in the page; answers as Slack's client would show it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.slack import block_text
from sandbox.slack.core import Core
from sandbox.slack.delivery import Delivery
from sandbox.slack.element_state import VALUE_KEYS
from sandbox.slack.interactions import Interactions, split_command
from sandbox.slack.json_types import JsonObject
from sandbox.slack.messages import Message
from sandbox.slack.page_shapes import view_shape
from sandbox.slack.views import View
from sandbox.slack.workspace import Channel, Member

Act = Callable[[Member, JsonObject], Awaitable[JsonObject]]

OK: JsonObject = {"ok": True}


class PageActs:
    """One method for each kind of act, listed in `_kinds`."""

    def __init__(self, core: Core, interactions: Interactions) -> None:
        self._core = core
        self._interactions = interactions
        self._kinds: dict[str, Act] = {
            "message": self._message,
            "block_action": self._block_action,
            "view_submission": self._submit,
            "view_closed": self._close,
            "suggestion": self._suggest,
            "shortcut": self._shortcut,
            "home_opened": self._home,
            "read": self._read,
        }

    async def act(self, person: Member, act: JsonObject) -> JsonObject:
        """Carry one act out; KeyError or LookupError when it names what is not there."""
        return await self._kinds[str(act.get("kind"))](person, act)

    async def _message(self, person: Member, act: JsonObject) -> JsonObject:
        channel, text = self._channel(person, act["channel"]), str(act["text"])
        thread_ts = act.get("thread_ts")
        if channel.is_archived:
            return _refused("is_archived")
        if text.startswith("/"):
            return await self._command(person, channel, text, thread_ts)
        spoken = self._interactions.spoken(text, literally=True)
        _, event = self._interactions.write(person, channel, spoken, thread_ts)
        if event is not None:
            self._interactions.emit_later(event)
        return OK

    async def _command(
        self, person: Member, channel: Channel, line: str, thread_ts: str | None
    ) -> JsonObject:
        command, rest = split_command(line)
        if command not in {c.command for c in self._core.commands}:
            return _refused("unknown_command", detail=command)
        if thread_ts is not None:
            return _refused("command_in_thread", detail=command)
        text = self._interactions.command_text(command, rest, literally=True)
        return _answer(await self._interactions.command(person, channel, command, text))

    async def _block_action(self, person: Member, act: JsonObject) -> JsonObject:
        place = self._place(person, act["container"])
        block, element = block_text.find(
            place.blocks, block_id=act["block_id"], action_id=act["action_id"]
        )
        self._interactions.remember_values(place, person, act.get("values") or {})
        key = VALUE_KEYS.get(element["type"])
        state = {"type": element["type"], key: act.get(key)} if key else None
        if isinstance(place, View):
            delivery = await self._interactions.use_in_view(person, place, block, element, state)
            return _answer(delivery) | self._top(person)
        return _answer(
            await self._interactions.use_in_message(person, place, block, element, state)
        )

    async def _submit(self, person: Member, act: JsonObject) -> JsonObject:
        view = self._open_view(person, act["view_id"])
        self._interactions.remember_values(view, person, act.get("values") or {})
        result = await self._interactions.submit(person, view)
        answer: JsonObject = {"ok": not result.errors and result.error is None}
        if result.errors:
            answer["errors"] = result.errors
        if result.error is not None:
            answer["error"] = result.error
        return answer | self._top(person)

    async def _close(self, person: Member, act: JsonObject) -> JsonObject:
        view = self._open_view(person, act["view_id"])
        await self._interactions.close(person, view, clear=bool(act.get("clear")))
        return OK | self._top(person)

    async def _suggest(self, person: Member, act: JsonObject) -> JsonObject:
        place = self._place(person, act["container"])
        delivery = await self._interactions.suggest(
            person, place, act["block_id"], act["action_id"], str(act.get("query", ""))
        )
        answer = _answer(delivery)
        if not answer["ok"]:
            return answer
        body = delivery.body or {}
        keys = ("option_groups",) if "option_groups" in body else ("options",)
        return answer | {key: body.get(key) or [] for key in keys}

    async def _shortcut(self, person: Member, act: JsonObject) -> JsonObject:
        message = self._find(person, act["channel"], act["ts"])
        return _answer(await self._interactions.shortcut(person, message, act["callback_id"]))

    async def _home(self, person: Member, act: JsonObject) -> JsonObject:
        return _answer(await self._interactions.open_home(person))

    async def _read(self, person: Member, act: JsonObject) -> JsonObject:
        self._core.messages.read(person.id, self._channel(person, act["channel"]).id)
        return OK

    def _channel(self, person: Member, reference: Any) -> Channel:
        channel = self._core.workspace.find_channel(str(reference))
        if channel is None or person.id not in channel.members:
            raise KeyError("channel_not_found")
        return channel

    def _place(self, person: Member, container: JsonObject) -> Message | View:
        match container["type"]:
            case "message":
                return self._find(person, container["channel"], container["ts"])
            case "home":
                return self._core.views.homes[person.id]
            case _:
                return self._open_view(person, container["view_id"])

    def _find(self, person: Member, channel: Any, ts: Any) -> Message:
        place = self._channel(person, channel)
        message = self._core.messages.find(place.id, str(ts), viewer=person.id)
        if message is None:
            raise KeyError("message_not_found")
        return message

    def _open_view(self, person: Member, view_id: Any) -> View:
        view = self._core.views.find(str(view_id))
        if view is None or view.user != person.id:
            raise KeyError("view_not_found")
        return view

    def _top(self, person: Member) -> JsonObject:
        view = self._core.views.top(person.id)
        return {"view": view_shape(view) if view else None}


def _answer(delivery: Delivery) -> JsonObject:
    return OK if delivery.acked else _refused(delivery.error or delivery.status)


def _refused(error: str, **more: str) -> JsonObject:
    return {"ok": False, "error": error, **more}
