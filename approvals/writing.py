"""One step on its way into Redis: entries sealed behind the head, tries, lost replies."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from approvals.chain import Chain, RedisClock
from approvals.deadlines import next_deadline
from approvals.entry import (
    AdminEvent,
    AuditKeys,
    Draft,
    Head,
    Stored,
    from_micros,
    seal,
    to_micros,
)
from approvals.events import Approved, Denied, OpId, PersonId, RequestId, Submitted
from approvals.outcomes import Change, LedgerBusy, LedgerUnavailable, Recorded
from approvals.request import IllegalTransition, Request, apply_event, fingerprint, submit
from approvals.store import FAILED, OP_LIFE, UNREACHABLE, Reply, Store, parse_entries

#: Heads that may be lost to other writers before the person is told 'not recorded'.
LOST_HEADS_MAX = 8

#: From this lost head on a try waits first: at most this step, then two, three … at random. The
#: first ones go at once, since the reply has brought the head and the winner is not ready again.
JITTER_FROM = 4
JITTER_STEP_SECONDS = 0.004

#: Requests kept in the index of one person or VM; older ones are found in the audit log.
INDEX_MAX = 200

#: A write whose outcome was unknown is sent again only if it has this long to be answered.
RETRY_NEEDS_SECONDS = 0.3

NO_REQUEST = RequestId("")

_body_encoder = msgspec.json.Encoder()

Argument = str | bytes | int


@dataclass(frozen=True, slots=True)
class Step:
    """What one script call shall do. `note` is an entry without a request."""

    op_id: OpId
    changes: tuple[Change, ...] = ()
    note: tuple[AdminEvent, PersonId] | None = None
    #: the subject of a deed: its key, the version it was decided on, its new state.
    subject: tuple[str, int, bytes] | None = None
    #: of a new request: its id, the counter as it was read, the closed one it takes over from.
    new_id: RequestId = NO_REQUEST
    number: str = ""
    takes_over: str = ""
    #: the lease's key and value, when only its holder may do this.
    lease: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A step computed for one head and instant."""

    head: Head
    recorded: Recorded
    stored: tuple[Stored, ...]
    at_micros: int


def after(change: Change, new_id: RequestId, at: datetime) -> Request:
    """The request after `change`; IllegalTransition when that is not legal."""
    if change.request is not None:
        return apply_event(change.request, change.event, actor=change.actor, at=at)
    if not isinstance(change.event, Submitted):
        raise IllegalTransition(None, change.event, "the first entry files the request")
    return submit(new_id, change.event, actor=change.actor, at=at)


def same_key(request: Request) -> str:
    """The fingerprint. An extension stands beside the session it extends, so it has its own."""
    found = fingerprint(request.requester, request.target, request.asked)
    return f"{found}:{request.extends}" if request.extends else found


