"""Sends what waits in the outboxes: one poster per channel, one message a second, each thing once.

`Retry-After` pauses that channel only (FAULT 17). A post whose outcome is unknown is looked for
before it is sent again (8, 18). A channel that is gone falls back to another one and turns the
health red (19); what Slack will never take is set aside, so that it blocks nothing; nothing is
dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from redis.exceptions import RedisError
from slack_sdk.web.async_client import AsyncWebClient

from delivery.outbox import Address, Card, ChannelId, File, Item, Line, ObjectId, Outbox, Queued
from delivery.posting import Post, Posting, Refused, UnknownOutcome, is_person
from delivery.refusals import Refusal, Why
from delivery.tasks import end
from delivery.turn import LeaseLost, Turn
from delivery.uploads import DrawFile, Uploads, no_file

log = logging.getLogger(__name__)

#: Slack: about one message per second and channel (facts/slack.md section 2).
POST_INTERVAL_SECONDS = 1.0
#: chat.update is Tier 3, 50 a minute and more, over all channels of one process.
UPDATE_INTERVAL_SECONDS = 1.2
#: A killed poster's channels wait at most this long for the next one. Longer than the client's
#: time-out, so that nothing of a lost turn is still on its way when the next one looks.
LEASE = timedelta(seconds=15)
#: The first pause after an unknown outcome; it doubles up to the longest.
RETRY = timedelta(seconds=2)
RETRY_MAX = timedelta(seconds=60)
#: How often something is tried that an administrator has to mend first.
HOLD = timedelta(seconds=30)
#: An item that can't even be drawn is set aside after so many tries.
DRAW_TRIES = 5


@dataclass(frozen=True, slots=True)
class Rendered:
    """An object's card as of `version`."""

    channel: ChannelId
    version: int
    text: str
    blocks: list[dict[str, Any]]


#: Draws the current state of an object, or None when it is gone.
Render = Callable[[ObjectId], Awaitable[Rendered | None]]


@dataclass(slots=True)
class Health:
    """What keeps messages from their channel, by channel or "token"."""

    problems: dict[str, str] = field(default_factory=dict)
    posted: int = 0
    updated: int = 0
    reconciled: int = 0
    set_aside: int = 0


@dataclass(frozen=True, slots=True)
class _Told:
    """What is written down when an item is done."""

    attempts: tuple[str, ...] = ()
    shown: tuple[ObjectId, Address] | None = None
    #: key and ts of what has no address.
    receipt: tuple[str, str] = ("", "")


#: A channel that can't be posted to, the one that gets its messages, and Slack's word for why.
OnFallback = Callable[[ChannelId, ChannelId, str], Awaitable[None]]


