"""Shares a file exactly once, as far as that can be known.

Uploaded bytes are seen by nobody; the one call that shares them is noted before it is tried, and a
file of that name is looked for before it is tried again. Names are made to be unique.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from delivery.network import NETWORK_ERRORS
from delivery.outbox import ChannelId, ObjectId, Outbox
from delivery.posting import Posting, Refused, UnknownOutcome
from delivery.refusals import Why
from delivery.turn import Turn


@dataclass(frozen=True, slots=True)
class FileContent:
    """`name` is unique per object; `comment` is what the message says, `alt_text` what a picture
    says to who hears it (at most 1,000 characters)."""

    name: str
    body: bytes
    comment: str = ""
    alt_text: str = ""


#: Draws an object's file, or None when there is nothing to share.
DrawFile = Callable[[ObjectId], Awaitable[FileContent | None]]


async def no_file(_object_id: ObjectId) -> FileContent | None:
    """For a wiring that shares no files."""
    return None


class Uploads:
    """The three calls of an upload."""

    def __init__(self, client: AsyncWebClient, outbox: Outbox, posting: Posting) -> None:
        self._client = client
        self._outbox = outbox
        self._posting = posting

    async def once(
        self,
        turn: Turn,
        target: ChannelId,
        key: str,
        content: FileContent,
        *,
        thread_ts: str | None,
    ) -> str:
        """Share, unless an earlier try arrived. Returns the message's ts, or else the file's id."""
        since = await self._outbox.begin(key)
        if since is not None:
            found = await self._posting.find(
                target, _has(content.name), thread_ts=thread_ts, since=since
            )
            if found is not None:
                self._posting.reconciled += 1
                return str(found["ts"])
        try:
            file_id = await self._upload(content)
            await turn.rest(self._posting.pace(target).reserve())
            await turn.hold()
            await self._complete(target, file_id, content, thread_ts)
        except Refused as refused:
            if refused.refusal.why is Why.UNKNOWN:
                raise UnknownOutcome(refused.refusal.name) from refused
            await self._outbox.settle(key)
            raise
        self._posting.posted += 1
        return file_id

    async def _upload(self, content: FileContent) -> str:
        """The bytes, where nobody sees them yet."""
        answer = await self._posting.call(
            self._client.files_getUploadURLExternal,
            filename=content.name,
            length=len(content.body),
            alt_txt=content.alt_text or None,
        )
        session = self._client.session
        if session is None:
            raise RuntimeError("the client has no session: make it with delivery.web_client")
        try:
            async with session.post(
                str(answer["upload_url"]), data=content.body, proxy=self._client.proxy
            ) as uploaded:
                if uploaded.status != 200:
                    raise UnknownOutcome(f"upload: {uploaded.status}")
        except NETWORK_ERRORS as error:
            raise UnknownOutcome(type(error).__name__) from error
        return str(answer["file_id"])

    async def _complete(
        self, target: ChannelId, file_id: str, content: FileContent, thread_ts: str | None
    ) -> None:
        await self._posting.call(
            self._client.files_completeUploadExternal,
            files=[{"id": file_id, "title": content.name}],
            channel_id=target,
            initial_comment=content.comment or None,
            thread_ts=thread_ts,
        )


def _has(name: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a message shares the file of this name."""

    def has(message: dict[str, Any]) -> bool:
        return any(
            name in (file.get("name"), file.get("title")) for file in message.get("files") or ()
        )

    return has
