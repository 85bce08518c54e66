"""When Low and Informational alerts wait for the morning, and when the morning is. Pure.

Local times of one zone. A night in which the clocks change is one night: an hour that is there
twice is quiet twice, a time that is not there at all is taken as the instant after the gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from feeds.facts import may_be_held


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one local time to another, over midnight where `until` is the earlier one."""

    begins: time
    until: time
    time_zone: ZoneInfo

    def is_quiet(self, at: datetime) -> bool:
        """Whether it is quiet at this instant; the end is no longer quiet."""
        local = at.astimezone(self.time_zone).time()
        if self.begins <= self.until:
            return self.begins <= local < self.until
        return local >= self.begins or local < self.until

    def hold(self, severity: str, at: datetime) -> bool:
        """Whether an alert of this severity waits; High, Medium and unknown ones never do."""
        return may_be_held(severity) and self.is_quiet(at)


@dataclass(frozen=True, slots=True)
class DigestTime:
    """The local time at which what was held back is told, once a day."""

    at: time
    time_zone: ZoneInfo

    def last(self, now: datetime) -> datetime:
        """The newest digest instant that is not in the future, as UTC."""
        today = now.astimezone(self.time_zone).date()
        found = self._on(today)
        return found if found <= now else self._on(today - timedelta(days=1))

    def next(self, now: datetime) -> datetime:
        """The first digest instant after `now`, as UTC."""
        today = now.astimezone(self.time_zone).date()
        found = self._on(today)
        return found if found > now else self._on(today + timedelta(days=1))

    def day(self, instant: datetime) -> str:
        """The local date that names a digest: `2026-11-25`."""
        return instant.astimezone(self.time_zone).date().isoformat()

    def _on(self, day: date) -> datetime:
        return datetime.combine(day, self.at, self.time_zone).astimezone(UTC)
