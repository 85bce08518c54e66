"""What this process knows of the chain: the highest head, and the newest entries it has checked.

Every read brings the entries from the known head on, so that a head that went backwards, a fork
(a replica that was promoted without the last writes) and a changed entry are seen at the next
click.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from approvals.entry import (
    EMPTY,
    AuditBroken,
    AuditKeys,
    Head,
    Stored,
    check,
    follows,
    from_micros,
)

#: Checked entries that are kept (2 kB each), so that a proof rarely reads them again.
RECENT_MAX = 1000


class Chain:
    """The verified end of the audit log. Pure but for its memory."""

    def __init__(self, keys: AuditKeys) -> None:
        self._keys = keys
        self._recent: dict[int, Stored] = {}
        self.head = EMPTY

    @property
    def lowest(self) -> int:
        """The oldest entry that is kept; from here to the head all is linked."""
        return next(iter(self._recent), 0)

    def get(self, sequence: int) -> Stored | None:
        return self._recent.get(sequence)

    def restart(self) -> None:
        """Forget everything: the administrators accepted the chain as Redis shows it."""
        self._recent.clear()
        self.head = EMPTY

    def observe(self, rows: Sequence[Stored], asked_from: Head) -> None:
        """Take in `rows`, read with `asked_from` as the known head. AuditBroken if they don't fit.

        Reads overtake each other, so rows may end before the head that is known meanwhile; they
        never may end before the head that was known when they were asked for.
        """
        if asked_from.sequence == 0:
            self._observe_start(rows)
            return
        if not rows or rows[0].sequence != asked_from.sequence:
            raise AuditBroken(asked_from.sequence, "it is gone: the head went backwards")
        if rows[0].mac != asked_from.mac:
            raise AuditBroken(asked_from.sequence, "it is another entry than before")
        for row in rows[1:]:
            self._observe_row(row)

    def _observe_start(self, rows: Sequence[Stored]) -> None:
        """The head of a log that this process has not seen; later, only newer ones are taken."""
        for row in rows:
            if self.head.sequence == 0:
                check(row, self._keys)
                self._keep(row)
            elif row.sequence <= self.head.sequence + 1:
                self._observe_row(row)
            # A newer one can't be linked without those between; the next read brings them.

    def _observe_row(self, row: Stored) -> None:
        if row.sequence <= self.head.sequence:
            known = self._recent.get(row.sequence)
            if known is not None and known.mac != row.mac:
                raise AuditBroken(row.sequence, "it is another entry than before")
            return
        follows(check(row, self._keys), self.head)
        self._keep(row)

    def wrote(self, rows: Sequence[Stored]) -> None:
        """Entries of our own that the script has taken."""
        for row in rows:
            self._observe_row(row)

    def _keep(self, row: Stored) -> None:
        self._recent[row.sequence] = row
        if len(self._recent) > RECENT_MAX:
            del self._recent[next(iter(self._recent))]
        self.head = Head(row.sequence, row.mac, row.at_micros)


class RedisClock:
    """Redis TIME (with the demo's offset), carried forward by the monotonic clock.

    The bot's own wall clock is never asked: it may be minutes off, and jump.
    """

    def __init__(
        self, offset: Callable[[], timedelta], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._offset = offset
        self._monotonic = monotonic
        self._micros = 0
        self._read_at: float | None = None

    @property
    def offset_micros(self) -> int:
        return self._offset() // timedelta(microseconds=1)

    @property
    def is_set(self) -> bool:
        return self._read_at is not None

    def set(self, micros: int) -> None:
        """`micros` is TIME, without the offset."""
        self._micros = micros
        self._read_at = self._monotonic()

    def micros(self) -> int:
        """The instant now, offset included."""
        if self._read_at is None:
            raise RuntimeError("TIME is read before the clock is asked")
        elapsed = self._monotonic() - self._read_at
        return self._micros + int(elapsed * 1_000_000) + self.offset_micros

    def now(self) -> datetime:
        return from_micros(self.micros())
