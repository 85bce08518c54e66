"""Redis, as the ledger sees it: names of keys, one call of the script, one read, the failures.

A reply that does not look as asked for means that the connection is out of step (an earlier
command was cut off between sending and reading): every connection is dropped then.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Final, Protocol

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from approvals.deeds import Subject
from approvals.entry import AuditBroken, Head, Stored
from approvals.events import OpId, PersonId, RequestId
from approvals.outcomes import LedgerUnavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = logging.getLogger("sekisho.ledger")

#: Slack repeats a delivery for minutes, people a click for hours.
OP_LIFE = timedelta(hours=24)

#: A void only has to outlive the 2 s within which the script takes an entry's instant.
VOID_LIFE = timedelta(seconds=10)

#: Entries told with one read; a process that is further behind reads on.
GAP_MAX = 200

UNREACHABLE: Final = (RedisConnectionError, RedisTimeoutError, OSError, asyncio.TimeoutError)

#: Whatever may go wrong with one command.
FAILED: Final = (*UNREACHABLE, RedisError)


@dataclass(frozen=True, slots=True)
class Keys:
    """Every key of one workspace. The hash tag keeps a script's keys in one slot of a cluster."""

    tag: str

    def __call__(self, name: str) -> str:
        return f"{{{self.tag}}}:{name}"

    @property
    def audit(self) -> str:
        return self("audit")

    @property
    def number(self) -> str:
        return self("number")

    @property
    def deadlines(self) -> str:
        return self("deadlines")

    @property
    def open(self) -> str:
        return self("requests:open")

    @property
    def pending(self) -> str:
        return self("requests:pending")

    @property
    def active(self) -> str:
        return self("requests:active")

    def request(self, request_id: RequestId) -> str:
        return self(f"request:{request_id}")

    def by_person(self, person: PersonId) -> str:
        return self(f"requests:person:{person}")

    def by_vm(self, resource_id: str) -> str:
        return self(f"requests:vm:{resource_id.casefold()}")

    def subject(self, subject: Subject) -> str:
        return self(f"subject:{subject}")

    def op(self, op_id: OpId) -> str:
        return self(f"op:{op_id}")

    def same(self, fingerprint: str) -> str:
        return self(f"same:{fingerprint}")

    def lease(self, name: str) -> str:
        return self(f"lease:{name}")

    def person(self, person: PersonId) -> str:
        return self(f"person:{person}")

    def draft(self, user: PersonId, draft_id: str) -> str:
        return self(f"draft:{user}:{draft_id}")


