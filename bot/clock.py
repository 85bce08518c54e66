"""The bot's wall clock: the machine's, plus the demo director's offset where that is allowed.

The offset file is accepted by the settings only with an embedded Redis and an Azure on loopback.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class Clock:
    """`offset` is zero without a file; a file is read again when its time stamp changes."""

    def __init__(self, offset_file: Path | None = None) -> None:
        self._file = offset_file
        self._stamp = -1
        self._offset = timedelta(0)

    def offset(self) -> timedelta:
        """How far ahead the director has moved the clock."""
        if self._file is None:
            return self._offset
        try:
            stamp = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return self._offset
        if stamp != self._stamp:
            self._offset = timedelta(seconds=float(self._file.read_text("ascii").strip() or 0))
            self._stamp = stamp
        return self._offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset()

    def timestamp(self) -> float:
        """Unix seconds, for Slack's time stamps."""
        return time.time() + self.offset().total_seconds()
