"""One item of the audit log: its canonical bytes, its MAC and the keys that make it.

The MAC is HMAC-SHA256 over exactly the bytes that are stored, so a check never depends on how a
later version would spell the same entry. The key is used here alone and never enters Redis.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from approvals.deeds import Deed
from approvals.events import Event, OpId, PersonId, RequestId

#: The actor of entries that no person made: a deadline that was over, a port Azure has closed.
SEKISHO = PersonId("sekisho")

#: `previous_mac` of the very first entry.
NO_MAC = ""

#: HMAC-SHA256 has 32 bytes; a shorter secret is weaker than its own MAC.
SECRET_BYTES_MIN = 32


class FoundOpening(msgspec.Struct, frozen=True, tag="found_opening"):
    """A port that Azure shows open and the ledger does not know."""

    resource_id: str
    ports: tuple[int, ...]
    source: str
    ends_at: datetime
    requestor: str
    justification: str


class Resumed(msgspec.Struct, frozen=True, tag="resumed"):
    """Two administrators accepted that entries after `accepted_loss_after` are gone."""

    accepted_loss_after: int
    reason: str
    administrators: tuple[PersonId, PersonId]
    #: the newest head that anyone remembers, and the one that Redis shows now.
    lost_sequence: int
    lost_mac: str
    found_sequence: int
    found_mac: str


class Archived(msgspec.Struct, frozen=True, tag="archived"):
    """Entries up to `through` were exported and signed; only then they may be trimmed."""

    first: int
    through: int
    through_mac: str
    sha256: str
    signature: str
    file_name: str


#: Events that belong to no request.
AdminEvent = FoundOpening | Resumed | Archived | Deed


class Entry(msgspec.Struct, frozen=True):
    """One entry, read and checked. `version` is that of the request after it (0: no request)."""

    sequence: int
    at: datetime
    actor: PersonId
    request: RequestId | None
    op: OpId
    event: Event | AdminEvent
    version: int
    previous_mac: str
    mac: str
    key_id: str
    trace: str = ""


class _Body(msgspec.Struct, frozen=True):
    """What is under the MAC, in this order."""

    sequence: int
    at: datetime
    actor: PersonId
    request: RequestId | None
    op: OpId
    event: Event | AdminEvent
    version: int
    previous_mac: str
    key_id: str
    trace: str = ""


class Link(msgspec.Struct, frozen=True):
    """The part of an entry that holds the chain together: cheap to read for 100,000 entries."""

    sequence: int
    at: datetime
    request: RequestId | None
    previous_mac: str
    key_id: str


#: The bytes are signed and stored as they are, never made again, so the order of a map (which
#: msgspec can't sort when its keys are port numbers) does not matter.
_encoder = msgspec.json.Encoder()
_body_decoder = msgspec.json.Decoder(_Body)
_link_decoder = msgspec.json.Decoder(Link)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970: what the script compares (exact in Lua's doubles until 2255)."""
    return (at - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


class AuditBroken(Exception):
    """An entry is not what was written. `sequence` names the first bad one."""

    def __init__(self, sequence: int, why: str) -> None:
        self.sequence = sequence
        self.why = why
        super().__init__(f"audit entry {sequence}: {why}")


#: SHA-256 works on blocks of this many bytes.
_BLOCK_BYTES = 64


class Prepared:
    """HMAC-SHA256 (RFC 2104) with the key taken in once.

    OpenSSL 3 looks the algorithm up at every `hmac.digest`, which costs more than the hash itself.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: bytes) -> None:
        block = secret if len(secret) <= _BLOCK_BYTES else hashlib.sha256(secret).digest()
        block = block.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def mac(self, canonical: bytes) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(canonical)
        outer.update(inner.digest())
        return outer.hexdigest()


@dataclass(frozen=True, slots=True)
class AuditKeys:
    """The secrets by key id; `current` signs, all of them check. Never printed."""

    current: str
    secrets: Mapping[str, bytes] = field(repr=False)
    _prepared: dict[str, Prepared] = field(repr=False, compare=False, init=False)

    def __post_init__(self) -> None:
        prepared = {key_id: Prepared(secret) for key_id, secret in self.secrets.items()}
        object.__setattr__(self, "_prepared", prepared)
        if self.current not in self.secrets:
            raise ValueError(f"the current audit key {self.current!r} has no secret")
        for key_id, secret in self.secrets.items():
            if len(secret) < SECRET_BYTES_MIN:
                raise ValueError(f"audit key {key_id!r}: at least {SECRET_BYTES_MIN} bytes")

    def __reduce__(self) -> tuple[type[AuditKeys], tuple[str, dict[str, bytes]]]:
        """Settings come from another process; a prepared hash can't, so it is prepared again."""
        return AuditKeys, (self.current, dict(self.secrets))

    def mac(self, key_id: str, canonical: bytes) -> str:
        """HMAC-SHA256 in hex. KeyError for a key that is not in the settings."""
        return self._prepared[key_id].mac(canonical)


class Stored(msgspec.Struct, frozen=True, gc=False):
    """An entry as it lies in the stream: the bytes under the MAC, the MAC, and the id's number."""

    sequence: int
    canonical: bytes
    mac: str
    at_micros: int


class Head(msgspec.Struct, frozen=True, gc=False):
    """The newest entry that is known. Sequence 0 is the empty log."""

    sequence: int
    mac: str
    at_micros: int


EMPTY = Head(0, NO_MAC, 0)

#: Where steps "stand" that were taken while the ledger was frozen: outside every chain (number 0).
DEFERRED = Head(-1, "deferred", 0)


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it has a place in the chain."""

    at: datetime
    actor: PersonId
    request: RequestId | None
    op: OpId
    event: Event | AdminEvent
    version: int
    trace: str = ""


def seal(draft: Draft, head: Head, keys: AuditKeys) -> tuple[Entry, Stored]:
    """Put `draft` behind `head` and sign it."""
    body = _Body(
        sequence=head.sequence + 1,
        at=draft.at,
        actor=draft.actor,
        request=draft.request,
        op=draft.op,
        event=draft.event,
        version=draft.version,
        previous_mac=head.mac,
        key_id=keys.current,
        trace=draft.trace,
    )
    canonical = _encoder.encode(body)
    mac = keys.mac(keys.current, canonical)
    return _entry(body, mac), Stored(body.sequence, canonical, mac, to_micros(draft.at))


def check(stored: Stored, keys: AuditKeys) -> Link:
    """The MAC, and that the id and time beside the entry are the entry's own."""
    try:
        link = _link_decoder.decode(stored.canonical)
        expected = keys.mac(link.key_id, stored.canonical)
    except msgspec.MsgspecError as error:
        raise AuditBroken(stored.sequence, "it can't be read") from error
    except KeyError as error:
        raise AuditBroken(stored.sequence, "its key is not in the settings") from error
    if not stored.mac.isascii() or not hmac.compare_digest(expected, stored.mac):
        raise AuditBroken(stored.sequence, "it was changed: the MAC is not that of its content")
    if link.sequence != stored.sequence:
        raise AuditBroken(stored.sequence, f"it was moved: it is entry {link.sequence}")
    if to_micros(link.at) != stored.at_micros:
        raise AuditBroken(stored.sequence, "the time beside it was changed")
    return link


def follows(link: Link, before: Head) -> None:
    """That `link` stands right behind `before`, or AuditBroken."""
    if link.sequence != before.sequence + 1:
        raise AuditBroken(before.sequence + 1, "it is missing")
    if link.previous_mac != before.mac:
        raise AuditBroken(link.sequence, "it does not follow the entry before it")


def read(stored: Stored, keys: AuditKeys) -> Entry:
    """The whole entry after `check`."""
    check(stored, keys)
    return decode(stored)


def decode(stored: Stored) -> Entry:
    """The entry of bytes that were checked before."""
    try:
        body = _body_decoder.decode(stored.canonical)
    except msgspec.MsgspecError as error:
        raise AuditBroken(stored.sequence, "its event is of no known kind") from error
    return _entry(body, stored.mac)


def _entry(body: _Body, mac: str) -> Entry:
    return Entry(
        sequence=body.sequence,
        at=body.at,
        actor=body.actor,
        request=body.request,
        op=body.op,
        event=body.event,
        version=body.version,
        previous_mac=body.previous_mac,
        mac=mac,
        key_id=body.key_id,
        trace=body.trace,
    )


def to_line(stored: Stored) -> bytes:
    """One line of JSON for files: the canonical bytes stand in it exactly as they were signed."""
    return b'{"mac":' + json.dumps(stored.mac).encode() + b',"entry":' + stored.canonical + b"}\n"


def from_line(line: bytes) -> Stored:
    """The inverse of `to_line`. Raises AuditBroken(0) for anything else."""
    try:
        parts = _line_decoder.decode(line)
        link = _link_decoder.decode(parts.entry)
    except msgspec.MsgspecError as error:
        raise AuditBroken(0, "a line of the file can't be read") from error
    return Stored(link.sequence, bytes(parts.entry), parts.mac, to_micros(link.at))


class _Line(msgspec.Struct, frozen=True):
    mac: str
    entry: msgspec.Raw


_line_decoder = msgspec.json.Decoder(_Line)
