"""Who runs the background work: a lease with a fencing token.

Each new holder gets a higher token; a write made with the lease (`Ledger.record(lease=…)`) is
refused by the script once the lease is gone, however long its process has slept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from approvals.outcomes import LedgerUnavailable
from approvals.store import FAILED, Lua, Store

# Held by another: nothing. Ours already: the same token for longer. Free: a new token.
TAKE = Lua("""
local held = redis.call('GET', KEYS[1])
if held then
  local holder, token = string.match(held, '^(.*)#(%d+)$')
  if holder ~= ARGV[1] then return {ARGV[1], ''} end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {ARGV[1], token}
end
local token = tostring(redis.call('INCR', KEYS[2]))
redis.call('SET', KEYS[1], ARGV[1] .. '#' .. token, 'PX', ARGV[2])
return {ARGV[1], token}
""")

RENEW = Lua("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")

RELEASE = Lua("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
""")


@dataclass(frozen=True, slots=True)
class Lease:
    """Held until `life` after it was taken or renewed last. `token` only grows."""

    name: str
    holder: str
    token: int
    life: timedelta

    @property
    def value(self) -> str:
        """What stands in Redis while the lease is held."""
        return f"{self.holder}#{self.token}"


class Leases:
    """Take, renew, release. Whoever can't renew must stop before the life is over."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def take(self, name: str, holder: str, life: timedelta) -> Lease | None:
        """The lease, or None while another holds it."""
        keys = [self._store.keys.lease(name), self._store.keys("fence")]
        answer = await self._run(TAKE, keys, [holder, _ms(life)])
        if not isinstance(answer, list) or self._store.text(answer[0]) != holder:
            await self._store.drop_connections()
            raise LedgerUnavailable("the answer belongs to another command")
        token = self._store.text(answer[1])
        return Lease(name, holder, int(token), life) if token else None

    async def renew(self, lease: Lease) -> bool:
        """False when it is lost: stop the work."""
        keys = [self._store.keys.lease(lease.name)]
        return await self._run(RENEW, keys, [lease.value, _ms(lease.life)]) == 1

    async def release(self, lease: Lease) -> None:
        await self._run(RELEASE, [self._store.keys.lease(lease.name)], [lease.value])

    async def _run(self, lua: Lua, keys: list[str], args: list[str | bytes | int]) -> object:
        try:
            return await self._store.script(lua, keys, args)
        except FAILED as error:
            raise LedgerUnavailable(f"Redis refuses: {type(error).__name__}: {error}") from error


def _ms(life: timedelta) -> int:
    return int(life.total_seconds() * 1000)
