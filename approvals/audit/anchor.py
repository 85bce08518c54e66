"""Anchors: what stands outside Redis, so that a cut or restored log is found.

The holder of the main lease alone writes them: every entry as a line to the second sink (a file, or
stdout as evidence only), and the head to the audit channel after 100 entries or 10 minutes.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Protocol

from approvals import entry as entries_of
from approvals.audit.scanning import scan
from approvals.entry import Archived, AuditBroken, AuditKeys, Head, Resumed, Stored
from approvals.ledger import Ledger

#: The channel is told after so many entries, or after this time if anything is new.
CHANNEL_ENTRIES = 100
CHANNEL_EVERY = timedelta(minutes=10)

#: Entries that may say why an anchor is not in the chain.
_EXPLAIN = (b'"type":"archived"', b'"type":"resumed"')

#: One line is an entry of some kB; the last line of the file is looked for in this much.
TAIL_BYTES = 1 << 20


class AnchorChannel(Protocol):
    """The audit channel in Slack: `{sequence, mac}` as message metadata."""

    async def post(self, sequence: int, mac: str) -> None: ...

    async def newest(self) -> tuple[int, str] | None: ...


class Sink(Protocol):
    """The second place of every entry."""

    async def append(self, rows: Sequence[Stored]) -> None: ...

    async def newest(self) -> Head | None:
        """The newest entry that stands there; None when it is empty or can't be read back."""
        ...

    async def defer(self, row: Stored) -> None:
        """A step that was taken while the ledger was frozen."""
        ...


class FileSink:
    """An append-only file of JSON lines, on disk before `append` returns.

    Steps taken while the ledger was frozen stand in a file of their own beside it.
    """

    def __init__(self, path: Path, keys: AuditKeys) -> None:
        self.path = path
        self.deferred_path = path.with_name(f"{path.name}.deferred")
        self._keys = keys

    async def append(self, rows: Sequence[Stored]) -> None:
        content = b"".join(entries_of.to_line(row) for row in rows)
        await asyncio.to_thread(_append, self.path, content)

    async def defer(self, row: Stored) -> None:
        await asyncio.to_thread(_append, self.deferred_path, entries_of.to_line(row))

    async def deferred(self) -> list[bytes]:
        """The lines of `defer`, for `approvals.audit.resume.enter_deferred`."""
        try:
            return (await asyncio.to_thread(self.deferred_path.read_bytes)).splitlines()
        except FileNotFoundError:
            return []

    async def finish_deferred(self, sequence: int) -> None:
        """They are entered, up to entry `sequence`: keep the file under another name."""
        entered = self.deferred_path.with_name(f"{self.deferred_path.name}.entered-{sequence}")
        await asyncio.to_thread(self.deferred_path.rename, entered)

    async def newest(self) -> Head | None:
        """AuditBroken when the last whole line is not an entry of ours."""
        line = await asyncio.to_thread(_last_line, self.path)
        if line is None:
            return None
        row = entries_of.from_line(line)
        entries_of.check(row, self._keys)
        return Head(row.sequence, row.mac, row.at_micros)


