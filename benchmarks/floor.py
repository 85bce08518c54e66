"""Makes the floor's orders: a call of the script as the product makes it, to be copied raw."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from redis.asyncio import Redis

from approvals.ledger import Change, Ledger, Recorded
from approvals.request import Approval, Approved, OpId, Request, RequestId
from approvals.store import LEDGER
from benchmarks.children import Child, child
from benchmarks.floor_process import Orders
from benchmarks.ground import APPROVER, Ground, file_requests, ledger_of, read_settings


class _Listening(Redis):
    """A client that remembers the last call of a script."""

    heard: tuple[Any, ...] = ()

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] == "EVALSHA":
            self.heard = args
        return await super().execute_command(  # type: ignore[no-untyped-call]
            *args, **options
        )


@asynccontextmanager
async def floor(
    ground: Ground, tag: str, count: int, *, link: str = ""
) -> AsyncIterator[tuple[Child, dict[str, int], list[Request]]]:
    """The floor's process in a workspace of its own with `count` pending requests."""
    settings = read_settings(ground.environment(tag))
    redis = _Listening(unix_socket_path=str(ground.valkey.socket), protocol=2)
    try:
        ledger = ledger_of(settings, redis)
        *requests, sample = await file_requests(ledger, count + 1)
        await _approve(ledger, sample)
        orders = _orders(ground, ledger, redis.heard, link)
    finally:
        await redis.aclose()
    path = ground.folder / f"{tag}.json"
    path.write_bytes(msgspec.json.encode(orders))
    environ = ground.environment(tag)
    async with child(tag, ["benchmarks.floor_process", str(path)], environ, ground.folder) as ready:
        started, line = ready
        yield started, msgspec.json.decode(line, type=dict[str, int]), requests


async def _approve(ledger: Ledger, request: Request) -> None:
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


def _orders(ground: Ground, ledger: Ledger, heard: tuple[Any, ...], link: str) -> Orders:
    names = ledger.store.keys
    _, _, count, *rest = heard
    return Orders(
        socket=str(ground.valkey.socket),
        sha=LEDGER.sha,
        audit=names.audit,
        request_prefix=names.request(RequestId("")),
        op_prefix=names.op(OpId("")),
        draft=names("draft:bench:"),
        secret=ground.signing_secret,
        keys=[str(key) for key in rest[:count]],
        arguments=[_text(argument) for argument in rest[count:]],
        link=link,
    )


def _text(argument: Any) -> str:
    return argument.decode() if isinstance(argument, bytes) else str(argument)
