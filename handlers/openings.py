"""What one process watches for all: openings and JIT policies that others made in Azure (C7).

Each is told once, across restarts and replicas: the outbox's key and the audit entry's op-id are
made of what was seen, and what was seen is replaced only after it was told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from approvals.entry import SEKISHO, FoundOpening
from approvals.events import RequestId, Target
from approvals.ledger import LedgerFrozen
from approvals.operations import op_id
from approvals.request import Request
from approvals.watching import Replacement, WatchStore
from defender.errors import AzureError
from defender.records import AccessRecord, Machine, PolicySnapshot, VmPolicy
from defender.resources import InvalidResourceId
from delivery.outbox import ChannelId
from feeds.callers import Wanted
from feeds.openings import (
    EntrySeen,
    ForeignOpening,
    PolicyChange,
    claimed,
    compare,
    entries,
    foreign_openings,
    is_same,
    read_entry,
)
from handlers.notices import Notice, Notices, Opened, PolicyEdited
from handlers.own_policies import OwnPolicies
from handlers.places import at_place, machine_of, target_of
from handlers.services import Services

log = logging.getLogger(__name__)

#: Entries of policies, by subscription, as `WatchStore` keeps them.
WHAT = "jit"
#: Changes of one subscription that are confirmed and told at one look; the rest at the next.
CHANGES_AT_ONCE = 20
#: The estate's cache is there within a second, a first reading of Azure within minutes: not waited
#: for longer than this, since an opening must be told all the same.
ESTATE_LOOKS, ESTATE_LOOK_SECONDS = 40, 0.5
#: An end that Azure does not show, for the audit entry, which must have one.
NO_END_YEAR = 9999


class Policies(Protocol):
    """The gateway's reading; `defender.jit.JitGateway` is the real one."""

    async def policies(self, subscription_id: str) -> PolicySnapshot: ...

    async def policies_of(
        self, machine: Machine, *, also: Iterable[VmPolicy] = ()
    ) -> PolicySnapshot: ...


