"""The test surface: a person who types, clicks, fills forms in and looks at the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sandbox.slack import block_text, element_state
from sandbox.slack.core import Core
from sandbox.slack.delivery import Delivery
from sandbox.slack.interactions import Interactions, Submitted, split_command, suggested_options
from sandbox.slack.json_types import JsonObject
from sandbox.slack.messages import Message
from sandbox.slack.views import View
from sandbox.slack.workspace import Channel, Member, dm_id

T = TypeVar("T")

#: Tests wait this long for what should come by itself.
PATIENCE_SECONDS = 5.0


class Person:
    """Somebody of the workspace, as a test plays them."""

    def __init__(self, core: Core, acts: Interactions, member: Member) -> None:
        self._core = core
        self._acts = acts
        self.member = member

    @property
    def id(self) -> str:
        """The user id, such as U0ALICE."""
        return self.member.id

    @property
    def dm(self) -> str:
        """The channel id of this person's direct message with the bot."""
        return dm_id(self.member.id)

    # What the person does

    async def command(self, channel: str, line: str) -> Delivery:
        """Send a slash command, `/jit web-01 22 for 2h …`; `<@U…>` and `@name` are mentions."""
        command, rest = split_command(line)
        text = self._acts.command_text(command, rest, literally=False)
        return await self._acts.command(self.member, self._channel(channel), command, text)

    async def click(
        self,
        place: Message | View,
        action_id: str | None = None,
        *,
        value: str | None = None,
        block_id: str | None = None,
    ) -> Delivery:
        """Press the button with this action id, value or block."""
        block, element = block_text.find(
            place.blocks, action_id=action_id, value=value, block_id=block_id
        )
        return await self._use(place, block, element, None)

    async def choose(
        self, place: Message | View, action_id: str, value: Any, *, block_id: str | None = None
    ) -> Delivery:
        """Choose from a menu; the bot hears of it at once."""
        block, element = block_text.find(place.blocks, action_id=action_id, block_id=block_id)
        known = place.suggested if isinstance(place, View) else {}
        suggested = known.get((block["block_id"], element["action_id"]), [])
        state = element_state.entered(element, value, suggested=suggested)
        return await self._use(place, block, element, state)

    async def suggest(
        self, place: Message | View, block_id: str, query: str, *, action_id: str | None = None
    ) -> list[JsonObject]:
        """Type into a menu that the bot fills; its options, groups opened up."""
        _, element = block_text.find(place.blocks, block_id=block_id, action_id=action_id)
        delivery = await self.suggestion(place, block_id, element["action_id"], query)
        if not delivery.acked:
            raise AssertionError(f"no options for {query!r}: {delivery.error or delivery.status}")
        return suggested_options(delivery.body or {})

    async def suggestion(
        self, place: Message | View, block_id: str, action_id: str, query: str
    ) -> Delivery:
        """Type into a menu that the bot fills; the bot's whole answer."""
        return await self._acts.suggest(self.member, place, block_id, action_id, query)

    async def fill(
        self, view: View, block_id: str, value: Any, *, action_id: str | None = None
    ) -> View:
        """Type or choose; a menu outside an input, or one that says so, tells the bot."""
        block, element = block_text.find(view.blocks, block_id=block_id, action_id=action_id)
        suggested = view.suggested.get((block_id, element["action_id"]), [])
        state = element_state.entered(element, value, suggested=suggested)
        self._core.views.typed(view, block_id, element["action_id"], state)
        if block["type"] != "input" or block.get("dispatch_action"):
            await self._acts.use_in_view(self.member, view, block, element, state)
        return view

    async def submit(self, view: View) -> Submitted:
        """Send the form."""
        return await self._acts.submit(self.member, view)

    async def close(self, view: View, *, clear: bool = False) -> Delivery | None:
        """Close the form (`clear`: with the cross, and so all that lie below it)."""
        return await self._acts.close(self.member, view, clear=clear)

    async def mention(self, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Write a message that names the bot: `<@BOT> approve` or `@Sekisho approve`."""
        return await self.say(channel, text, thread_ts)

    async def say(self, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Write a message; returns when the bot has acknowledged its event, if it gets one."""
        place = self._channel(channel)
        spoken = self._acts.spoken(text, literally=False)
        message, event = self._acts.write(self.member, place, spoken, thread_ts)
        if event is not None:
            await self._acts.emit(event, shared=place.is_shared)
        return message

    async def shortcut(self, message: Message, callback_id: str) -> Delivery:
        """Choose a message shortcut."""
        return await self._acts.shortcut(self.member, message, callback_id)

    async def open_home(self, timeout: float = PATIENCE_SECONDS) -> View:  # noqa: ASYNC109
        """Open the bot's Home tab and wait until it was published anew."""
        before = self._core.views.homes.get(self.id)
        revision = before.revision if before else -1
        await self._acts.open_home(self.member)
        return await self._wait(lambda: self._newer_home(revision), timeout, "a Home tab")

    def _newer_home(self, revision: int) -> View | None:
        home = self.home()
        return home if home is not None and home.revision > revision else None

    async def _use(
        self,
        place: Message | View,
        block: JsonObject,
        element: JsonObject,
        state: JsonObject | None,
    ) -> Delivery:
        if isinstance(place, View):
            return await self._acts.use_in_view(self.member, place, block, element, state)
        return await self._acts.use_in_message(self.member, place, block, element, state)

    def _channel(self, reference: str) -> Channel:
        if reference == "DM":
            return self._core.workspace.channels[self.dm]
        channel = self._core.workspace.find_channel(reference)
        if channel is None:
            raise KeyError(f"no channel {reference!r}")
        return channel

    # What the person sees

    def view(self) -> View | None:
        """The form on top, if any."""
        return self._core.views.top(self.id)

    def home(self) -> View | None:
        """The Home tab as last published."""
        return self._core.views.homes.get(self.id)

    def ephemerals(self, channel: str | None = None) -> list[Message]:
        """What this person alone sees, oldest first; None: in every channel."""
        places = [self._channel(channel).id] if channel else list(self._core.workspace.channels)
        everything = [m for place in places for m in self._core.messages.everything(place)]
        mine = [m for m in everything if m.ephemeral_to == self.id and not m.deleted]
        return sorted(mine, key=lambda message: message.ts)

    def dms(self) -> list[Message]:
        """What the bot wrote to this person directly, threads included, oldest first."""
        return [m for m in self._core.messages.public(self.dm) if m.bot]

    async def wait_view(
        self,
        timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109
        *,
        callback_id: str | None = None,
        containing: str = "",
        where: Callable[[View], bool] = lambda view: True,
    ) -> View:
        """The form on top, once there is one that fits."""

        def fitting() -> View | None:
            view = self.view()
            fits = (
                view is not None
                and callback_id in (None, view.callback_id)
                and view.says(containing)
                and where(view)
            )
            return view if fits else None

        return await self._wait(fitting, timeout, f"a form {callback_id or ''} {containing!r}")

    async def wait_home(
        self,
        containing: str = "",
        timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109
    ) -> View:
        """The Home tab, once it shows these words."""

        def fitting() -> View | None:
            home = self.home()
            return home if home is not None and home.says(containing) else None

        return await self._wait(fitting, timeout, f"a Home tab with {containing!r}")

    async def wait_dm(
        self,
        containing: str = "",
        timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109
    ) -> Message:
        """The newest direct message of the bot with these words."""
        return await self._wait(
            lambda: _newest(self.dms(), containing), timeout, f"a DM with {containing!r}"
        )

    async def wait_ephemeral(
        self,
        containing: str = "",
        channel: str | None = None,
        timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109
    ) -> Message:
        """The newest message for this person alone with these words."""
        return await self._wait(
            lambda: _newest(self.ephemerals(channel), containing),
            timeout,
            f"an ephemeral message with {containing!r}",
        )

    async def _wait(
        self,
        condition: Callable[[], T | None],
        timeout: float,  # noqa: ASYNC109
        what: str,
    ) -> T:
        return await self._core.changes.wait(
            condition, timeout=timeout, describe=lambda: self._screen(what)
        )

    def _screen(self, wanted: str) -> str:
        view = self.view()
        seen = [message.all_text() for message in (*self.ephemerals()[-3:], *self.dms()[-3:])]
        form = view.all_text() if view else None
        return f"{self.member.handle} wanted {wanted}; form: {form!r}; messages: {seen!r}"


def _newest(messages: list[Message], containing: str) -> Message | None:
    return next((m for m in reversed(messages) if m.says(containing)), None)
