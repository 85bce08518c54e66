"""What a person can do in Slack, from the keystroke to the payload and what its answer changes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Literal

from sandbox.slack import element_state, mentions, payloads, responses, shapes
from sandbox.slack.core import Core
from sandbox.slack.delivery import Deliverer, Delivery
from sandbox.slack.element_state import VALUE_KEYS, State
from sandbox.slack.forms import complaints
from sandbox.slack.json_types import JsonObject
from sandbox.slack.messages import Message
from sandbox.slack.payloads import Envelope
from sandbox.slack.triggers import Origin
from sandbox.slack.validation import suggestion_violations, view_refusal
from sandbox.slack.views import STACK_MAX, View
from sandbox.slack.workspace import BOT_USER_ID, Channel, Member, dm_id

TROUBLE = "We had some trouble connecting. Try again?"


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a form that was sent."""

    action: Literal["errors", "update", "push", "clear"] | None
    errors: dict[str, str] = field(default_factory=dict)
    #: The form that this person sees now.
    view: View | None = None
    #: What Slack shows over the form when the answer was late or not valid.
    error: str | None = None
    delivery: Delivery | None = None


class Interactions:
    """Carries out what people do; both the test surface and the page use it."""

    def __init__(self, core: Core, deliverer: Deliverer) -> None:
        self._core = core
        self._deliverer = deliverer

    def _envelope(self, person: Member, origin: Origin | None = None) -> Envelope:
        core = self._core
        url = core.response_urls.issue(origin, now=core.now()) if origin is not None else ""
        return Envelope(core.tokens.verification, core.triggers.issue(person.id), url)

    async def command(self, person: Member, channel: Channel, command: str, text: str) -> Delivery:
        """Type a slash command; an answer in the acknowledgement is shown."""
        origin = Origin("command", channel.id, person.id)
        payload = payloads.slash_command(
            person, channel, command=command, text=text, envelope=self._envelope(person, origin)
        )
        delivery = await self._deliverer.send("slash_commands", payload)
        if not delivery.acked or not delivery.body:
            return delivery
        try:
            responses.apply(self._core, origin, delivery.body)
        except responses.ResponseRefused as refused:
            return _failed(delivery, f"invalid_command_response: {refused.error}")
        return delivery

    async def use_in_message(
        self,
        person: Member,
        message: Message,
        block: JsonObject,
        element: JsonObject,
        state: JsonObject | None = None,
    ) -> Delivery:
        """Press a button or choose from a menu of a message."""
        channel = self._core.workspace.channels[message.channel]
        values = message.chosen.setdefault(person.id, {})
        if state is not None:
            values.setdefault(block["block_id"], {})[element["action_id"]] = state
        origin = Origin("message", message.channel, person.id, message.ts)
        shown = None if message.ephemeral else shapes.message(message, self._core.messages)
        payload = payloads.block_actions_in_message(
            person,
            channel,
            container=_container(message),
            message=shown,
            values=element_state.initial_state(message.blocks, earlier=values),
            action=self._action(block, element, state),
            envelope=self._envelope(person, origin),
        )
        return await self._deliverer.send("interactive", payload)

    async def use_in_view(
        self,
        person: Member,
        view: View,
        block: JsonObject,
        element: JsonObject,
        state: JsonObject | None = None,
    ) -> Delivery:
        """Press a button or choose from a menu of a form or Home tab."""
        if state is not None:
            self._core.views.typed(view, block["block_id"], element["action_id"], state)
        payload = payloads.block_actions_in_view(
            person,
            view=view.to_json(),
            action=self._action(block, element, state),
            envelope=self._envelope(person),
        )
        return await self._deliverer.send("interactive", payload)

    def _action(
        self, block: JsonObject, element: JsonObject, state: JsonObject | None
    ) -> JsonObject:
        copied = ("text", "value", "style", "placeholder", "initial_option")
        action: JsonObject = {
            "type": element["type"],
            "action_id": element["action_id"],
            "block_id": block["block_id"],
            **{key: element[key] for key in copied if key in element},
        }
        if state is not None:
            key = VALUE_KEYS[element["type"]]
            action[key] = state.get(key)
        return action | {"action_ts": self._core.messages.next_ts()}

    async def suggest(
        self, person: Member, place: Message | View, block_id: str, action_id: str, query: str
    ) -> Delivery:
        """Type into a menu whose options the bot supplies; they are in the delivery's body."""
        if isinstance(place, View):
            container = payloads.view_container(place.id)
            where: JsonObject = {"view": place.to_json()}
        else:
            channel = self._core.workspace.channels[place.channel]
            container = _container(place)
            where = {
                "channel": {"id": channel.id, "name": channel.name},
                "message": shapes.message(place, self._core.messages),
            }
        payload = payloads.block_suggestion(
            person,
            container=container,
            place=where,
            block_id=block_id,
            action_id=action_id,
            query=query,
            envelope=Envelope(self._core.tokens.verification),
        )
        delivery = await self._deliverer.send("interactive", payload)
        violations = suggestion_violations(delivery.body) if delivery.acked else []
        if violations:
            return _failed(delivery, f"invalid_options: {violations[0]}")
        if isinstance(place, View) and delivery.body:
            place.suggested[block_id, action_id] = suggested_options(delivery.body)
        return delivery

    async def submit(self, person: Member, view: View) -> Submitted:
        """Send a form; Slack itself complains about fields left empty."""
        missing = complaints(view, person.locale)
        if missing:
            return Submitted("errors", missing, view)
        payload = payloads.view_submission(
            person, view=view.to_json(), envelope=self._envelope(person)
        )
        delivery = await self._deliverer.send("interactive", payload)
        if not delivery.acked:
            return Submitted(None, view=view, error=delivery.error, delivery=delivery)
        return self._answered(view, delivery)

    def _answered(self, view: View, delivery: Delivery) -> Submitted:
        views, body = self._core.views, delivery.body or {}
        action = body.get("response_action")
        if action in ("update", "push") and view_refusal(body.get("view")) is not None:
            refusal = view_refusal(body.get("view"))
            detail = "; ".join(refusal.messages) if refusal else ""
            return Submitted(None, view=view, error=f"{TROUBLE} ({detail})", delivery=delivery)
        match action:
            case None:
                views.pop(view)
            case "clear":
                views.clear(view.user)
            case "errors":
                return self._errors(view, delivery, body.get("errors") or {})
            case "update":
                views.update(view, body["view"])
            case "push" if len(views.stack(view.user)) < STACK_MAX:
                views.push(view.user, body["view"])
            case _:
                return Submitted(None, view=view, error=TROUBLE, delivery=delivery)
        return Submitted(action, view=views.top(view.user), delivery=delivery)

    def _errors(self, view: View, delivery: Delivery, errors: dict[str, str]) -> Submitted:
        inputs = {b["block_id"] for b in view.blocks if b["type"] == "input"}
        if not errors or not errors.keys() <= inputs:
            return Submitted(None, errors, view, error=TROUBLE, delivery=delivery)
        return Submitted("errors", errors, view, delivery=delivery)

    async def close(self, person: Member, view: View, *, clear: bool = False) -> Delivery | None:
        """Close a form without sending it; the bot hears of it when it asked to."""
        views = self._core.views
        shown = view.to_json()
        if clear:
            views.clear(person.id)
        else:
            views.pop(view)
        if not shown["notify_on_close"]:
            return None
        payload = payloads.view_closed(
            person,
            view=shown,
            is_cleared=clear,
            envelope=Envelope(self._core.tokens.verification),
        )
        return await self._deliverer.send("interactive", payload)

    async def shortcut(self, person: Member, message: Message, callback_id: str) -> Delivery:
        """Choose a message shortcut from the menu of a message."""
        core = self._core
        origin = Origin("shortcut", message.channel, person.id, message.ts)
        payload = payloads.message_action(
            person,
            core.workspace.channels[message.channel],
            message=shapes.message(message, core.messages),
            callback_id=callback_id,
            action_ts=core.messages.next_ts(),
            envelope=self._envelope(person, origin),
        )
        return await self._deliverer.send("interactive", payload)

    async def open_home(self, person: Member) -> Delivery:
        """Look at the bot's Home tab."""
        home = self._core.views.homes.get(person.id)
        inner = payloads.app_home_opened(
            person,
            channel=dm_id(person.id),
            event_ts=self._core.messages.next_ts(),
            view=home.to_json() if home else None,
        )
        return await self.emit(inner)

    def write(
        self, person: Member, channel: Channel, text: str, thread_ts: str | None
    ) -> tuple[Message, JsonObject | None]:
        """Post a person's message; with it the event for the bot, if it gets one."""
        core = self._core
        message = core.messages.post(
            Message(
                channel=channel.id,
                ts=core.messages.next_ts(),
                user=person.id,
                text=text,
                blocks=[],
                thread_ts=thread_ts,
            )
        )
        addressed = channel.is_im or f"<@{BOT_USER_ID}>" in text
        if not addressed or BOT_USER_ID not in channel.members:
            return message, None
        inner = payloads.message_event(
            person,
            channel,
            ts=message.ts,
            text=text,
            blocks=_as_rich_text(text, message.ts),
            thread_ts=thread_ts,
            client_msg_id=str(uuid.uuid4()),
        )
        return message, inner

    def spoken(self, text: str, *, literally: bool) -> str:
        """What Slack makes of typed text; `literally` is how a person in the page types."""
        change = mentions.typed if literally else mentions.written
        return change(text, self._core.workspace)

    def command_text(self, command: str, text: str, *, literally: bool) -> str:
        """What Slack makes of the words after a slash command."""
        declared = {c.command: c.should_escape for c in self._core.commands}
        if not declared.get(command, True):
            return text
        change = mentions.typed if literally else mentions.written
        return change(text, self._core.workspace, labelled=True)

    async def emit(self, inner: JsonObject, *, shared: bool = False) -> Delivery:
        """Deliver an event; the deliverer repeats it when it is not acknowledged."""
        payload = payloads.event(
            inner,
            event_id=f"Ev0{uuid.uuid4().hex[:8].upper()}",
            event_time=int(float(inner["event_ts"])),
            verification_token=self._core.tokens.verification,
            is_shared_channel=shared,
        )
        return await self._deliverer.send("events_api", payload)

    def emit_later(self, inner: JsonObject) -> None:
        """Deliver an event without waiting for its acknowledgement."""
        self._deliverer.spawn(self.emit(inner))

    def remember_values(self, place: Message | View, person: Member, values: State) -> None:
        """Keep what a page says its fields hold now."""
        if isinstance(place, View):
            for block_id, actions in values.items():
                for action_id, state in actions.items():
                    if action_id in place.values.get(block_id, {}):
                        self._core.views.typed(place, block_id, action_id, state)
        else:
            place.chosen.setdefault(person.id, {}).update(values)


def split_command(line: str) -> tuple[str, str]:
    """`/jit web-01 22` as command and text; any kind of space ends the command."""
    command, *rest = line.split(maxsplit=1)
    return command, rest[0].rstrip(" ") if rest else ""


def suggested_options(body: JsonObject) -> list[JsonObject]:
    """The options of an answer, groups opened up."""
    options: list[JsonObject] = list(body.get("options") or [])
    for group in body.get("option_groups") or []:
        options.extend(group["options"])
    return options


def _container(message: Message) -> JsonObject:
    return payloads.message_container(
        channel=message.channel,
        ts=message.ts,
        ephemeral=message.ephemeral,
        thread_ts=message.thread_ts,
    )


def _failed(delivery: Delivery, error: str) -> Delivery:
    return Delivery(
        kind=delivery.kind,
        payload=delivery.payload,
        status="failed",
        body=delivery.body,
        seconds=delivery.seconds,
        error=error,
    )


def _as_rich_text(text: str, ts: str) -> list[JsonObject]:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "block_id": f"t{ts[-6:]}", "elements": [section]}]
