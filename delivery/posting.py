"""Says something in Slack exactly once, as far as that can be known.

A post is noted before it is tried. One that was tried before is looked for by its metadata, from
the moment of the first try on, before it is sent again (FAULTS 8 and 18, C074).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from delivery.network import NETWORK_ERRORS
from delivery.outbox import Address, ChannelId, Outbox
from delivery.pace import Pace
from delivery.refusals import Refusal, Why, refusal_of
from delivery.sizes import Block, short, split
from delivery.turn import Turn

log = logging.getLogger(__name__)

METADATA_TYPE = "sekisho_item"
#: Slack tolerates short bursts; one post is little enough, and makes up for a slow answer.
POST_BURST = 1
PAGE = 200
#: 4,000 messages since the try: beyond that, a second copy is the smaller harm.
PAGES_MAX = 20
#: How far Redis' clock, by which tries are noted, may be ahead of Slack's.
SKEW_SECONDS = 300.0

#: A lost answer. AttributeError is what the SDK makes of a 200 with a text body (a proxy's page).
LOST = (*NETWORK_ERRORS, AttributeError)


class UnknownOutcome(Exception):
    """Slack may or may not have taken the call."""


class Refused(Exception):
    """Slack answered, and the answer is no."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.name)


@dataclass(frozen=True, slots=True)
class Post:
    """What shall be said once; `key` is its identity and travels as metadata."""

    key: str
    text: str
    blocks: list[Block]
    thread_ts: str | None = None
    #: shown in the channel as well as in the thread.
    is_aloud: bool = False

    @property
    def fallback(self) -> str:
        return short(self.text, has_blocks=bool(self.blocks))

    def part(self, number: int, blocks: list[Block], ts: str) -> Post:
        """A further message of the same thread."""
        thread = self.thread_ts or ts
        return replace(
            self,
            key=f"{self.key}:part:{number}",
            blocks=blocks,
            thread_ts=thread,
            is_aloud=False,
        )


@dataclass(slots=True)
class Posted:
    """Where it stands, and the keys of the tries that are settled with it."""

    ts: str
    attempts: list[str] = field(default_factory=list)
    #: an earlier try stands there, and may show what was true then.
    is_found: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    ts: str
    blocks: int