class StreamSink:
    """Standard output, for a collector of logs: evidence, but nothing that can be read back."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = stream or sys.stdout.buffer

    async def append(self, rows: Sequence[Stored]) -> None:
        for row in rows:
            self._stream.write(entries_of.to_line(row))
        self._stream.flush()

    async def defer(self, row: Stored) -> None:
        await self.append([row])

    async def newest(self) -> Head | None:
        return None


class Anchorer:
    """Call `start` on taking the lease, `step` every second while it is held."""

    def __init__(
        self,
        ledger: Ledger,
        sink: Sink | None,
        channel: AnchorChannel | None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._sink = sink
        self._channel = channel
        self._monotonic = monotonic
        self._in_sink: Head | None = None
        self._in_channel = 0
        self._channel_at = monotonic()

    async def newest(self) -> Head | None:
        """The newest anchor: of the file, else of the channel. AuditBroken for a forged one."""
        found = await self._sink.newest() if self._sink is not None else None
        if found is not None or self._channel is None:
            return found
        posted = await self._channel.newest()
        return Head(posted[0], posted[1], 0) if posted is not None else None

    async def start(self) -> Head | None:
        """Read the newest anchor back; the ledger freezes when the chain does not contain it."""
        try:
            anchor = await self.newest()
        except AuditBroken as broken:
            raise self._ledger.freeze(f"the second sink: {broken}") from broken
        await self._ledger.refresh()
        if anchor is not None and not await self._contains(anchor):
            raise self._ledger.freeze(
                f"the anchor knows entry {anchor.sequence}, which is not in the audit log"
            )
        if anchor is not None:
            self._in_channel = anchor.sequence
            if self._sink is not None:
                self._in_sink = await self._place_in_sink()
        return anchor

    async def _contains(self, anchor: Head) -> bool:
        try:
            return await contains(self._ledger, anchor)
        except AuditBroken as broken:
            raise self._ledger.freeze(str(broken)) from broken

    async def _place_in_sink(self) -> Head | None:
        """Where the sink goes on: behind its newest line, or from the head after a resume."""
        found = await self._sink.newest() if self._sink is not None else None
        if found is None:
            return None
        entry = await self._ledger.entry(found.sequence)
        return found if entry is not None and entry.mac == found.mac else None

    async def step(self) -> None:
        """Write what is new. LedgerFrozen when the chain is not what it was."""
        head = await self._ledger.refresh()
        await self._fill_sink(head)
        await self._tell_channel(head)

    async def _fill_sink(self, head: Head) -> None:
        if self._sink is None:
            return
        after = self._in_sink.sequence if self._in_sink is not None else 0
        if head.sequence <= after:
            return
        async for rows in scan(self._ledger.store, after=after, through=head.sequence):
            try:
                place = self._linked(rows)
            except AuditBroken as broken:
                raise self._ledger.freeze(str(broken)) from broken
            await self._sink.append(rows)
            self._in_sink = place

    def _linked(self, rows: Sequence[Stored]) -> Head | None:
        """The place of the last row, each checked to follow the one before."""
        place = self._in_sink
        for row in rows:
            link = entries_of.check(row, self._ledger.keys)
            if place is not None:
                entries_of.follows(link, place)
            place = Head(row.sequence, row.mac, row.at_micros)
        return place

    async def _tell_channel(self, head: Head) -> None:
        if self._channel is None or head.sequence <= self._in_channel:
            return
        waited = self._monotonic() - self._channel_at
        is_full = head.sequence - self._in_channel >= CHANNEL_ENTRIES
        if is_full or waited >= CHANNEL_EVERY.total_seconds():
            await self._channel.post(head.sequence, head.mac)
            self._in_channel = head.sequence
            self._channel_at = self._monotonic()


async def contains(ledger: Ledger, anchor: Head) -> bool:
    """Whether the chain holds `anchor`, or says why it does not: archived, or accepted as lost."""
    entry = await ledger.entry(anchor.sequence)
    if entry is not None:
        return entry.mac == anchor.mac or await _is_explained(ledger, anchor, is_gone=False)
    return await _is_explained(ledger, anchor, is_gone=True)


async def _is_explained(ledger: Ledger, anchor: Head, *, is_gone: bool) -> bool:
    # A row that is no entry explains nothing; `verify` names it.
    async for rows in scan(ledger.store, unreadable=lambda _: None):
        for row in rows:
            if not any(kind in row.canonical for kind in _EXPLAIN):
                continue
            event = entries_of.read(row, ledger.keys).event
            if isinstance(event, Archived) and is_gone and anchor.sequence <= event.through:
                return True
            if isinstance(event, Resumed) and (
                event.accepted_loss_after < anchor.sequence <= event.lost_sequence
            ):
                return True
    return False


def _append(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            # A line that a crash cut off stays as it is; the whole line is written again.
            content = b"\n" + content
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _last_line(path: Path) -> bytes | None:
    """The last whole line; a half one after it is what a crash left."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            tail = file.read()
    except FileNotFoundError:
        return None
    whole = tail[: tail.rfind(b"\n") + 1].splitlines(keepends=True)
    lines = [line for line in whole if line.startswith(b'{"mac":') and line.endswith(b"}\n")]
    return lines[-1] if lines else None
