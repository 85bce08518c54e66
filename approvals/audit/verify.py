"""Whether the log is what was written: how far it is good, and the first entry that is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from approvals import entry as entries_of
from approvals.audit.scanning import scan
from approvals.entry import Archived, AuditBroken, AuditKeys, Head, Resumed, Stored
from approvals.store import Store


@dataclass(frozen=True, slots=True)
class Break:
    """One place where the log is not what was written."""

    sequence: int
    reason: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """`good_to` is the last entry up to which all is right, `first_bad` the first that is not."""

    first: int
    head: int
    good_to: int
    first_bad: int | None
    reason: str
    #: breaks that two administrators have accepted with an entry `resumed`.
    accepted: tuple[Break, ...] = ()

    @property
    def is_good(self) -> bool:
        return self.first_bad is None


class Verifier:
    """Pure: takes entries in order, says in the end what was wrong."""

    def __init__(
        self, keys: AuditKeys, anchor: Head | None = None, *, from_anywhere: bool = False
    ) -> None:
        self._keys = keys
        self._anchor = anchor
        self._from_anywhere = from_anywhere
        self._first: int | None = None
        #: the MAC that the first entry follows; None while the first row is no sound entry.
        self._first_link: str | None = None
        self._place: Head | None = None
        self._breaks: list[Break] = []
        self._archived: list[Archived] = []
        self._resumed: list[Resumed] = []

    def take(self, rows: Sequence[Stored]) -> None:
        for row in rows:
            place = self._place
            try:
                self._take(row)
            except AuditBroken as broken:
                self._breaks.append(Break(broken.sequence, broken.why))
                if place is not None and place.sequence + 1 < row.sequence == broken.sequence:
                    self._breaks.append(Break(place.sequence + 1, "it is missing"))
            self._place = Head(row.sequence, row.mac, row.at_micros)

    def _take(self, row: Stored) -> None:
        if self._place is None:
            self._first = row.sequence
        link = entries_of.check(row, self._keys)
        if self._place is None:
            self._first_link = link.previous_mac
        else:
            entries_of.follows(link, self._place)
        if link.request is None:
            event = entries_of.decode(row).event
            if isinstance(event, Archived):
                self._archived.append(event)
            elif isinstance(event, Resumed):
                self._resumed.append(event)
        # Last: the entry that accepts a loss may itself have the number of a lost one.
        anchor = self._anchor
        if anchor is not None and row.sequence == anchor.sequence and row.mac != anchor.mac:
            raise AuditBroken(row.sequence, "the anchor knows another entry of this number")

    def unreadable(self, broken: AuditBroken) -> None:
        """A row that is no entry stands in the log."""
        self._breaks.append(Break(broken.sequence, broken.why))

    def report(self, newest_id: int = 0) -> VerifyReport:
        """`newest_id` is the highest id the stream has ever had."""
        head = self._place.sequence if self._place is not None else 0
        first = self._first or 0
        breaks = [*self._before_first(first), *self._breaks, *self._behind(head, newest_id)]
        accepted = tuple(found for found in breaks if self._is_accepted(found))
        bad = sorted((b for b in breaks if b not in accepted), key=lambda found: found.sequence)
        if not bad:
            return VerifyReport(first, head, head, None, "", accepted)
        worst = bad[0]
        return VerifyReport(
            first, head, max(0, worst.sequence - 1), worst.sequence, worst.reason, accepted
        )

    def _before_first(self, first: int) -> list[Break]:
        """What was before the first entry must have been archived."""
        if first <= 1 or self._from_anywhere:
            return []
        for archived in self._archived:
            if archived.through < first - 1:
                continue
            if archived.through == first - 1 and self._first_link not in (
                None,
                archived.through_mac,
            ):
                return [Break(first, "it does not follow the archived entries")]
            return []
        return [Break(1, f"entries 1 to {first - 1} are gone and were not archived")]

    def _behind(self, head: int, newest_id: int) -> list[Break]:
        """A tail that was cut: the anchor, or Redis itself, knows a later entry."""
        known = max(newest_id, self._anchor.sequence if self._anchor is not None else 0)
        if known > head:
            return [Break(head + 1, f"it was cut off: entry {known} was known outside")]
        return []

    def _is_accepted(self, found: Break) -> bool:
        return any(
            resumed.accepted_loss_after < found.sequence
            and found.sequence <= max(resumed.found_sequence, resumed.lost_sequence)
            for resumed in self._resumed
        )


async def verify(store: Store, keys: AuditKeys, anchor: Head | None = None) -> VerifyReport:
    """The log in Redis. `anchor` is the newest that stands outside (second sink or channel)."""
    verifier = Verifier(keys, anchor)
    async for rows in scan(store, unreadable=verifier.unreadable):
        verifier.take(rows)
    return verifier.report(await newest_id(store))


async def newest_id(store: Store) -> int:
    """The highest entry number the stream has ever had, 0 without a stream."""
    if await store.command("EXISTS", store.keys.audit) == 0:
        return 0
    info = await store.command("XINFO", "STREAM", store.keys.audit)
    if isinstance(info, dict):
        found = info.get("last-generated-id", info.get(b"last-generated-id", b"0-0"))
    else:
        listed = list(info) if isinstance(info, list | tuple) else []
        found = listed[listed.index(b"last-generated-id") + 1]
    return int(store.text(found).partition("-")[0])


def verify_file(path: Path, keys: AuditKeys) -> VerifyReport:
    """An export in JSON lines, without any Redis. It may begin anywhere in the log."""
    verifier = Verifier(keys, from_anywhere=True)
    rows: list[Stored] = []
    with path.open("rb") as lines:
        for line in lines:
            try:
                rows.append(entries_of.from_line(line))
            except AuditBroken as broken:
                known = rows[-1].sequence if rows else 0
                verifier.take(rows)
                verifier.unreadable(AuditBroken(known + 1, broken.why))
                return verifier.report()
    verifier.take(rows)
    return verifier.report()
