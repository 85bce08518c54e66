"""What Azure shows of JIT, held against what the ledger knows and what was seen before. Pure.

A port that somebody opened past Sekisho, and a JIT policy that somebody edited (C7). Whether the
justification names a request of ours proves nothing by itself: anybody can type it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from approvals.events import RequestId
from approvals.request import Request
from defender.records import AccessRecord, VmPolicy
from defender.resources import fold

#: Who is let in by the request that closes a port early is nobody (RFC 5737).
NOBODY = "192.0.2.1"
#: Azure keeps the end to the millisecond, others perhaps not.
SAME_END = timedelta(minutes=1)


# --- openings ---


@dataclass(frozen=True, slots=True)
class ForeignOpening:
    """One request in Azure that did not come from Sekisho, with the ports still open."""

    resource_id: str
    ports: tuple[int, ...]
    source: str
    starts_at: datetime | None
    ends_at: datetime | None
    requestor: str
    justification: str
    #: a request of ours that its justification names, wrongly.
    claims: RequestId | None = None
    #: the policy that lists it, "" where that is not known.
    policy_id: str = ""

    @property
    def key(self) -> str:
        """The same in every process and at every look: Azure gives a request no id."""
        said = (
            fold(self.resource_id),
            self.source,
            self.starts_at,
            self.ends_at,
            self.requestor,
            self.justification,
        )
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:24]


def claimed(records: Iterable[AccessRecord], instance: str) -> frozenset[RequestId]:
    """The requests of ours that live records name: to be read from the ledger."""
    named = (_claim(record, instance) for record in records if record.is_live)
    return frozenset(claim[1] for claim in named if claim is not None)


def foreign_openings(
    records: Sequence[AccessRecord],
    *,
    instance: str,
    known: Mapping[RequestId, Request],
    now: datetime,
) -> tuple[ForeignOpening, ...]:
    """Every live record that no request of ours explains, ports of one request together."""
    grouped: dict[tuple[object, ...], list[AccessRecord]] = {}
    for record in records:
        is_over = record.ends_at is not None and record.ends_at <= now
        if not record.is_live or is_over or _is_ours(record, instance, known):
            continue
        same = (
            fold(record.vm_id), record.sources, record.starts_at, record.ends_at,
            record.requestor, record.justification,
        )  # fmt: skip
        grouped.setdefault(same, []).append(record)
    return tuple(_foreign(found, instance) for found in grouped.values())


def _foreign(records: Sequence[AccessRecord], instance: str) -> ForeignOpening:
    first, claim = records[0], _claim(records[0], instance)
    return ForeignOpening(
        resource_id=str(first.vm_id),
        ports=tuple(sorted({record.port for record in records})),
        source=", ".join(first.sources),
        starts_at=first.starts_at,
        ends_at=first.ends_at,
        requestor=first.requestor,
        justification=first.justification,
        claims=claim[1] if claim else None,
        policy_id=str(first.policy_id or ""),
    )


def _claim(record: AccessRecord, instance: str) -> tuple[bool, RequestId] | None:
    """Whether it says that it closes, and which request it names."""
    pattern = rf"(?<![\w-]){re.escape(instance)}(-close)?:([1-9]\d{{0,11}})(?![\w-])"
    found = re.search(pattern, record.justification, re.ASCII)
    return None if found is None else (bool(found[1]), RequestId(found[2]))


def _is_ours(record: AccessRecord, instance: str, known: Mapping[RequestId, Request]) -> bool:
    """The named request was sent for this VM, port and source, with this end."""
    claim = _claim(record, instance)
    request = known.get(claim[1]) if claim else None
    if claim is None or request is None:
        return False
    if fold(request.target.resource_id) != fold(record.vm_id):
        return False
    sources = {source.removesuffix("/32").removesuffix("/128") for source in record.sources}
    if claim[0]:  # lets in nobody
        return sources == {NOBODY}
    ends = [attempt.ends_at for attempt in request.attempts]
    is_same_end = record.ends_at is None or any(abs(at - record.ends_at) <= SAME_END for at in ends)
    return (
        bool(ends)
        and is_same_end
        and record.port in request.asked.ports
        and sources == {request.terms.source.removesuffix("/32").removesuffix("/128")}
    )


# --- policies ---


class PortSeen(msgspec.Struct, frozen=True, order=True):
    """What one port may be asked for."""

    number: int
    sources: tuple[str, ...]
    longest_seconds: int
    protocol: str = ""


class EntrySeen(msgspec.Struct, frozen=True):
    """One machine's entries in every policy. `seen_at`: first seen as it is."""

    resource_id: str
    #: full id and region of each policy.
    policies: tuple[tuple[str, str], ...]
    ports: tuple[PortSeen, ...]
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class PortChange:
    """One port that is not as it was; None: was not, or is not, there."""

    number: int
    before: PortSeen | None
    after: PortSeen | None


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """An entry that is not as it was seen."""

    field: str
    kind: Literal["changed", "removed"]
    before: EntrySeen
    after: EntrySeen | None

    @property
    def key(self) -> str:
        """`seen_at` of the entry before is in it, so that a change and its undoing are two."""
        after = (self.after.policies, self.after.ports) if self.after else None
        said = (self.field, self.before, after)
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:24]

    @property
    def ports(self) -> tuple[PortChange, ...]:
        before = {port.number: port for port in self.before.ports}
        after = {port.number: port for port in self.after.ports} if self.after else {}
        return tuple(
            PortChange(number, before.get(number), after.get(number))
            for number in sorted(before.keys() | after.keys())
            if before.get(number) != after.get(number)
        )


_decoder = msgspec.json.Decoder(EntrySeen)


def read_entry(raw: bytes) -> EntrySeen | None:
    """As stored; None for what an older version wrote otherwise."""
    try:
        return _decoder.decode(raw)
    except msgspec.MsgspecError:
        return None


def entries(policies: Iterable[VmPolicy], now: datetime) -> dict[str, EntrySeen]:
    """By folded resource id, everything in one order, so that equal is equal."""
    grouped: dict[str, list[VmPolicy]] = {}
    for policy in policies:
        grouped.setdefault(fold(policy.vm_id), []).append(policy)
    return {field: _entry(found, now) for field, found in grouped.items()}


def _entry(found: Sequence[VmPolicy], now: datetime) -> EntrySeen:
    ports = {
        PortSeen(
            rule.number,
            tuple(sorted(rule.allowed_sources)),
            int(rule.longest.total_seconds()),
            rule.protocol,
        )
        for policy in found
        for rule in policy.ports
    }
    places = {(fold(policy.policy_id), policy.location) for policy in found}
    return EntrySeen(str(found[0].vm_id), tuple(sorted(places)), tuple(sorted(ports)), now)


@dataclass(frozen=True, slots=True)
class Compared:
    """`changes` are to be confirmed and told, `added` only to be remembered."""

    changes: tuple[PolicyChange, ...]
    added: Mapping[str, EntrySeen]


def compare(seen: Mapping[str, EntrySeen], now: Mapping[str, EntrySeen]) -> Compared:
    """What is not as it was seen last. A machine seen for the first time is no news here."""
    changes: list[PolicyChange] = []
    for field, before in seen.items():
        after = now.get(field)
        if after is None:
            changes.append(PolicyChange(field, "removed", before, None))
        elif not is_same(before, after):
            changes.append(PolicyChange(field, "changed", before, after))
    return Compared(tuple(changes), {field: now[field] for field in now.keys() - seen.keys()})


def is_same(before: EntrySeen, after: EntrySeen) -> bool:
    return (before.policies, before.ports) == (after.policies, after.ports)
