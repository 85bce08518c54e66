"""Who is calling, from where, with which identity of the wish: read from Slack's payloads once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from approvals.events import OpId, PersonId, RequestId
from approvals.operations import op_id

_REFERENCE = re.compile(r"([1-9]\d{0,11})(?:\.(\d{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Caller:
    """A person's one wish. `op` is the same for every delivery of it (DESIGN, Requests)."""

    person: PersonId
    op: OpId
    channel: str = ""
    thread: str = ""
    trigger_id: str = ""
    response_url: str = ""

    @property
    def trace(self) -> str:
        """From the click to the Azure operation: the start of the op-id."""
        return str(self.op)[:12]


def of_command(body: Mapping[str, Any]) -> Caller:
    """A slash command is known by its trigger id."""
    person = PersonId(str(body["user_id"]))
    return Caller(
        person=person,
        op=op_id("command", person, str(body["trigger_id"])),
        channel=str(body.get("channel_id") or ""),
        trigger_id=str(body["trigger_id"]),
        response_url=str(body.get("response_url") or ""),
    )


def of_click(body: Mapping[str, Any], action: Mapping[str, Any]) -> Caller:
    """A click is known by its person, its time stamp and its action."""
    person = PersonId(str(body["user"]["id"]))
    container = body.get("container") or {}
    message = body.get("message") or {}
    # two clicks never share a trigger, so the worst that a missing time stamp does is no sameness
    clicked_at = str(action.get("action_ts") or body.get("trigger_id"))
    return Caller(
        person=person,
        op=op_id("click", person, clicked_at, str(action.get("action_id"))),
        channel=str((body.get("channel") or {}).get("id") or container.get("channel_id") or ""),
        thread=str(message.get("thread_ts") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
        response_url=str(body.get("response_url") or ""),
    )


def of_view(body: Mapping[str, Any]) -> Caller:
    """A form is known by its view: a second submit of the same one is the same wish (C059)."""
    person = PersonId(str(body["user"]["id"]))
    return Caller(
        person=person,
        op=op_id("view", person, str(body["view"]["id"])),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def of_event(body: Mapping[str, Any]) -> Caller:
    """An event is known by its event id, whatever envelope or retry brings it (C012)."""
    event = body["event"]
    person = PersonId(str(event.get("user") or ""))
    return Caller(
        person=person,
        op=op_id("event", str(body.get("event_id") or f"{person} {event.get('event_ts')}")),
        channel=str(event.get("channel") or ""),
        thread=str(event.get("thread_ts") or event.get("ts") or ""),
    )


def of_shortcut(body: Mapping[str, Any]) -> Caller:
    person = PersonId(str(body["user"]["id"]))
    return Caller(
        person=person,
        op=op_id("shortcut", person, str(body.get("trigger_id"))),
        channel=str((body.get("channel") or {}).get("id") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
        response_url=str(body.get("response_url") or ""),
    )


@dataclass(frozen=True, slots=True)
class Reference:
    """What a button carries: a request's number and the version of its terms (O3)."""

    request_id: RequestId
    terms_version: int | None


def reference(value: object) -> Reference | None:
    """`1042.3` or `1042`; anything else is not ours."""
    if not isinstance(value, str):
        return None
    found = _REFERENCE.fullmatch(value)
    if found is None:
        return None
    return Reference(RequestId(found[1]), int(found[2]) if found[2] else None)