class Lua:
    """A script and its SHA-1; loaded into the server by the first EVAL."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Redis names its scripts by SHA-1; nothing rests on its strength.
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


LEDGER = Lua(files("approvals").joinpath("ledger.lua").read_text(encoding="utf-8"))

#: Whoever can't tell whether a write happened claims its op-id: the answer is the write's sequence,
#: or the void, and a write that is still under way somewhere is refused when it arrives.
RESOLVE = Lua("""
local op = redis.call('GET', KEYS[1])
if op and op ~= ARGV[4] then return {ARGV[1], op} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return {ARGV[1], ARGV[2]}
""")


@dataclass(frozen=True, slots=True)
class Reply:
    """The script's answer: `micros` is TIME + offset, `rest` what belongs to the status."""

    status: str
    micros: int
    rest: tuple[object, ...]

    def text(self, index: int = 0) -> str:
        return _text(self.rest[index])


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One read: the body of a request, TIME, and the rows from the known head on (unparsed)."""

    body: bytes | None
    rows: object
    micros: int


class Commands(Protocol):
    """One command with the answer as Redis gave it (bytes, int, list, None)."""

    async def __call__(self, *args: str | bytes | int) -> object: ...


class Store:
    """The few calls that the ledger makes, with every failure named."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self.keys = keys

    async def command(self, *args: str | bytes | int) -> object:
        """A read or a write that may be repeated; LedgerUnavailable when Redis can't do it."""
        try:
            return await self._redis.execute_command(*args)  # type: ignore[no-untyped-call]
        except UNREACHABLE as error:
            raise LedgerUnavailable(f"Redis can't be reached: {error}") from error
        except RedisError as error:
            raise LedgerUnavailable(f"Redis refuses: {type(error).__name__}: {error}") from error

    async def script(
        self, lua: Lua, keys: Sequence[str], args: Sequence[str | bytes | int]
    ) -> object:
        """Once by SHA-1; only a server that does not know the script gets its text."""
        try:
            return await self._evaluate("EVALSHA", lua.sha, keys, args)
        except NoScriptError:
            return await self._evaluate("EVAL", lua.text, keys, args)

    async def _evaluate(
        self, verb: str, what: str, keys: Sequence[str], args: Sequence[str | bytes | int]
    ) -> object:
        (answer,) = await self._exchange([(verb, what, len(keys), *keys, *args)])
        return answer

    async def transition(
        self, op_id: OpId, keys: Sequence[str], args: Sequence[str | bytes | int]
    ) -> Reply:
        """One call of ledger.lua. UNREACHABLE errors come through: the outcome is unknown."""
        try:
            answer = await self.script(LEDGER, keys, args)
        except ResponseError as error:
            # Redis refuses a script (OOM, READONLY, MISCONF, NOPERM) before it runs, and ours
            # writes only after every check, XADD first: an error means that nothing was written.
            raise LedgerUnavailable(f"Redis refuses: {type(error).__name__}: {error}") from error
        if not isinstance(answer, list) or len(answer) < 3 or _text(answer[1]) != op_id:
            await self.drop_connections()
            raise RedisConnectionError("the answer belongs to another command")
        return Reply(_text(answer[0]), int(answer[2]), tuple(answer[3:]))

    async def resolve(self, op_id: OpId, void: str, passed: str = "") -> str:
        """The sequence of the op-id's entry, or the void that now stands in its place.

        `passed` is the void that the write in question was allowed to pass; it is replaced.
        """
        life = int(VOID_LIFE.total_seconds() * 1000)
        answer = await self.script(RESOLVE, [self.keys.op(op_id)], [op_id, void, life, passed])
        if not isinstance(answer, list) or len(answer) != 2 or _text(answer[0]) != op_id:
            await self.drop_connections()
            raise RedisConnectionError("the answer belongs to another command")
        return _text(answer[1])

    async def snapshot(self, request_id: RequestId | None, head: Head) -> Snapshot:
        """One round trip: body of the request, entries from `head` on, TIME."""
        body, entries, time = await self.pipeline(
            ("HGET", self.keys.request(request_id or RequestId("")), "body"),
            self.entries_from(head),
            ("TIME",),
        )
        if not (body is None or isinstance(body, bytes)):
            await self.drop_connections()
            raise LedgerUnavailable("the answer belongs to another command")
        return Snapshot(body, entries, parse_time(time))

    def entries_from(self, head: Head) -> tuple[str | bytes | int, ...]:
        """The command that reads the known head again and what came after it."""
        if head.sequence == 0:
            return ("XREVRANGE", self.keys.audit, "+", "-", "COUNT", 1)
        return ("XRANGE", self.keys.audit, f"{head.sequence}-0", "+", "COUNT", GAP_MAX)

    async def pipeline(self, *commands: tuple[str | bytes | int, ...]) -> list[object]:
        """Reads in one round trip, sent again when the connection turns out to be dead."""
        try:
            return await self._exchange(commands)
        except RedisConnectionError:
            # Idle connections are cut by proxies and managed services; a fresh one answers.
            log.info("a connection to Redis was dead; reading again over a new one")
        except RedisTimeoutError as error:
            raise LedgerUnavailable(f"Redis did not answer in time: {error}") from error
        except RedisError as error:
            raise LedgerUnavailable(f"Redis refuses: {type(error).__name__}: {error}") from error
        try:
            return await self._exchange(commands)
        except (*UNREACHABLE, RedisError) as error:
            raise LedgerUnavailable(f"Redis can't be reached: {error}") from error

    async def _exchange(self, commands: Sequence[tuple[str | bytes | int, ...]]) -> list[object]:
        """On one connection, without redis-py's own ways, which take half as long again.

        A connection with replies left unread (an error, a cancelled click) is out of step: closed.
        """
        pool = self._redis.connection_pool
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.send_packed_command(connection.pack_commands(commands))
            return [await connection.read_response() for _ in commands]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)

    async def drop_connections(self) -> None:
        log.error("an answer of Redis belonged to another command; dropping every connection")
        await self._redis.connection_pool.disconnect()

    def text(self, value: object) -> str:
        return _text(value)


def parse_entries(answer: object) -> tuple[Stored, ...]:
    """The rows of XRANGE (or of XREVRANGE with COUNT 1)."""
    if not isinstance(answer, list):
        raise LedgerUnavailable("the answer belongs to another command")
    return tuple(parse_entry(row) for row in answer)


def parse_entry(row: object) -> Stored:
    """One row `[id, [field, value, …]]`. AuditBroken when it is not of our making."""
    if not isinstance(row, list | tuple) or len(row) != 2:
        raise LedgerUnavailable("the answer belongs to another command")
    entry_id, fields = row
    sequence, _, part = _text(entry_id).partition("-")
    number = int(sequence)
    if part != "0":
        raise AuditBroken(number, f"an entry {sequence}-{part} does not belong here")
    if isinstance(fields, dict):
        named = {_text(name): value for name, value in fields.items()}
    else:
        named = {_text(fields[i]): fields[i + 1] for i in range(0, len(fields), 2)}
    if named.keys() != {"entry", "mac", "at"}:
        raise AuditBroken(number, "its fields are not those of an entry")
    at = _text(named["at"])
    if not at.isdecimal():
        raise AuditBroken(number, "the time beside it was changed")
    mac = named["mac"].decode("ascii", "replace")
    return Stored(number, bytes(named["entry"]), mac, int(at))


def parse_time(answer: object) -> int:
    """TIME in µs."""
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise LedgerUnavailable("the answer belongs to another command")
    return int(answer[0]) * 1_000_000 + int(answer[1])


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str | int):
        return str(value)
    raise LedgerUnavailable("the answer belongs to another command")
