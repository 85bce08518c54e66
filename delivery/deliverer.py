"""Sends what waits in the outboxes: one poster per channel, one message a second, each thing once.

A post whose outcome is unknown (time-out, reset, crash) is looked for by its metadata before it is
sent again (FAULTS 8, 18). `Retry-After` pauses that channel only (17). A channel that is gone falls
back to another one and turns the health red; nothing is dropped (19).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import aiohttp
from redis.exceptions import RedisError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from delivery.outbox import Address, Card, ChannelId, Item, Line, ObjectId, Outbox, Queued

log = logging.getLogger(__name__)

METADATA_TYPE = "sekisho_item"
#: Slack: about one message per second and channel (facts/slack.md section 2).
POST_INTERVAL_SECONDS = 1.0
#: chat.update is Tier 3, 50 a minute and more, over all channels of one process.
UPDATE_INTERVAL_SECONDS = 1.2
LEASE_MS = 10_000
UNKNOWN_RETRY_SECONDS = 2.0
#: How far back an unknown post is looked for.
HISTORY_LIMIT = 100

GONE_CHANNEL = frozenset(
    {"channel_not_found", "is_archived", "not_in_channel", "restricted_action", "user_disabled"}
)
GONE_MESSAGE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
GONE_TOKEN = frozenset({"invalid_auth", "token_revoked", "account_inactive", "not_authed"})
TOO_LARGE = frozenset(
    {"msg_blocks_too_long", "invalid_blocks", "msg_too_long", "metadata_too_large"}
)
UNKNOWN_ERRORS = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """An object's card as of `version`."""

    channel: ChannelId
    version: int
    text: str
    blocks: list[dict[str, Any]]


#: Draws the current state of an object, or None when it is gone. `gone_note` asks for a line that
#: says that the earlier message was deleted (C098).
Render = Callable[[ObjectId], Awaitable[Rendered | None]]


@dataclass(slots=True)
class Health:
    """What keeps messages from their channel, by channel or "token"."""

    problems: dict[str, str] = field(default_factory=dict)
    posted: int = 0
    updated: int = 0
    reconciled: int = 0


@dataclass(slots=True)
class Pace:
    """When the next call may go out. Seconds on the monotonic clock."""

    interval: float
    next_at: float = 0.0

    async def wait(self) -> None:
        delay = self.next_at - time.monotonic()
        if delay > 0:
            await asyncio.sleep(delay)
        self.next_at = time.monotonic() + self.interval

    def pause(self, seconds: float) -> None:
        self.next_at = max(self.next_at, time.monotonic() + seconds)


class UnknownOutcome(Exception):
    """Slack may or may not have taken the post."""


class LeaseLost(Exception):
    """Another process posts to this channel now."""


class Sent(Enum):
    """What became of an item: gone on, to be tried again in order, or held for a later sweep."""

    DONE = "done"
    AGAIN = "again"
    HELD = "held"