class Deliverer:
    """The posting side. `sweep` whenever something may wait; several processes may run one each."""

    def __init__(
        self,
        outbox: Outbox,
        client: AsyncWebClient,
        render: Render,
        *,
        fallback_channel: ChannelId,
        fallback_of: Callable[[ChannelId], ChannelId | None] = lambda _: None,
        on_fallback: OnFallback | None = None,
        gone_note: Callable[[ChannelId], str],
        draw_file: DrawFile = no_file,
        post_interval: float = POST_INTERVAL_SECONDS,
        update_interval: float = UPDATE_INTERVAL_SECONDS,
        lease: timedelta = LEASE,
        retry: timedelta = RETRY,
        hold: timedelta = HOLD,
    ) -> None:
        self._outbox = outbox
        self._render = render
        self._last_fallback = fallback_channel
        self._fallback_of = fallback_of
        self._on_fallback = on_fallback
        self._gone_note = gone_note
        self._lease, self._retry, self._hold = lease, retry, hold
        self._token = secrets.token_hex(8)
        self._posting = Posting(
            client, outbox, post_interval=post_interval, update_interval=update_interval
        )
        self._draw_file = draw_file
        self._uploads = Uploads(client, outbox, self._posting)
        self._workers: dict[ChannelId, asyncio.Task[None]] = {}
        self._tries: Counter[str] = Counter()
        self._health = Health()

    @property
    def health(self) -> Health:
        posting = self._posting
        self._health.posted, self._health.updated = posting.posted, posting.updated
        self._health.reconciled = posting.reconciled
        return self._health

    async def sweep(self) -> None:
        """Start a worker for each channel that has something waiting and none at work here."""
        for channel in [name for name, worker in self._workers.items() if worker.done()]:
            del self._workers[channel]
        for channel in await self._outbox.channels():
            if channel not in self._workers:
                self._workers[channel] = asyncio.create_task(
                    self._work(channel), name=f"deliver {channel}"
                )

    async def stop(self) -> None:
        """A post that is under way is looked for by whoever comes next."""
        await end(self._workers.values())
        self._workers.clear()

    # --- one channel ---

    async def _work(self, channel: ChannelId) -> None:
        turn = Turn(self._outbox, channel, self._token, self._lease)
        try:
            while await turn.take():
                waiting = await self._outbox.waiting(channel)
                if not waiting:
                    await self._outbox.forget_empty(channel)
                    return
                await self._send_all(turn, waiting)
        except LeaseLost:
            log.info("outbox %s: another process posts here now", channel)
        except RedisError as error:
            log.warning("outbox %s: redis: %s", channel, type(error).__name__)
        except Exception:
            log.exception("outbox %s", channel)
        finally:
            with contextlib.suppress(RedisError):  # the lease ends by itself
                await turn.end()

    async def _send_all(self, turn: Turn, waiting: list[Queued]) -> None:
        """In order: an item that has to be tried again holds those behind it back."""
        for queued in waiting:
            await turn.hold()
            if not await self._send(turn, queued):
                return

    async def _send(self, turn: Turn, queued: Queued) -> bool:
        """True when the item is out of the queue."""
        try:
            told = await self._tell(turn, queued.item)
        except UnknownOutcome as unknown:
            log.warning("outbox %s: outcome unknown: %s", turn.channel, unknown)
            await turn.rest(self._backoff(queued))
            return False
        except Refused as refused:
            return await self._refused(turn, queued, refused.refusal)
        except (LeaseLost, RedisError):
            raise
        except Exception as error:
            return await self._undrawable(turn, queued, error)
        if not await self._outbox.finish(
            turn.poster,
            queued.stream_id,
            attempts=told.attempts,
            shown=told.shown,
            receipt=told.receipt,
        ):
            raise LeaseLost(turn.channel)
        self._tries.pop(queued.stream_id, None)
        if told.attempts or told.shown:
            self._health.problems.pop(turn.channel, None)
            self._health.problems.pop("token", None)
        return True

    async def _tell(self, turn: Turn, item: Item) -> _Told:
        match item:
            case Card():
                return await self._show(turn, item)
            case Line():
                return await self._say(turn, item)
            case File():
                return await self._share(turn, item)

    # --- cards ---

    async def _show(self, turn: Turn, item: Card) -> _Told:
        rendered = await self._render(item.object_id)
        if rendered is None:
            return _Told()
        post = Post(f"card:{item.object_id}", rendered.text, rendered.blocks)
        address = await self._outbox.address(item.object_id)
        if address is not None:
            if address.shown_version >= rendered.version:
                return _Told()
            if await self._update(turn, address, post):
                return _Told(shown=(item.object_id, _at(address, rendered.version)))
            post = replace(
                post,
                key=f"{post.key}:again:{address.ts}",
                blocks=[*_note_blocks(self._gone_note(turn.channel)), *post.blocks],
            )
        target = await self._posting.resolve(turn.channel)
        posted = await self._posting.once(turn, target, post)
        shown = Address(target, posted.ts, rendered.version)
        if posted.is_found and not await self._update(turn, shown, post):
            shown = _at(shown, 0)  # gone already: the next item posts it anew
        return _Told(tuple(posted.attempts), (item.object_id, shown))

    async def _update(self, turn: Turn, address: Address, post: Post) -> bool:
        """False when the message, or all of its channel, can't be changed any more (C098)."""
        try:
            await self._posting.update(turn, address, post)
        except Refused as refused:
            if refused.refusal.why in (Why.MESSAGE, Why.CHANNEL):
                log.warning("outbox %s: %s: posting anew", turn.channel, refused.refusal.name)
                return False
            raise
        return True

    # --- lines ---

    async def _say(self, turn: Turn, item: Line) -> _Told:
        """A line about an object goes where its card is, be that the fallback channel."""
        post = Post(item.key, item.text, item.blocks, item.thread_ts, item.is_aloud)
        address = await self._outbox.address(item.thread_of) if item.thread_of else None
        if address is not None:
            post, target = replace(post, thread_ts=address.ts), address.channel
        else:
            target = await self._posting.resolve(turn.channel)
        posted = await self._posting.once(turn, target, post)
        return _Told(tuple(posted.attempts), receipt=(item.key, posted.ts))

    async def _share(self, turn: Turn, item: File) -> _Told:
        content = await self._draw_file(item.object_id)
        if content is None:
            return _Told()
        address = await self._outbox.address(item.thread_of) if item.thread_of else None
        target = address.channel if address else await self._posting.resolve(turn.channel)
        thread_ts = address.ts if address else None
        ts = await self._uploads.once(turn, target, item.key, content, thread_ts=thread_ts)
        return _Told((item.key,), receipt=(item.key, ts))

    # --- what went wrong ---

    async def _refused(self, turn: Turn, queued: Queued, refusal: Refusal) -> bool:
        match refusal.why:
            case Why.LIMITED:
                log.info("outbox %s: waits for %s", turn.channel, refusal.retry_after)
                await turn.rest(refusal.retry_after.total_seconds())
                return False
            case Why.UNKNOWN:
                log.warning("outbox %s: %s", turn.channel, refusal.name)
                await turn.rest(self._backoff(queued))
                return False
            case Why.RIGHTS if isinstance(queued.item, File):
                self._health.problems["files"] = refusal.name  # all else may still be said
                return await self._aside(turn, queued, refusal.name)
            case Why.TOKEN | Why.RIGHTS:
                return await self._held(turn, "token", refusal)
            case Why.CHANNEL if is_person(turn.channel):
                return await self._aside(turn, queued, refusal.name)  # nobody is there to read it
            case Why.CHANNEL if turn.channel != self._last_fallback:
                return await self._to_fallback(turn, queued, refusal)
            case Why.CHANNEL:
                return await self._held(turn, turn.channel, refusal)
            case _:
                self._health.problems[turn.channel] = refusal.name
                return await self._aside(turn, queued, refusal.name)

    async def _to_fallback(self, turn: Turn, queued: Queued, refusal: Refusal) -> bool:
        """Archived, gone, or we are no member: the next channel gets it, and somebody is told."""
        fallback = self._fallback_of(turn.channel) or self._last_fallback
        if fallback == turn.channel:
            fallback = self._last_fallback
        self._health.problems[turn.channel] = refusal.name
        log.error("outbox %s: %s: to %s", turn.channel, refusal.name, fallback)
        moved = Queued(queued.stream_id, await self._movable(queued.item, fallback))
        if not await self._outbox.move(turn.poster, fallback, moved, refusal.name):
            raise LeaseLost(turn.channel)
        if self._on_fallback is not None:
            await self._on_fallback(turn.channel, fallback, refusal.name)
        return True

    async def _movable(self, item: Item, fallback: ChannelId) -> Item:
        """The item for the fallback channel: into a thread only where its card goes there, too."""
        if isinstance(item, Card):
            return item
        address = await self._outbox.address(item.thread_of) if item.thread_of else None
        is_there = address is None or address.channel == fallback
        thread_of = item.thread_of if is_there else None
        if isinstance(item, Line):
            return Line(item.key, item.text, item.blocks, thread_of=thread_of)
        return File(item.key, item.object_id, thread_of=thread_of)

    async def _held(self, turn: Turn, what: str, refusal: Refusal) -> bool:
        """Only an administrator can mend it: everything waits in its order."""
        self._health.problems[what] = refusal.name
        log.error("outbox %s: %s: messages are held", turn.channel, refusal.name)
        await turn.rest(self._hold.total_seconds())
        return False

    async def _aside(self, turn: Turn, queued: Queued, why: str) -> bool:
        log.error("outbox %s: %s was set aside: %s", turn.channel, queued.item.key, why)
        if not await self._outbox.set_aside(turn.poster, queued, why):
            raise LeaseLost(turn.channel)
        self._health.set_aside += 1
        self._tries.pop(queued.stream_id, None)
        return True

    async def _undrawable(self, turn: Turn, queued: Queued, error: Exception) -> bool:
        """A card that can't be drawn must not silence its channel for ever."""
        log.error("outbox %s: %s can't be drawn", turn.channel, queued.item.key, exc_info=error)
        wait = self._backoff(queued)
        if self._tries[queued.stream_id] < DRAW_TRIES:
            await turn.rest(wait)
            return False
        self._health.problems[turn.channel] = type(error).__name__
        return await self._aside(turn, queued, type(error).__name__)

    def _backoff(self, queued: Queued) -> float:
        """Seconds; doubles with each try of this item."""
        self._tries[queued.stream_id] += 1
        doublings = min(self._tries[queued.stream_id] - 1, 16)
        seconds: float = self._retry.total_seconds() * 2**doublings
        return min(RETRY_MAX.total_seconds(), seconds)


def _at(address: Address, version: int) -> Address:
    return Address(address.channel, address.ts, version)


def _note_blocks(note: str) -> list[dict[str, Any]]:
    if not note:
        return []
    return [{"type": "context", "elements": [{"type": "plain_text", "text": note, "emoji": False}]}]
