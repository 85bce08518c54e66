"""What Azure has just taken from us: a source that lags behind does not undo it.

Resource Graph, the alerts API and pushes see a new state at different moments. So for a few polls
after our own write, the state from before it is an echo and not somebody's deed in the portal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from defender.alert import Alert
from feeds.reading import AlertReads, milliseconds

#: Writes are kept this long; a poll is never slower.
KEPT = timedelta(hours=1)
#: For so many polls after it a write stands against the state before it.
POLLS = 3


class _Write(msgspec.Struct, frozen=True, array_like=True):
    key: str
    before: str
    after: str


_decoder = msgspec.json.Decoder(_Write)


class OwnWrites:
    """One workspace's, in Redis: who polls may be another process than who wrote."""

    def __init__(self, store: AlertReads) -> None:
        self._store = store
        self._redis = store.scripts.redis
        self._name = store.scripts.key("alerts:writes")

    async def note(self, key: str, before: str, after: str, *, now: datetime) -> None:
        """Azure took it just now. States as `Alert.state` names them."""
        at = milliseconds(now)
        pipe = self._redis.pipeline()
        pipe.zremrangebyscore(self._name, "-inf", at - _in_ms(KEPT))
        pipe.zadd(self._name, {msgspec.json.encode(_Write(key, before, after)): at})
        pipe.expire(self._name, KEPT)
        await pipe.execute()

    async def settled(
        self, alerts: Sequence[Alert], *, now: datetime, every: timedelta
    ) -> list[Alert]:
        """The same, with our state where a source shows the one before our write."""
        since = milliseconds(now) - _in_ms(POLLS * every)
        rows = cast(Any, await self._redis.zrangebyscore(self._name, since, "+inf"))
        if not rows:
            return list(alerts)
        ours = _ours(map(_decoder.decode, rows))
        echoes = [alert.key for alert in alerts if alert.state in _left(ours, alert.key)]
        held = {stored.alert.key: stored.alert for stored in await self._store.many(echoes)}
        return [
            msgspec.structs.replace(alert, status=held[alert.key].status)
            if alert.key in held and held[alert.key].state == ours[alert.key][-1]
            else alert
            for alert in alerts
        ]


def _ours(writes: Iterable[_Write]) -> dict[str, list[str]]:
    """The states of each alert, in the order in which we left them; the last one counts."""
    found: dict[str, list[str]] = {}
    for write in writes:
        found.setdefault(write.key, []).extend((write.before, write.after))
    return found


def _left(ours: Mapping[str, Sequence[str]], key: str) -> set[str]:
    """The states that we left behind."""
    states = ours.get(key, ())
    return set(states).difference(states[-1:])


def _in_ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
