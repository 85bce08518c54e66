"""People who wait for the alert of a detection test (D14), in Redis: restarts forget nobody."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
from redis.asyncio import Redis

from approvals.events import PersonId
from defender.alert import Alert
from defender.resources import fold
from feeds.reading import instant
from feeds.scripts import Offset, Scripts, no_offset

#: Microsoft says "a few minutes" for these tests; alerts were seen 47 minutes late at worst, but
#: then nobody is waiting any more (facts, azure.md section 3).
WAIT = timedelta(minutes=30)
#: The machine's clock may be a little behind ours.
SKEW = timedelta(minutes=2)
#: What Microsoft's documents call the alerts of the two tests, folded.
TITLES = frozenset(
    {
        "suspicious powershell commandline",
        "suspicious powershell command line",
        "enumeration of files with sensitive data",
    }
)

# Forget a wait unless it was begun anew meanwhile.
_END = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
"""


class Wait(msgspec.Struct, frozen=True):
    """One person waits for an alert of one machine. Instants are Redis TIME."""

    person: PersonId
    resource_id: str
    machine: str
    begun_at: datetime
    until: datetime

    @property
    def field(self) -> str:
        """A person waits once for each machine: who asks again begins anew."""
        said = f"{self.person} {fold(self.resource_id)}"
        return hashlib.sha256(said.encode()).hexdigest()[:24]

    @property
    def key(self) -> str:
        """Of the one message that ends it, whatever it says."""
        return f"edr-test:{self.field}:{int(self.begun_at.timestamp() * 1000)}"

    def is_met_by(self, alert: Alert) -> bool:
        """An EDR alert of this machine that is no older than the test."""
        if alert.is_sample or not self._is_of_machine(alert):
            return False
        if not alert.is_edr and alert.title.casefold().strip() not in TITLES:
            return False
        at = alert.started_at or alert.generated_at
        return at is None or at >= self.begun_at - SKEW

    def _is_of_machine(self, alert: Alert) -> bool:
        if alert.resource_id:
            return fold(alert.resource_id) == fold(self.resource_id)
        return bool(alert.machine) and alert.machine.casefold() == self.machine.casefold()


_decoder = msgspec.json.Decoder(Wait)


class DetectionTests:
    """One workspace's waits: a small hash, read whole."""

    def __init__(self, redis: Redis, *, tag: str, offset: Offset = no_offset) -> None:
        self._redis = redis
        self._scripts = Scripts(redis, tag=tag, offset=offset)
        self._key = self._scripts.key("edr-tests")
        self._end = redis.register_script(_END)

    async def now(self) -> datetime:
        return instant(await self._scripts.now_ms())

    async def begin(self, person: PersonId, resource_id: str, machine: str) -> Wait:
        now = await self.now()
        wait = Wait(person, resource_id, machine, now, now + WAIT)
        await cast(Any, self._redis.hset(self._key, wait.field, msgspec.json.encode(wait)))
        return wait

    async def waiting(self) -> list[Wait]:
        """The one that ends first comes first."""
        found = cast(Any, await cast(Any, self._redis.hvals(self._key)))
        return sorted((_decoder.decode(each) for each in found), key=lambda wait: wait.until)

    async def end(self, wait: Wait) -> bool:
        """False when it has ended, or was begun anew."""
        arguments: list[str | bytes] = [wait.field, msgspec.json.encode(wait)]
        return bool(await cast(Any, self._end(keys=[self._key], args=arguments)))
