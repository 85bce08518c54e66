"""What was seen in Azure last, kept beside the ledger: so that a change is news once.

Not audited and no basis of any decision. A value is replaced only where it still is what was
compared with, so that two processes that both take themselves for the leader do no harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals import entry as entries_of
from approvals.outcomes import LedgerUnavailable
from approvals.store import FAILED, Lua, Store

#: Fields of one script call: 5 ms of Redis at most.
BATCH_MAX = 500

#: An opening lasts a day at most (Azure's own limit); its key is kept longer than that.
TOLD_LIFE = timedelta(days=8)

# KEYS: the hash. ARGV: triples of field, value compared with, value to put ("" is none).
_REPLACE = Lua("""
local taken = 0
for i = 1, #ARGV, 3 do
  local stored = redis.call('HGET', KEYS[1], ARGV[i]) or ''
  if stored == ARGV[i + 1] then
    if ARGV[i + 2] == '' then redis.call('HDEL', KEYS[1], ARGV[i])
    else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2]) end
    taken = taken + 1
  end
end
return taken
""")


@dataclass(frozen=True, slots=True)
class Replacement:
    """One field: what it was when it was compared, and what it is to be. Empty is none."""

    field: str
    before: bytes
    after: bytes


class WatchStore:
    """`what` names a kind of thing, `scope` whose (`seen:jit:<subscription>`)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def seen(self, what: str, scope: str) -> dict[str, bytes]:
        """Everything as it was seen last."""
        answer = await self._store.command("HGETALL", self._key(what, scope))
        if isinstance(answer, Mapping):
            pairs = list(answer.items())
        elif isinstance(answer, list):
            pairs = list(zip(answer[::2], answer[1::2], strict=True))
        else:
            raise LedgerUnavailable("the answer belongs to another command")
        return {self._store.text(field): bytes(value) for field, value in pairs}

    async def replace(self, what: str, scope: str, changes: Sequence[Replacement]) -> bool:
        """False when something had been replaced by another process meanwhile."""
        taken = 0
        for start in range(0, len(changes), BATCH_MAX):
            args: list[str | bytes | int] = []
            for change in changes[start : start + BATCH_MAX]:
                args += [change.field, change.before, change.after]
            try:
                answer = await self._store.script(_REPLACE, [self._key(what, scope)], args)
            except FAILED as error:
                raise LedgerUnavailable(f"Redis can't be reached: {error}") from error
            taken += answer if isinstance(answer, int) else 0
        return taken == len(changes)

    async def remember(self, what: str, scope: str, field: str, value: bytes) -> None:
        """One field, whatever it was."""
        await self._store.command("HSET", self._key(what, scope), field, value)

    async def read_at(self, what: str, scope: str) -> datetime | None:
        """When that was compared last."""
        found = await self._store.command("GET", self._key(f"{what}-at", scope))
        return None if found is None else entries_of.from_micros(int(self._store.text(found)))

    async def set_read_at(self, what: str, scope: str, at: datetime) -> None:
        key = self._key(f"{what}-at", scope)
        await self._store.command("SET", key, entries_of.to_micros(at))

    async def is_told(self, key: str) -> bool:
        return bool(await self._store.command("EXISTS", self._key("told", key)))

    async def set_told(self, key: str) -> None:
        life = int(TOLD_LIFE.total_seconds())
        await self._store.command("SET", self._key("told", key), 1, "EX", life)

    async def keep_new(self, what: str, key: str, value: bytes) -> None:
        """Keep it as long as what was told is remembered, unless it is kept already."""
        life = int(TOLD_LIFE.total_seconds())
        await self._store.command("SET", self._key(what, key), value, "EX", life, "NX")

    async def keep(self, what: str, key: str, value: bytes) -> None:
        life = int(TOLD_LIFE.total_seconds())
        await self._store.command("SET", self._key(what, key), value, "EX", life)

    async def kept(self, what: str, key: str) -> bytes | None:
        found = await self._store.command("GET", self._key(what, key))
        return found if isinstance(found, bytes) else None

    def _key(self, what: str, scope: str) -> str:
        return self._store.keys(f"seen:{what}:{scope}")
