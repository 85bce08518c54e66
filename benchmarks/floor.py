"""Makes the floor's orders: a call of the script as the product makes it, to be copied raw."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
from redis.asyncio import Redis

from approvals.events import Approval, Approved, OpId, RequestId
from approvals.ledger import Change, Ledger, Recorded
from approvals.request import Request
from approvals.store import LEDGER, Lua
from benchmarks.children import Child, child
from benchmarks.floor_process import Orders
from benchmarks.ground import APPROVER, Ground, file_requests, ledger_of, read_settings

Argument = str | bytes | int
Call = tuple[tuple[str, ...], tuple[Argument, ...]]


@asynccontextmanager
async def floor(
    ground: Ground, tag: str, count: int, *, link: str = ""
) -> AsyncIterator[tuple[Child, dict[str, int], list[Request]]]:
    """The floor's process in a workspace of its own with `count` pending requests."""
    settings = read_settings(ground.environment(tag))
    async with Redis(unix_socket_path=str(ground.valkey.socket), protocol=2) as redis:
        ledger = ledger_of(settings, redis)
        *requests, sample = await file_requests(ledger, count + 1)
        orders = _orders(ground, ledger, await _approve(ledger, sample), link)
    path = ground.folder / f"{tag}.json"
    path.write_bytes(msgspec.json.encode(orders))
    environ = ground.environment(tag)
    async with child(tag, ["benchmarks.floor_process", str(path)], environ, ground.folder) as ready:
        started, line = ready
        yield started, msgspec.json.decode(line, type=dict[str, int]), requests


async def _approve(ledger: Ledger, request: Request) -> Call:
    """The call of the script by which the product records an approval."""
    heard: list[Call] = []
    script = ledger.store.script

    async def listening(lua: Lua, keys: Sequence[str], args: Sequence[Argument]) -> object:
        heard.append((tuple(keys), tuple(args)))
        return await script(lua, keys, args)

    ledger.store.script = listening  # type: ignore[method-assign]
    now = await ledger.now()
    approval = Approval(
        approver=APPROVER,
        at=now,
        terms=request.terms,
        group="S0SECURITY",
        rule=request.rule.name,
        rule_version=request.rule.version,
        rights_read_at=now,
        digest=request.digest,
        same_person=(APPROVER,),
    )
    event = Approved(approval, start_by=request.lapses_at)
    outcome = await ledger.record(
        Change(request, event, APPROVER, "0123456789ab"), op_id=OpId("0123456789abcdef" * 4)
    )
    if not isinstance(outcome, Recorded):
        raise TypeError(f"not approved: {outcome}")
    return heard[-1]


def _orders(ground: Ground, ledger: Ledger, call: Call, link: str) -> Orders:
    names = ledger.store.keys
    keys, arguments = call
    return Orders(
        socket=str(ground.valkey.socket),
        sha=LEDGER.sha,
        audit=names.audit,
        request_prefix=names.request(RequestId("")),
        op_prefix=names.op(OpId("")),
        draft=names("draft:bench:"),
        secret=ground.signing_secret,
        keys=list(keys),
        arguments=[_text(argument) for argument in arguments],
        link=link,
    )


def _text(argument: Argument) -> str:
    return argument.decode() if isinstance(argument, bytes) else str(argument)
