"""Any order of clicks: the ledger against a real server agrees with the pure transitions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from approvals import entry as entries_of
from approvals.audit.verify import verify
from approvals.events import (
    Cancelled,
    Closing,
    EndCause,
    Ended,
    Event,
    Failed,
    Lapsed,
    OpId,
    PersonId,
    Retried,
    Warned,
)
from approvals.ledger import Change, Conflict, Ledger, Recorded, Repeated
from approvals.request import IllegalTransition, Request, apply_event, fold
from bot.embedded import Embedded
from tests.approvals.samples import (
    ALICE,
    ALICE_HOME,
    ITO,
    SATO,
    SUZUKI,
    applying,
    approved,
    denied,
    opened,
    submitted,
)
from tests.redis_fixtures import KEYS

PEOPLE = st.sampled_from([ALICE, ALICE_HOME, SATO, SUZUKI, ITO])
KINDS = st.sampled_from(
    ["approve", "deny", "cancel", "lapse", "apply", "open", "fail", "retry", "warn", "close", "end"]
)


class LedgerMachine(RuleBasedStateMachine):
    """Two processes click on three requests, on fresh or stale reads; some deliveries repeat."""

    server: Embedded
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.model: list[Request] = []
        self.stale: list[Request] = []
        self.done: dict[str, tuple[str, ...]] = {}
        self.ops = 0

    def run(self, work: Any) -> Any:
        """Hypothesis is not async: the session's loop runs in another thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)

    @initialize()
    def begin(self) -> None:
        self.run(self._begin())

    async def _begin(self) -> None:
        self.clients = [self.server.client(), self.server.client()]
        await self.clients[0].flushall()
        self.ledgers = [Ledger(client, KEYS) for client in self.clients]
        for n, quorum in enumerate((1, 2, 1)):
            now = await self.ledgers[0].now()
            outcome = await self.ledgers[n % 2].submit(
                submitted(now, ports=(22 + n,), quorum=quorum), actor=ALICE, op_id=OpId(f"s{n}")
            )
            assert isinstance(outcome, Recorded)
            self.model.append(outcome.request)
        self.stale = list(self.model)

    @rule(
        n=st.integers(0, 2),
        kind=KINDS,
        by=PEOPLE,
        process=st.integers(0, 1),
        is_stale=st.booleans(),
        repeats=st.booleans(),
    )
    def click(
        self, n: int, kind: str, by: PersonId, process: int, is_stale: bool, repeats: bool
    ) -> None:
        self.run(self._click(n, kind, by, self.ledgers[process], is_stale, repeats))

    async def _click(
        self, n: int, kind: str, by: PersonId, ledger: Ledger, is_stale: bool, repeats: bool
    ) -> None:
        seen = self.stale[n] if is_stale else self.model[n]
        now = await ledger.now()
        change = _change(kind, seen, by, now)
        if change is None:
            return
        self.ops += 1
        op = OpId(f"op{self.ops}")
        expected = _after(change, now)
        try:
            outcome = await ledger.record(change, op_id=op)
        except IllegalTransition:
            assert expected is None
            return
        assert expected is not None
        if seen.version != self.model[n].version:
            assert outcome == Conflict(self.model[n])
            return
        assert isinstance(outcome, Recorded)
        assert _timeless(outcome.request) == _timeless(expected)
        self.stale[n], self.model[n] = self.model[n], outcome.request
        if repeats:
            again = await ledger.record(change, op_id=op)
            assert again == Repeated(outcome.entry, outcome.request)

    @invariant()
    def ledger_agrees(self) -> None:
        if self.model:
            self.run(self._agrees())

    async def _agrees(self) -> None:
        for request in self.model:
            assert await self.ledgers[0].read(request.id) == request
        assert {r.id for r in await self.ledgers[1].open_requests()} == {
            r.id for r in self.model if r.is_open
        }

    def teardown(self) -> None:
        if self.model:
            self.run(self._end())

    async def _end(self) -> None:
        report = await verify(self.ledgers[0].store, KEYS)
        assert report.is_good, report
        entries = [await self.ledgers[0].entry(n + 1) for n in range(report.head)]
        for request in self.model:
            history: list[tuple[PersonId, Any, Event]] = [
                (e.actor, e.at, e.event)
                for e in entries
                if e is not None
                and e.request == request.id
                and not isinstance(e.event, entries_of.AdminEvent)
            ]
            assert fold(request.id, history) == request
        for client in self.clients:
            await client.aclose()


def _change(kind: str, seen: Request, by: PersonId, now: Any) -> Change | None:
    events: dict[str, Event] = {
        "cancel": Cancelled("a reason"),
        "lapse": Lapsed(),
        "fail": Failed("Conflict", "busy", retryable=by in (SATO, ALICE)),
        "retry": Retried(),
        "warn": Warned(),
        "close": Closing(EndCause.DONE),
        "end": Ended(EndCause.DONE, "policy"),
    }
    match kind:
        case "approve":
            return approved(seen, by, now)
        case "deny":
            return denied(seen, by, now)
        case "apply":
            return applying(seen, now)
        case "open":
            return opened(seen, now) if seen.attempts else None
        case _:
            return Change(seen, events[kind], by)


def _after(change: Change, now: Any) -> Request | None:
    assert change.request is not None
    try:
        return apply_event(change.request, change.event, actor=change.actor, at=now)
    except IllegalTransition:
        return None


def _timeless(request: Request) -> tuple[object, ...]:
    """All but the instants, which differ by microseconds."""
    return (
        request.state,
        request.version,
        request.terms,
        len(request.approvals),
        request.cancel_wanted,
        request.decided_by,
    )


@pytest.mark.proves("FAULT-1", "B10", "J1")
async def test_any_order_of_clicks_agrees_with_the_model(valkey: Embedded) -> None:
    LedgerMachine.server = valkey
    LedgerMachine.loop = asyncio.get_running_loop()
    await asyncio.to_thread(_run)


def _run() -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