class OpeningsWatch:
    """`step` looks at everything once. `tag` marks our own openings (`JitAccess`)."""

    def __init__(self, services: Services, jit: Policies, *, tag: str) -> None:
        self._s = services
        self._jit = jit
        self._tag = tag
        self._store = WatchStore(services.ledger.store)
        self._own = OwnPolicies(services.ledger)
        self._notices = Notices(services)
        self._seen: dict[str, dict[str, EntrySeen]] = {}
        self._told: set[str] = set()

    def begin(self) -> None:
        """On taking the lease: another process may have seen more since."""
        self._seen.clear()
        self._told.clear()

    async def step(self) -> None:
        """Every subscription in turn; one that can't be read stops no other."""
        await self._until_estate_is_known()
        for subscription in await self._s.estate.subscriptions():
            try:
                snapshot = await self._jit.policies(subscription.id)
                await self._look_at_openings(snapshot.records)
                await self._look_at_policies(subscription.id, snapshot)
            except AzureError as error:
                log.warning("openings of %s: %s: %s", subscription.id, error.code, error.message)

    async def _until_estate_is_known(self) -> None:
        """Right after a start, the VM's name and tags, which choose the channel, are not there."""
        for _ in range(ESTATE_LOOKS):
            if self._s.estate.oldest() is not None:
                return
            await asyncio.sleep(ESTATE_LOOK_SECONDS)

    # --- openings ---

    async def _look_at_openings(self, records: Sequence[AccessRecord]) -> None:
        known: dict[RequestId, Request] = {}
        for number in claimed(records, self._tag):
            request = await self._s.ledger.read(number)
            if request is not None:
                known[number] = request
        now = await self._s.ledger.now()
        for found in foreign_openings(records, instance=self._tag, known=known, now=now):
            if found.key not in self._told and not await self._store.is_told(found.key):
                await self._tell_opening(found, now)
            self._told.add(found.key)

    async def _tell_opening(self, found: ForeignOpening, now: datetime) -> None:
        """The audit entry first; while the ledger is frozen, people at least read of it."""
        event = FoundOpening(
            resource_id=found.resource_id,
            ports=found.ports,
            source=found.source,
            ends_at=found.ends_at or now.replace(year=NO_END_YEAR),
            requestor=found.requestor,
            justification=found.justification[:500],
        )
        is_noted = True
        try:
            await self._s.ledger.note(event, actor=SEKISHO, op_id=op_id("found", found.key))
        except LedgerFrozen as frozen:
            log.warning("opening %s is not in the audit log: %s", found.key, frozen)
            is_noted = False
        channel = self._channel(target_of(self._s, found.resource_id))
        notice = Notice(
            key=f"found:{found.key}",
            channel=channel,
            about=Opened(found, now),
            wanted=_of_opening(found, now),
            began_at=now,
            look_at=now,
        )
        await self._s.outbox.put(channel, await self._notices.file(notice))
        if is_noted:
            await self._store.set_told(found.key)

    # --- policies ---

    async def _look_at_policies(self, subscription: str, snapshot: PolicySnapshot) -> None:
        now = await self._s.ledger.now()
        seen = await self._remembered(subscription)
        shown = await asyncio.to_thread(entries, snapshot.policies, now)
        found = await asyncio.to_thread(compare, seen, shown)
        read_at = await self._store.read_at(WHAT, subscription)
        replaced = [Replacement(f, b"", _encoded(entry)) for f, entry in found.added.items()]
        kept: dict[str, EntrySeen | None] = dict(found.added)
        for listed in found.changes[:CHANGES_AT_ONCE]:
            change = await self._confirmed(listed, now)
            if change is None:
                continue
            if not await self._own.made(change):
                await self._tell_change(change, now, read_at)
            after = _encoded(change.after) if change.after else b""
            replaced.append(Replacement(change.field, _encoded(change.before), after))
            kept[change.field] = change.after
        if not replaced or await self._store.replace(WHAT, subscription, replaced):
            _keep(seen, kept)
        else:
            self._seen.pop(subscription, None)  # another process saw it, too: read again
        await self._store.set_read_at(WHAT, subscription, now)

    async def _remembered(self, subscription: str) -> dict[str, EntrySeen]:
        if subscription not in self._seen:
            raw = await self._store.seen(WHAT, subscription)
            found = {field: read_entry(value) for field, value in raw.items()}
            self._seen[subscription] = {f: entry for f, entry in found.items() if entry}
        return self._seen[subscription]

    async def _confirmed(self, change: PolicyChange, now: datetime) -> PolicyChange | None:
        """A subscription's list may leave policies out: the policies' own places tell."""
        places = [*change.before.policies, *(change.after.policies if change.after else ())]
        try:
            machine = machine_of(self._s, change.before.resource_id, places[0][1] if places else "")
            also = [at_place(change.before.resource_id, *place) for place in places]
            snapshot = await self._jit.policies_of(machine, also=also)
        except (AzureError, InvalidResourceId) as error:
            log.warning("policy of %s: %s", change.field, error)
            return None
        if snapshot.partial:
            return None
        after = entries(snapshot.of(change.before.resource_id), now).get(change.field)
        if after is None:
            return PolicyChange(change.field, "removed", change.before, None)
        if is_same(change.before, after):
            return None
        return PolicyChange(change.field, "changed", change.before, after)

    async def _tell_change(
        self, change: PolicyChange, now: datetime, before: datetime | None
    ) -> None:
        channel = self._channel(target_of(self._s, change.before.resource_id))
        notice = Notice(
            key=f"jit-policy:{change.key}",
            channel=channel,
            about=PolicyEdited(change, now, before),
            wanted=_of_change(change, now, before),
            began_at=now,
            look_at=now,
        )
        await self._s.outbox.put(channel, await self._notices.file(notice))

    # --- helpers ---

    def _channel(self, target: Target) -> ChannelId:
        """That of the VM's rule; where no rule is for it, the audit channel."""
        rule = self._s.policy().rule_for(target)
        return ChannelId(rule.channel if rule else self._s.audit_channel)


def _of_opening(found: ForeignOpening, now: datetime) -> Wanted:
    at = found.starts_at or now
    ids = tuple(each for each in (found.policy_id, found.resource_id) if each)
    return Wanted("opening", ids, at, at)


def _of_change(change: PolicyChange, now: datetime, before: datetime | None) -> Wanted:
    after = change.after.policies if change.after else ()
    ids = tuple(sorted({policy_id for policy_id, _ in (*change.before.policies, *after)}))
    return Wanted("policy", ids, before or change.before.seen_at, now)


def _encoded(entry: EntrySeen) -> bytes:
    return msgspec.json.encode(entry)


def _keep(seen: dict[str, EntrySeen], kept: Mapping[str, EntrySeen | None]) -> None:
    for field, entry in kept.items():
        if entry is None:
            seen.pop(field, None)
        else:
            seen[field] = entry
