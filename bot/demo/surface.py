"""The sandbox's HTTP surface, as the page in the browser uses it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp
import msgspec

T = TypeVar("T")

#: A step of the job takes a second or two; on two busy cores more.
WAIT_SECONDS = 30.0
POLL_SECONDS = 0.1

#: A form's state, by block and action: handed back as it came.
Values = dict[str, dict[str, dict[str, object]]]


class Differs(Exception):
    """Something that should have been seen was not."""


class Element(msgspec.Struct, frozen=True):
    type: str = ""
    action_id: str = ""
    value: str = ""


class Block(msgspec.Struct, frozen=True):
    type: str = ""
    block_id: str = ""
    elements: tuple[msgspec.Raw, ...] = ()

    def buttons(self) -> list[Element]:
        if self.type != "actions":
            return []
        return [msgspec.json.decode(raw, type=Element) for raw in self.elements]


class Message(msgspec.Struct, frozen=True):
    ts: str
    text: str
    ephemeral: bool = False
    blocks: tuple[Block, ...] = ()

    def button(self, action_id: str) -> tuple[Block, Element] | None:
        """The button and the block it stands in."""
        for block in self.blocks:
            for element in block.buttons():
                if element.action_id == action_id:
                    return block, element
        return None


class _Messages(msgspec.Struct, frozen=True):
    messages: tuple[Message, ...]


class _State(msgspec.Struct, frozen=True):
    values: Values = {}


class View(msgspec.Struct, frozen=True):
    id: str
    callback_id: str
    state: _State = _State()


class _Top(msgspec.Struct, frozen=True):
    view: View | None


class Done(msgspec.Struct, frozen=True):
    ok: bool
    error: str | None = None
    errors: dict[str, str] = {}


class OpenPort(msgspec.Struct, frozen=True):
    vm: str
    port: int
    source: str
    ends_at: str
    justification: str


class Exchange(msgspec.Struct, frozen=True):
    at: str
    method: str
    path: str
    status: int


class AzureView(msgspec.Struct, frozen=True):
    open: tuple[OpenPort, ...]
    log: tuple[Exchange, ...]


@dataclass(slots=True)
class Surface:
    """Reads what a person sees, does what a person does."""

    base: str
    session: aiohttp.ClientSession
    #: every POST that Azure has received, oldest first.
    writes: dict[tuple[str, str], Exchange] = field(default_factory=dict)

    async def messages(self, person: str, channel: str) -> tuple[Message, ...]:
        query = {"as": person, "channel": channel}
        return (await self._get("/sandbox/messages", query, _Messages)).messages

    async def view(self, person: str) -> View | None:
        return (await self._get("/sandbox/view", {"as": person}, _Top)).view

    async def azure(self) -> AzureView:
        """What is open right now; its writes are kept, since the log shows the last 50 alone."""
        found = await self._get("/sandbox/azure", {}, AzureView)
        for exchange in found.log:
            if exchange.method != "GET" and "oauth2" not in exchange.path:
                self.writes.setdefault((exchange.at, exchange.path), exchange)
        return found

    async def act(self, person: str, kind: str, **wish: object) -> Done:
        return await self._post("/sandbox/act", {"as": person, "kind": kind, **wish})

    async def advance(self, seconds: float) -> None:
        """Move the clock on, for Slack, Azure and the bot alike."""
        done = await self._post("/sandbox/director", {"do": "advance_clock", "seconds": seconds})
        if not done.ok:
            raise Differs(f"the clock did not move: {done.error}")

    async def _get(self, path: str, query: dict[str, str], kind: type[T]) -> T:
        async with self.session.get(f"{self.base}{path}", params=query) as answer:
            return msgspec.json.decode(await answer.read(), type=kind)

    async def _post(self, path: str, body: dict[str, object]) -> Done:
        async with self.session.post(f"{self.base}{path}", json=body) as answer:
            return msgspec.json.decode(await answer.read(), type=Done)


async def until(
    what: str, look: Callable[[], Awaitable[T | None]], *, every: float = POLL_SECONDS
) -> T:
    """Look until there is something; Differs, with `what`, when nothing comes in time."""
    ends_at = time.monotonic() + WAIT_SECONDS
    while True:
        found = await look()
        if found is not None:
            return found
        if time.monotonic() >= ends_at:
            raise Differs(what)
        await asyncio.sleep(every)
