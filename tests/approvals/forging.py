"""What somebody with all of Redis, but without the audit key, can do to the log."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from approvals.audit.scanning import scan
from approvals.entry import Draft, Head, Stored, check, decode, seal
from approvals.ledger import Ledger
from tests.redis_fixtures import KEYS

AUDIT = "{sekisho}:audit"


async def rows_of(ledger: Ledger) -> list[Stored]:
    return [row async for rows in scan(ledger.store) for row in rows]


async def rewrite(redis: Redis, rows: Sequence[Stored], *, numbers: Sequence[int] = ()) -> None:
    """The stream with exactly these rows; `numbers` are their ids where those differ."""
    await redis.delete(AUDIT)
    pipe = redis.pipeline(transaction=False)
    for row, number in zip(rows, numbers or [r.sequence for r in rows], strict=True):
        fields = {"entry": row.canonical, "mac": row.mac, "at": row.at_micros}
        pipe.xadd(AUDIT, fields, id=f"{number}-0")  # type: ignore[arg-type]
    await pipe.execute()


def resealed(rows: Sequence[Stored]) -> list[Stored]:
    """The same events as a new, valid chain: needs the key, so only tests can do it."""
    head, made = Head(0, "", 0), []
    for row in rows:
        check(row, KEYS)
        e = decode(row)
        draft = Draft(e.at, e.actor, e.request, e.op, e.event, e.version, e.trace)
        _, stored = seal(draft, head, KEYS)
        made.append(stored)
        head = Head(stored.sequence, stored.mac, stored.at_micros)
    return made
