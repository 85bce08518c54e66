"""What Sekisho remembers of a person: language, saved source addresses, which DMs. Not audited."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from approvals.events import PersonId
from approvals.outcomes import LedgerUnavailable

if TYPE_CHECKING:
    from approvals.store import Store

#: Saved addresses of one person; the oldest goes.
SOURCES_MAX = 10

#: A form that was begun is kept for this long.
DRAFT_LIFE = timedelta(hours=1)

#: A form's content is at most what Slack takes for one view.
DRAFT_BYTES_MAX = 250_000


class SavedSource(msgspec.Struct, frozen=True):
    """An address that was used before, as it was typed, and what the person calls it."""

    address: str
    label: str = ""


class PersonRecord(msgspec.Struct, frozen=True):
    """`language` and `time_zone` are "" while Slack's own are followed."""

    language: str = ""
    time_zone: str = ""
    sources: tuple[SavedSource, ...] = ()
    #: kinds of private message that the person has turned off.
    dms_off: frozenset[str] = frozenset()

    def with_source(self, address: str, label: str = "") -> PersonRecord:
        """`address` first, each address once, the oldest dropped. A label is kept."""
        known = {source.address: source.label for source in self.sources}
        first = SavedSource(address, label or known.get(address, ""))
        others = tuple(source for source in self.sources if source.address != address)
        return msgspec.structs.replace(self, sources=(first, *others)[:SOURCES_MAX])


_decoder = msgspec.json.Decoder(PersonRecord)


class PersonStore:
    """People and their drafts in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def person(self, person_id: PersonId) -> PersonRecord:
        found = await self._store.command("HGET", self._store.keys.person(person_id), "record")
        if found is None:
            return PersonRecord()
        try:
            return _decoder.decode(found)  # type: ignore[arg-type]
        except (msgspec.MsgspecError, TypeError) as error:
            raise LedgerUnavailable(f"the settings of {person_id} can't be read") from error

    async def save_person(self, person_id: PersonId, record: PersonRecord) -> None:
        key = self._store.keys.person(person_id)
        await self._store.command("HSET", key, "record", msgspec.json.encode(record))

    async def put_draft(
        self, user: PersonId, draft_id: str, draft: bytes, ttl: timedelta = DRAFT_LIFE
    ) -> None:
        if len(draft) > DRAFT_BYTES_MAX:
            raise ValueError("a draft is at most 250 kB")
        key = self._store.keys.draft(user, draft_id)
        await self._store.command("SET", key, draft, "PX", int(ttl.total_seconds() * 1000))

    async def get_draft(self, user: PersonId, draft_id: str) -> bytes | None:
        found = await self._store.command("GET", self._store.keys.draft(user, draft_id))
        return found if isinstance(found, bytes) else None