class Deliverer:
    """The posting side. `run` until cancelled; several processes may run one each."""

    def __init__(
        self,
        outbox: Outbox,
        client: AsyncWebClient,
        render: Render,
        *,
        fallback_channel: ChannelId,
        gone_note: Callable[[ChannelId], str],
        post_interval: float = POST_INTERVAL_SECONDS,
        update_interval: float = UPDATE_INTERVAL_SECONDS,
        lease_ms: int = LEASE_MS,
    ) -> None:
        self._outbox = outbox
        self._client = client
        self._render = render
        self._fallback = fallback_channel
        self._gone_note = gone_note
        self._post_interval = post_interval
        self._lease_ms = lease_ms
        self._token = secrets.token_hex(8)
        self._posts: dict[ChannelId, Pace] = {}
        self._updates = Pace(update_interval)
        self._workers: dict[ChannelId, asyncio.Task[None]] = {}
        self._dms: dict[ChannelId, ChannelId] = {}
        self.health = Health()

    async def sweep(self) -> None:
        """Start a worker for each channel that has something waiting and none at work here."""
        for channel in await self._outbox.channels():
            worker = self._workers.get(channel)
            if worker is None or worker.done():
                self._workers[channel] = asyncio.create_task(
                    self._work(channel), name=f"deliver {channel}"
                )

    async def stop(self) -> None:
        for worker in self._workers.values():
            worker.cancel()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)

    async def _work(self, channel: ChannelId) -> None:
        lease = f"outbox:{channel}"
        try:
            while await self._outbox.take(lease, self._token, self._lease_ms):
                waiting = await self._outbox.waiting(channel)
                if not waiting:
                    await self._outbox.forget_empty(channel)
                    break
                if not await self._send_all(channel, waiting):
                    break
        except LeaseLost:
            return
        except RedisError as error:
            log.warning("outbox %s: redis: %s", channel, type(error).__name__)
            return
        finally:
            with contextlib.suppress(RedisError):
                await self._outbox.give_back(lease, self._token)

    async def _send_all(self, channel: ChannelId, waiting: list[Queued]) -> bool:
        """True when the channel can go on; False leaves the rest for a later sweep."""
        for queued in waiting:
            await self._hold_lease(channel)
            match await self._send(channel, queued):
                case Sent.DONE:
                    continue
                case Sent.AGAIN:
                    return True
                case Sent.HELD:
                    return False
        return True

    async def _hold_lease(self, channel: ChannelId) -> None:
        if not await self._outbox.take(f"outbox:{channel}", self._token, self._lease_ms):
            raise LeaseLost(channel)

    async def _send(self, channel: ChannelId, queued: Queued) -> Sent:
        try:
            match queued.item:
                case Card():
                    await self._show(channel, queued.item)
                case Line():
                    await self._say(channel, queued.item)
        except UnknownOutcome as unknown:
            log.warning("outbox %s: outcome unknown: %s", channel, unknown)
            await asyncio.sleep(UNKNOWN_RETRY_SECONDS)
            return Sent.AGAIN
        except SlackApiError as error:
            return await self._refused(channel, queued, error)
        await self._outbox.remove(channel, queued.stream_id)
        self.health.problems.pop(channel, None)
        self.health.problems.pop("token", None)
        return Sent.DONE

    # --- cards ---

    async def _show(self, channel: ChannelId, item: Card) -> None:
        rendered = await self._render(item.object_id)
        if rendered is None:
            return
        address = await self._outbox.address(item.object_id)
        if address is not None:
            if address.shown_version >= rendered.version:
                return
            if await self._update(address, rendered, item.object_id):
                return
            await self._outbox.forget_address(item.object_id)
        note = self._gone_note(channel) if address is not None else ""
        ts = await self._post_once(
            channel,
            key=f"card:{item.object_id}" + (f":again:{address.ts}" if address else ""),
            text=rendered.text,
            blocks=[*_note_blocks(note), *rendered.blocks],
            thread_ts=None,
        )
        await self._outbox.save_address(
            item.object_id, Address(await self._resolve(channel), ts, rendered.version)
        )

    async def _update(self, address: Address, rendered: Rendered, object_id: ObjectId) -> bool:
        """False when the message is gone for good."""
        await self._updates.wait()
        try:
            await self._client.chat_update(
                channel=address.channel,
                ts=address.ts,
                text=rendered.text,
                blocks=rendered.blocks,
                metadata=_metadata(f"card:{object_id}"),
            )
        except SlackApiError as error:
            if _error(error) in GONE_MESSAGE:
                return False
            raise
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            # an update is idempotent: trying again is safe
            raise UnknownOutcome(type(error).__name__) from error
        self.health.updated += 1
        await self._outbox.save_address(
            object_id, Address(address.channel, address.ts, rendered.version)
        )
        return True

    # --- lines ---

    async def _say(self, channel: ChannelId, item: Line) -> None:
        thread_ts = item.thread_ts
        if item.thread_of is not None:
            address = await self._outbox.address(item.thread_of)
            if address is not None:
                thread_ts = address.ts
        await self._post_once(
            channel, key=item.key, text=item.text, blocks=item.blocks, thread_ts=thread_ts
        )

    async def _post_once(
        self,
        channel: ChannelId,
        *,
        key: str,
        text: str,
        blocks: list[dict[str, Any]],
        thread_ts: str | None,
    ) -> str:
        """Post, unless an earlier try of this key arrived. Returns the ts."""
        target = await self._resolve(channel)
        tried_before = await self._outbox.begin(key)
        if tried_before:
            found = await self._find(target, key, thread_ts)
            if found is not None:
                self.health.reconciled += 1
                await self._outbox.settle(key)
                return found
        await self._pace(channel).wait()
        await self._hold_lease(channel)  # the pause may have been longer than the lease
        try:
            ts = await self._post(target, key, text, blocks, thread_ts)
        except SlackApiError as error:
            if _is_unknown(error):
                raise UnknownOutcome(_error(error)) from error
            await self._outbox.settle(key)
            raise
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise UnknownOutcome(type(error).__name__) from error
        await self._outbox.settle(key)
        self.health.posted += 1
        return ts

    async def _post(
        self,
        target: ChannelId,
        key: str,
        text: str,
        blocks: list[dict[str, Any]],
        thread_ts: str | None,
    ) -> str:
        async def call(blocks: list[dict[str, Any]]) -> str:
            answer = await self._client.chat_postMessage(
                channel=target,
                text=text,
                blocks=blocks or None,
                thread_ts=thread_ts,
                metadata=_metadata(key),
                unfurl_links=False,
                unfurl_media=False,
            )
            return str(answer["ts"])

        try:
            return await call(blocks)
        except SlackApiError as error:
            if _error(error) not in TOO_LARGE or not blocks:
                raise
            # a definite refusal of the content: the bare text is better than silence (C019, C021)
            log.error("outbox %s: %s refused the blocks of %s", target, _error(error), key)
            return await call([])

    async def _find(self, target: ChannelId, key: str, thread_ts: str | None) -> str | None:
        """The ts of a message of ours that carries this key."""
        try:
            if thread_ts is None:
                answer = await self._client.conversations_history(
                    channel=target, include_all_metadata=True, limit=HISTORY_LIMIT
                )
            else:
                answer = await self._client.conversations_replies(
                    channel=target, ts=thread_ts, include_all_metadata=True, limit=HISTORY_LIMIT
                )
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise UnknownOutcome(type(error).__name__) from error
        for message in answer["messages"]:
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            if payload.get("key") == key:
                return str(message["ts"])
        return None

    async def _resolve(self, channel: ChannelId) -> ChannelId:
        """A person's id becomes the DM with that person."""
        if not channel.startswith(("U", "W")):
            return channel
        known = self._dms.get(channel)
        if known is None:
            answer = await self._client.conversations_open(users=channel)
            known = ChannelId(str(answer["channel"]["id"]))
            self._dms[channel] = known
        return known

    def _pace(self, channel: ChannelId) -> Pace:
        return self._posts.setdefault(channel, Pace(self._post_interval))

    async def _refused(self, channel: ChannelId, queued: Queued, error: SlackApiError) -> Sent:
        name = _error(error)
        if name in ("ratelimited", "rate_limited"):
            seconds = float(error.response.headers.get("Retry-After", 1))
            log.info("outbox %s: rate limited for %s s", channel, seconds)
            self._pace(channel).pause(seconds)
            if isinstance(queued.item, Card):
                self._updates.pause(seconds)
            return Sent.AGAIN
        if name in GONE_TOKEN:
            self.health.problems["token"] = name
            log.error("outbox: Slack refuses the token: %s; messages are held", name)
            return Sent.HELD
        if name in GONE_CHANNEL and channel != self._fallback:
            self.health.problems[channel] = name
            log.error("outbox %s: %s; using the fallback channel", channel, name)
            await self._outbox.move(channel, self._fallback, _without_thread(queued))
            return Sent.DONE
        self.health.problems[channel] = name
        log.error("outbox %s: refused: %s; held", channel, name)
        return Sent.HELD


def _without_thread(queued: Queued) -> Queued:
    """Threads do not follow an item to another channel."""
    item: Item = queued.item
    if isinstance(item, Line):
        item = Line(key=item.key, text=item.text, blocks=item.blocks)
    return Queued(queued.stream_id, item)


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": METADATA_TYPE, "event_payload": {"key": key}}


def _note_blocks(note: str) -> list[dict[str, Any]]:
    if not note:
        return []
    return [{"type": "context", "elements": [{"type": "plain_text", "text": note, "emoji": False}]}]


def _error(error: SlackApiError) -> str:
    data = error.response.data if hasattr(error.response, "data") else {}
    name = data.get("error") if isinstance(data, dict) else None
    return str(name) if name else f"http_{getattr(error.response, 'status_code', 0)}"


def _is_unknown(error: SlackApiError) -> bool:
    status = int(getattr(error.response, "status_code", 200))
    return status >= 500 or _error(error) in UNKNOWN_ERRORS
