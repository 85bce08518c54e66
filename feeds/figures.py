"""The feeds' figures for `/metrics` and health, read anew from time to time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from feeds.reading import AlertReads
from feeds.verify import FeedsReport, Verify

#: Nobody waits for the figures: most of the time is left to who is waited for.
PAUSE = timedelta(milliseconds=10)
#: Counters that are shown as they are; the rest comes from the report.
COUNTERS = ("changed", "held", "bad", "skipped")


class FeedFigures:
    """`refresh` once a minute or so: it looks at every alert that is known."""

    def __init__(self, store: AlertReads, verify: Verify) -> None:
        self._store = store
        self._verify = verify
        self.report = FeedsReport(0, 0, 0, 0)
        self._counters: dict[str, int] = {}

    async def refresh(self) -> None:
        self.report = await self._verify.run(pause=PAUSE)
        self._counters = await self._store.counters()

    def problem(self) -> str:
        """For a health check: "" while everything is accounted for."""
        if self.report.is_good:
            return ""
        return f"{len(self.report.missing) + self.report.forgotten} alerts are missing"

    def metrics(self) -> dict[str, Callable[[], float]]:
        """Names without the prefix `sekisho_`."""
        found: dict[str, Callable[[], float]] = {
            "alerts_ingested": lambda: self.report.ingested,
            "alerts_told": lambda: self.report.told,
            "alerts_waiting": lambda: self.report.waiting,
            "alerts_muted": lambda: self.report.muted,
            "alerts_missing": lambda: len(self.report.missing) + self.report.forgotten,
        }
        for name in COUNTERS:
            found[f"alerts_{name}"] = lambda name=name: self._counters.get(name, 0)  # type: ignore[misc]
        return found
