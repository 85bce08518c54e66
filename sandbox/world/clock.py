"""The sandbox's clock: the machine's own, moved forward by whoever directs the demo."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

#: Told the whole offset after each move.
OnAdvance = Callable[[timedelta], None]


class SandboxClock:
    """Real time plus an offset that only grows.

    The offset is written to `offset_file` in seconds, so that the bot, another process, can give
    its script the same one.
    """

    def __init__(self, offset_file: Path | None = None) -> None:
        self.offset_file = offset_file
        self._offset = timedelta()
        self._listeners: list[OnAdvance] = []
        self._write()

    @property
    def offset(self) -> timedelta:
        """How far this clock is ahead of the machine's."""
        return self._offset

    def now(self) -> datetime:
        """This instant, in UTC."""
        return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Move forward; time that has been told is never taken back."""
        if by < timedelta():
            raise ValueError("the clock only moves forward")
        self._offset += by
        self._write()
        for listener in tuple(self._listeners):
            listener(self._offset)

    def on_advance(self, listener: OnAdvance) -> None:
        """Call `listener` with the whole offset after each move."""
        self._listeners.append(listener)

    def _write(self) -> None:
        if self.offset_file is None:
            return
        self.offset_file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.offset_file.with_name(f"{self.offset_file.name}.new")
        fresh.write_text(f"{self._offset.total_seconds():.6f}\n", encoding="ascii")
        os.replace(fresh, self.offset_file)  # a reader sees the old offset or the new one