class Posting:
    """The calls. Counts what it did."""

    def __init__(
        self,
        client: AsyncWebClient,
        outbox: Outbox,
        *,
        post_interval: float,
        update_interval: float,
    ) -> None:
        self._client = client
        self._outbox = outbox
        self._post_interval = post_interval
        self._posts: dict[ChannelId, Pace] = {}
        self._updates = Pace(update_interval)
        self._dms: dict[ChannelId, ChannelId] = {}
        self.posted = 0
        self.updated = 0
        self.reconciled = 0

    async def once(self, turn: Turn, target: ChannelId, post: Post) -> Posted:
        """Post, unless an earlier try of this key arrived."""
        found = await self._earlier(target, post)
        if found is not None:
            self.reconciled += 1
            whole = found.blocks >= len(post.blocks)
            parts = [] if whole else split(post.blocks)[1:]
            posted = await self._rest_of(turn, target, post, found.ts, parts)
            posted.is_found = True
            return posted
        await turn.rest(self.pace(target).reserve())
        await turn.hold()
        try:
            ts, parts = await self._send(target, post)
        except Refused as refused:
            if refused.refusal.why is Why.UNKNOWN:
                raise UnknownOutcome(refused.refusal.name) from refused
            await self._outbox.settle(post.key)
            raise
        self.posted += 1
        return await self._rest_of(turn, target, post, ts, parts)

    async def update(self, turn: Turn, address: Address, post: Post) -> None:
        """Change a message: doing it twice is doing it once, so nothing is noted before."""
        await turn.rest(self._updates.reserve())
        await turn.hold()
        try:
            await self._change(address, post, post.blocks)
        except Refused as refused:
            if refused.refusal.why is Why.LIMITED:
                self._updates.pause(refused.refusal.retry_after.total_seconds())
            if refused.refusal.why not in (Why.SIZE, Why.CONTENT):
                raise
            parts = split(post.blocks)
            log.error("update of %s: %s", post.key, refused.refusal.name)
            await self._change(address, post, parts[0] if len(parts) > 1 else [])
        self.updated += 1

    async def resolve(self, channel: ChannelId) -> ChannelId:
        """A person's id becomes the DM with that person."""
        if not is_person(channel):
            return channel
        known = self._dms.get(channel)
        if known is None:
            answer = await self.call(self._client.conversations_open, users=channel)
            known = self._dms[channel] = ChannelId(str(answer["channel"]["id"]))
        return known

    # --- posting ---

    async def _rest_of(
        self, turn: Turn, target: ChannelId, post: Post, ts: str, parts: list[list[Block]]
    ) -> Posted:
        """What did not fit follows in the thread."""
        posted = Posted(ts, [post.key])
        for number, blocks in enumerate(parts, start=2):
            further = await self.once(turn, target, post.part(number, blocks, ts))
            posted.attempts += further.attempts
        return posted

    async def _send(self, target: ChannelId, post: Post) -> tuple[str, list[list[Block]]]:
        """The new message's ts and the blocks that did not fit. A definite no has one way out."""
        try:
            return await self._post(target, post), []
        except Refused as refused:
            refusal = refused.refusal
            match refusal.why:
                case Why.SIZE if len(parts := split(post.blocks)) > 1:
                    log.error("post of %s: %s: split", post.key, refusal.name)
                    return await self._post(target, replace(post, blocks=parts[0])), parts[1:]
                case Why.SIZE | Why.CONTENT if post.blocks:
                    # the bare text is better than silence (C019, C021)
                    log.error("post of %s: %s: without its blocks", post.key, refusal.name)
                    return await self._post(target, replace(post, blocks=[])), []
                case Why.THREAD if post.thread_ts:
                    log.warning("post of %s: %s: outside the thread", post.key, refusal.name)
                    return await self._post(target, replace(post, thread_ts=None)), []
                case _:
                    raise

    async def _post(self, target: ChannelId, post: Post) -> str:
        answer = await self.call(
            self._client.chat_postMessage,
            channel=target,
            text=post.fallback,
            blocks=post.blocks or None,
            thread_ts=post.thread_ts,
            reply_broadcast=True if post.is_aloud and post.thread_ts else None,
            metadata=_metadata(post.key),
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(answer["ts"])

    async def _change(self, address: Address, post: Post, blocks: list[Block]) -> None:
        await self.call(
            self._client.chat_update,
            channel=address.channel,
            ts=address.ts,
            text=post.fallback,
            blocks=blocks,
            metadata=_metadata(post.key),
        )

    # --- looking ---

    async def _earlier(self, target: ChannelId, post: Post) -> _Found | None:
        """The message that an earlier try of this key left, if there was one."""
        since = await self._outbox.begin(post.key)
        if since is None:
            return None
        found = await self._find(target, post.key, post.thread_ts, since)
        if found is None and post.thread_ts is not None:  # a try outside a thread that is gone
            found = await self._find(target, post.key, None, since)
        return found

    async def _find(
        self, target: ChannelId, key: str, thread_ts: str | None, since: float
    ) -> _Found | None:
        """Our message with this key that is not older than the first try."""

        def is_ours(message: dict[str, Any]) -> bool:
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            return bool(payload.get("key") == key)

        found = await self.find(target, is_ours, thread_ts=thread_ts, since=since)
        if found is None:
            return None
        return _Found(str(found["ts"]), len(found.get("blocks") or ()))

    async def find(
        self,
        target: ChannelId,
        is_it: Callable[[dict[str, Any]], bool],
        *,
        thread_ts: str | None,
        since: float,
    ) -> dict[str, Any] | None:
        """The newest message that is not older than `since`, by Slack's order of pages."""
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            try:
                answer = await self._page(target, thread_ts, since - SKEW_SECONDS, cursor)
            except Refused as refused:
                if refused.refusal.why is Why.THREAD:
                    return None
                raise
            found = next(filter(is_it, answer["messages"]), None)
            if found is not None:
                return dict(found)
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
        log.error("%s: not found among %s messages", target, PAGE * PAGES_MAX)
        return None

    async def _page(
        self, target: ChannelId, thread_ts: str | None, oldest: float, cursor: str | None
    ) -> AsyncSlackResponse:
        common: dict[str, Any] = {
            "channel": target,
            "include_all_metadata": True,
            "limit": PAGE,
            "oldest": f"{max(0.0, oldest):.6f}",
            "cursor": cursor,
        }
        if thread_ts is None:
            return await self.call(self._client.conversations_history, **common)
        return await self.call(self._client.conversations_replies, ts=thread_ts, **common)

    async def call(
        self, method: Callable[..., Awaitable[AsyncSlackResponse]], **args: Any
    ) -> AsyncSlackResponse:
        try:
            return await method(**args)
        except SlackApiError as error:
            raise Refused(refusal_of(error)) from error
        except LOST as error:
            raise UnknownOutcome(type(error).__name__) from error

    def pace(self, channel: ChannelId) -> Pace:
        return self._posts.setdefault(channel, Pace(self._post_interval, POST_BURST))


def is_person(channel: ChannelId) -> bool:
    return channel.startswith(("U", "W"))


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": METADATA_TYPE, "event_payload": {"key": key}}