class Writer:
    """Plans a step, calls the script, and says what became of it."""

    def __init__(
        self,
        store: Store,
        chain: Chain,
        clock: RedisClock,
        keys: AuditKeys,
        *,
        retention: timedelta,
        monotonic: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._store = store
        self._chain = chain
        self._clock = clock
        self._keys = keys
        self._retention_ms = int(retention.total_seconds() * 1000)
        self._monotonic = monotonic
        self._chance = chance

    async def commit(self, step: Step, deadline: float) -> Recorded | Reply:
        """The step recorded, or the script's refusal. Raises as `approvals.outcomes` says."""
        void = ""
        lost = 0
        while lost < LOST_HEADS_MAX:
            plan = self.plan(step)
            try:
                reply = await self._store.transition(
                    step.op_id, self._script_keys(step, plan), self._arguments(step, plan, void)
                )
            except UNREACHABLE as error:
                settled = await self._settle(step, plan, error, void)
                if not isinstance(settled, str):
                    return settled
                if void or self._monotonic() > deadline - RETRY_NEEDS_SECONDS:
                    raise LedgerUnavailable(f"Redis can't be reached: {error}") from error
                void = settled
                continue
            if reply.status == "recorded":
                self._chain.wrote(plan.stored)
                return plan.recorded
            if reply.status not in ("head", "time"):
                return reply
            lost += 1
            await self._catch_up(reply, plan)
            if self._monotonic() > deadline:
                break
            if lost >= JITTER_FROM:
                await asyncio.sleep(self._chance() * JITTER_STEP_SECONDS * (lost + 1 - JITTER_FROM))
        raise LedgerBusy("other writers were faster at every try: nothing was recorded")

    async def _catch_up(self, reply: Reply, plan: Plan) -> None:
        self._clock.set(reply.micros - self._clock.offset_micros)
        if reply.status == "head":
            self._chain.observe(parse_entries(reply.rest[0]), plan.head)
            return
        ahead = int(reply.text()) - reply.micros
        if ahead > 0:
            raise LedgerUnavailable(
                f"the clock of Redis is {ahead / 1e6:.1f} s behind the newest entry"
            )

    async def _settle(
        self, step: Step, plan: Plan, error: BaseException, passed: str
    ) -> Recorded | Reply | str:
        """After a lost reply: recorded after all, repeated, or our void in the op-id's place."""
        void = f"void-{secrets.token_hex(8)}"
        try:
            found = await self._store.resolve(step.op_id, void, passed)
        except FAILED as again:
            raise LedgerUnavailable(f"Redis can't be reached: {again}", unknown=True) from error
        if found == void:
            return void
        if not found.isdecimal():
            raise LedgerUnavailable("another process has given this operation up") from error
        try:
            rows = await self._store.command(
                "XRANGE", self._store.keys.audit, f"{found}-0", f"{found}-0"
            )
        except LedgerUnavailable as again:
            raise LedgerUnavailable(again.why, unknown=True) from error
        entries = parse_entries(rows)
        if entries and entries[0].mac == plan.stored[0].mac:
            self._chain.wrote(plan.stored)
            return plan.recorded
        return Reply("repeated", self._clock.micros(), (found,))

    def plan(self, step: Step) -> Plan:
        """The entries behind the head that is known now. IllegalTransition when it is not legal."""
        head = self._chain.head
        at_micros = max(self._clock.micros(), head.at_micros)
        at = from_micros(at_micros)
        requests = tuple(after(change, step.new_id, at) for change in step.changes)
        entries, stored, place = [], [], head
        for draft in drafts(step, requests, at):
            entry, row = seal(draft, place, self._keys)
            entries.append(entry)
            stored.append(row)
            place = Head(row.sequence, row.mac, row.at_micros)
        return Plan(head, Recorded(requests, tuple(entries)), tuple(stored), at_micros)

    def _script_keys(self, step: Step, plan: Plan) -> list[str]:
        keys = self._store.keys
        lease = step.lease[0] if step.lease else keys("lease:none")
        listed = [keys.audit, keys.op(step.op_id), keys.deadlines, keys.open, keys.pending]
        listed += [keys.active, keys.number, lease]
        if step.note is not None:
            kept_at = step.subject[0] if step.subject else keys("request:none")
            listed += [kept_at, keys("none"), keys("none"), keys("same:none")]
        for request in plan.recorded.requests:
            listed += [
                keys.request(request.id),
                keys.by_person(request.requester),
                keys.by_vm(request.target.resource_id),
                keys.same(same_key(request)),
            ]
        further = dict.fromkeys(
            keys.by_vm(target.resource_id)
            for request in plan.recorded.requests
            for target in request.targets[1:]
        )
        return [*listed, *further]

    def _arguments(self, step: Step, plan: Plan, void: str) -> list[Argument]:
        arguments: list[Argument] = [
            step.op_id,
            int(OP_LIFE.total_seconds() * 1000),
            void,
            plan.head.sequence,
            plan.head.mac,
            plan.at_micros,
            self._clock.offset_micros,
            step.number,
            step.lease[1] if step.lease else "",
            self._retention_ms,
            INDEX_MAX,
        ]
        if step.note is not None:
            arguments += [plan.stored[0].canonical, plan.stored[0].mac, *_of_subject(step)]
        rows = zip(step.changes, plan.recorded.requests, plan.stored, strict=False)
        for change, request, stored in rows:
            arguments += _of_change(change, request, stored, step.takes_over)
        return arguments


def drafts(step: Step, requests: Sequence[Request], at: datetime) -> list[Draft]:
    """What the entries say, before they have a place in the chain."""
    if step.note is not None:
        event, actor = step.note
        return [Draft(at, actor, None, step.op_id, event, version=0)]
    return [
        Draft(at, c.actor, request.id, step.op_id, c.event, request.version, c.trace)
        for c, request in zip(step.changes, requests, strict=True)
    ]


def _of_subject(step: Step) -> list[Argument]:
    """The 15 arguments behind an entry without a request."""
    arguments: list[Argument] = [""] * 15
    if step.subject is not None:
        _, before, body = step.subject
        arguments[1], arguments[3], arguments[7] = before, before + 1, body
    return arguments


def _of_change(change: Change, request: Request, stored: Stored, takes_over: str) -> list[Argument]:
    before = change.request
    deadline = next_deadline(request)
    return [
        stored.canonical,
        stored.mac,
        request.id,
        before.version if before else 0,
        before.state.value if before else "",
        request.version,
        request.state.value,
        request.terms_version,
        request.digest,
        _body_encoder.encode(request),
        request.requester,
        f",{','.join(sorted(request.same_person))},",
        change.actor if isinstance(change.event, Approved | Denied) else "",
        to_micros(request.lapses_at),
        "" if deadline is None else -(-to_micros(deadline) // 1000),
        "open" if request.is_open else "closed",
        takes_over,
    ]
