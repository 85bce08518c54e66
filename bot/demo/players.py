"""The people of the script: what each does, and what each then sees, printed as it happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.console import Console
from bot.demo.surface import Differs, Message, Surface, View, until

#: One line of a terminal; the page shows the whole of it.
LINE_MAX = 150


@dataclass(slots=True)
class Player:
    """A person of the sandbox. What was seen once is not taken for an answer again."""

    console: Console
    surface: Surface
    id: str
    name: str
    _seen: set[tuple[str, str, str]] = field(default_factory=set)

    @property
    def dm(self) -> str:
        """The direct message with the bot."""
        return f"D0{self.id.removeprefix('U0')}"

    async def types(self, channel: str, text: str) -> None:
        self._tell("demo.does", text=text)
        done = await self.surface.act(self.id, "message", channel=channel, text=text)
        if not done.ok:
            raise Differs(f"{self.name}: {text}: {done.error}")

    async def asks_until(self, channel: str, text: str, part: str) -> None:
        """Type a question that changes nothing until the private answer holds `part`."""
        self._tell("demo.does", text=text)

        async def look() -> Message | None:
            await self.surface.act(self.id, "message", channel=channel, text=text)
            shown = await self.surface.messages(self.id, channel)
            return next((m for m in shown if m.ephemeral and part in m.text), None)

        await until(f"{self.name} types {text} and is not told of {part}", look, every=0.5)
        await self.sees(channel, part, private=True)

    async def presses(self, channel: str, message: Message, action_id: str, times: int = 1) -> None:
        """Press a button, several times at once where `times` says so."""
        found = message.button(action_id)
        if found is None:
            raise Differs(f"no button {action_id} in: {message.text}")
        block, button = found
        self._tell("demo.presses", button=action_id, times="" if times == 1 else f" x{times}")
        presses = [
            self.surface.act(
                self.id, "block_action",
                container={"type": "message", "channel": channel, "ts": message.ts},
                block_id=block.block_id, action_id=action_id, element_type="button",
                value=button.value,
            )
            for _ in range(times)
        ]  # fmt: skip
        for done in await asyncio.gather(*presses):
            if not done.ok:
                raise Differs(f"{self.name} pressed {action_id}: {done.error}")

    async def fills(self, callback_id: str, **texts: str) -> None:
        """Send the form on top, with these texts in its blocks."""

        async def look() -> View | None:
            view = await self.surface.view(self.id)
            return view if view is not None and view.callback_id == callback_id else None

        view = await until(f"{self.name} sees no form {callback_id}", look)
        values = view.state.values
        for block_id, text in texts.items():
            for state in values.setdefault(block_id, {block_id: {}}).values():
                state.update(type="plain_text_input", value=text)
        self._tell("demo.fills", form=callback_id, texts=", ".join(texts.values()) or "-")
        done = await self.surface.act(self.id, "view_submission", view_id=view.id, values=values)
        if not done.ok:
            raise Differs(f"{self.name} sent {callback_id}: {done.error or done.errors}")

    async def sees(
        self,
        channel: str,
        *parts: str,
        button: str = "",
        private: bool | None = None,
    ) -> Message:
        """Wait for a message that is new, or new in what it says, and holds all of this."""

        async def look() -> Message | None:
            for message in reversed(await self.surface.messages(self.id, channel)):
                key = (channel, message.ts, message.text)
                if key not in self._seen and _fits(message, parts, button, private):
                    self._seen.add(key)
                    return message
            return None

        wanted = ", ".join([*parts, *([button] if button else [])])
        try:
            message = await until(f"{self.name} does not see: {wanted}", look)
        except Differs as differs:
            shown = await self.surface.messages(self.id, channel)
            newest = "".join(f"\n  {message.text}" for message in shown[-3:])
            raise Differs(f"{differs}\n{channel}:{newest}") from differs
        where = "demo.sees_private" if message.ephemeral or channel == self.dm else "demo.sees"
        text = message.text.replace("\n", " ")
        self._tell(where, text=text if len(text) <= LINE_MAX else f"{text[:LINE_MAX]}…")
        return message

    def _tell(self, key: str, **args: object) -> None:
        self.console.say(key, name=self.name, **args)


def _fits(message: Message, parts: tuple[str, ...], button: str, private: bool | None) -> bool:
    return (
        all(part in message.text for part in parts)
        and (not button or message.button(button) is not None)
        and (private is None or message.ephemeral is private)
    )
