"""Items that no alert could be made of: set aside, counted and told once, the rest goes on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, cast

from delivery.outbox import ChannelId, Line, Outbox
from feeds.store import AlertStore
from feeds.voice import SetAside, Voice

#: Sentences that are remembered; beyond them something else is broken.
KNOWN_MAX = 500
#: Sentences of one message; the log has all.
TOLD_MAX = 5

#: The same item stands at another place of the next page.
_PLACE = re.compile(r"[0-9]+")


class BadItems:
    """What a source could not give. `now`: how many its last read held, for health."""

    def __init__(
        self, store: AlertStore, outbox: Outbox, *, voice: Voice, channel: ChannelId
    ) -> None:
        self._store = store
        self._redis = store.scripts.redis
        self._key = store.scripts.key("feeds", "bad")
        self._outbox = outbox
        self._voice = voice
        self._channel = channel
        self._now: dict[str, int] = {}

    @property
    def now(self) -> int:
        return sum(self._now.values())

    async def note(self, source: str, sentences: Sequence[str]) -> None:
        """Count and tell those that were not seen before; told first, so that none stays untold."""
        self._now[source] = len(sentences)
        by_print = {_print(source, sentence): sentence for sentence in sentences}
        new = await self._unknown(by_print)
        if not new:
            return
        found = SetAside(source, tuple(new.values()))
        said = self._voice.set_aside(self._channel, found)
        key = f"feeds:bad:{_digest(''.join(sorted(new)))}"
        await self._outbox.put(self._channel, Line(key=key, text=said.text, blocks=said.blocks))
        pipe = self._redis.pipeline(transaction=False)
        pipe.hset(self._key, mapping=new)  # type: ignore[arg-type]
        await pipe.execute()
        await self._store.count("bad", len(new))

    async def _unknown(self, by_print: dict[str, str]) -> dict[str, str]:
        if not by_print:
            return {}
        prints = list(by_print)
        known = cast(Any, await cast(Any, self._redis.hmget(self._key, prints)))
        room = KNOWN_MAX - int(await cast(Any, self._redis.hlen(self._key)))
        unknown = [mark for mark, found in zip(prints, known, strict=True) if found is None]
        return {mark: by_print[mark] for mark in unknown[: max(0, room)]}


def _print(source: str, sentence: str) -> str:
    return _digest(f"{source}\n{_PLACE.sub('#', sentence)}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
