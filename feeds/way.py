"""How the reading of one source goes in this process: failures, pauses, what to say of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from defender.errors import AzureBusy, AzureError
from feeds.sources import Source

#: The pause after a failure doubles up to this; Azure's own wish may be longer.
RETRY_MAX = timedelta(minutes=1)
#: After this long without the usual source the others are read more often.
NEEDED_AFTER = timedelta(seconds=30)


@dataclass(slots=True)
class Way:
    """One source on its way in."""

    source: Source
    failures: int = 0
    error: Exception | None = None
    #: of the loop's clock.
    failing_since: float | None = None
    is_cut: bool = False
    #: of the loop's clock: when everything, old alerts too, was read last.
    whole_at: float | None = None

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def problem(self) -> str:
        """For health: named by Azure's code, never by its text."""
        if self.error is None:
            return ""
        error = self.error
        code = error.code if isinstance(error, AzureError) else type(error).__name__
        return f"{self.name}: {code}"

    def succeeded(self) -> None:
        self.failures, self.error, self.failing_since = 0, None, None

    def failed(self, error: Exception, now: float) -> None:
        self.failures += 1
        self.error = error
        if self.failing_since is None:
            self.failing_since = now

    def needs_help(self, now: float) -> bool:
        """Whether other sources must stand in for it."""
        if self.failing_since is None:
            return self.is_cut
        return now - self.failing_since >= NEEDED_AFTER.total_seconds()

    def is_whole_due(self, now: float, every: timedelta) -> bool:
        return self.whole_at is None or now - self.whole_at >= every.total_seconds()

    def pause(self, *, is_needed: bool) -> timedelta:
        """From the beginning of one read to that of the next."""
        every = self.source.every(is_needed=is_needed)
        if not self.failures:
            return every
        times: int = 2 ** min(self.failures - 1, 6)
        doubled = min(every * times, max(every, RETRY_MAX))
        wanted = self.error.retry_after if isinstance(self.error, AzureBusy) else None
        return max(doubled, wanted or timedelta())
