"""What is known of each alert in Defender XDR, so that our own writes never come back as news.

One hash an alert: which of ours it is, its fields as last told or written, what is being written
just now (noted before it is sent), and the digests of comments that were told or are ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from approvals.deeds import Deed
from approvals.events import PersonId
from defender.xdr_decode import Comment
from feeds.reading import instant, milliseconds
from feeds.scripts import Scripts, text

#: As long as alerts are kept.
KEPT = timedelta(days=100)
#: Prefixes of the fields of a hash: a field as last known, one under way, a comment's digest.
_SEEN, _WRITING, _HEARD = "seen:", "writing:", "heard:"


@dataclass(frozen=True, slots=True)
class Record:
    """One alert's. `seen` and `writing`: field → value, as Graph spells them."""

    key: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)
    writing: Mapping[str, str] = field(default_factory=dict)
    heard: frozenset[str] = frozenset()
    changed_at: datetime | None = None
    #: whose it was before our last change of its owner.
    had: str = ""

    def has_heard(self, comment: Comment) -> bool:
        return not self.heard.isdisjoint((digest(comment.text), digest_at(comment)))


class Owed(msgspec.Struct, frozen=True):
    """A deed that Defender XDR has not taken yet: tried again, from the state of that moment."""

    deed: Deed
    actor: PersonId
    since: datetime


class XdrRecords:
    """One workspace's."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def read(self, xdr_id: str) -> Record:
        rows = cast(Any, await self._redis.hgetall(self._name(xdr_id)))
        found = {text(name): text(value) for name, value in rows.items()}
        changed = found.get("changed")
        return Record(
            key=found.get("key", ""),
            seen=_part(found, _SEEN),
            writing=_part(found, _WRITING),
            heard=frozenset(_part(found, _HEARD)),
            changed_at=instant(float(changed)) if changed else None,
            had=found.get("had", ""),
        )

    async def begin(self, xdr_id: str, key: str, fields: Mapping[str, str], had: str) -> None:
        """We are about to write this: what shows there from now on may be ours.

        `had` is its owner now; where that is the new one, we write again what we wrote before.
        """
        is_again = fields.get("owner", had).casefold() == had.casefold()
        before = {} if is_again else {"had": had}
        await self._set(xdr_id, {"key": key, **before, **_with(_WRITING, fields)})

    async def wrote(
        self, xdr_id: str, fields: Mapping[str, str], changed_at: datetime | None
    ) -> None:
        """It stands there since `changed_at`. What else changed meanwhile is still news."""
        await self._set(xdr_id, {**_with(_SEEN, fields), **_changed(changed_at)})
        await self.refused(xdr_id, fields)

    async def refused(self, xdr_id: str, fields: Mapping[str, str]) -> None:
        """It is no longer under way."""
        await cast(Any, self._redis.hdel(self._name(xdr_id), *_with(_WRITING, fields)))

    async def say(self, xdr_id: str, comment: str) -> None:
        """We are about to write this comment."""
        await self._set(xdr_id, {f"{_HEARD}{digest(comment)}": "1"})

    async def saw(
        self,
        xdr_id: str,
        key: str,
        fields: Mapping[str, str],
        comments: Iterable[Comment],
        changed_at: datetime | None,
    ) -> None:
        """All of this is told, or is none of our news."""
        heard = {f"{_HEARD}{digest_at(comment)}": "1" for comment in comments}
        await self._set(
            xdr_id, {"key": key, **_with(_SEEN, fields), **heard, **_changed(changed_at)}
        )

    # --- what is owed, and how far was read ---

    async def owe(self, sequence: int, owed: Owed) -> None:
        name = self._scripts.key("xdr-owed")
        await cast(Any, self._redis.hset(name, str(sequence), msgspec.json.encode(owed)))

    async def owed(self) -> dict[int, Owed]:
        """The oldest first."""
        rows = cast(Any, await self._redis.hgetall(self._scripts.key("xdr-owed")))
        found = {int(text(name)): _OWED.decode(body) for name, body in rows.items()}
        return dict(sorted(found.items()))

    async def paid(self, sequence: int) -> None:
        await cast(Any, self._redis.hdel(self._scripts.key("xdr-owed"), str(sequence)))

    async def cursor(self) -> datetime | None:
        """The newest change that was seen, in Graph's own time."""
        found = await self._redis.get(self._scripts.key("xdr-cursor"))
        return None if found is None else instant(float(found))

    async def advance(self, at: datetime) -> None:
        await self._redis.set(self._scripts.key("xdr-cursor"), str(milliseconds(at)))

    async def now(self) -> datetime:
        """Redis TIME, as everything that is compared here."""
        return instant(await self._scripts.now_ms())

    @property
    def _redis(self) -> Any:
        return self._scripts.redis

    def _name(self, xdr_id: str) -> str:
        return self._scripts.key("xdr", xdr_id)

    async def _set(self, xdr_id: str, fields: Mapping[str, str]) -> None:
        name = self._name(xdr_id)
        pipe = self._redis.pipeline(transaction=True)
        pipe.hset(name, mapping=dict(fields))
        pipe.expire(name, KEPT)
        await pipe.execute()


_OWED = msgspec.json.Decoder(Owed)


def digest(comment: str) -> str:
    """Of a comment's text: ours are known before Defender XDR says when it took them."""
    return _digest(comment.strip())


def digest_at(comment: Comment) -> str:
    """Of one comment: the same words may be written twice."""
    at = comment.at.isoformat() if comment.at else ""
    return _digest("\x1f".join((comment.by, at, comment.text)))


def _digest(said: str) -> str:
    return hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=12).hexdigest()


def _part(found: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {n.removeprefix(prefix): v for n, v in found.items() if n.startswith(prefix)}


def _changed(at: datetime | None) -> dict[str, str]:
    return {} if at is None else {"changed": str(milliseconds(at))}


def _with(prefix: str, fields: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}{name}": value for name, value in fields.items()}
