"""What one read of a source brings, page by page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from defender.alert import Alert
from defender.alerts import AlertBatch


@dataclass(slots=True)
class Reading:
    """One read, begun at `now` (Redis TIME). Pages are not kept, only what they amount to."""

    now: datetime
    keys: set[str] = field(default_factory=set)
    #: a time in the future counts for nothing: it would make us miss all until then.
    newest_at: datetime | None = None
    bad: list[str] = field(default_factory=list)
    is_cut: bool = False
    new: list[str] = field(default_factory=list)
    changed: int = 0

    def take(self, batch: AlertBatch) -> list[Alert]:
        """The alerts to take in: of one that is there twice (C046) the first, in every read."""
        self.bad += batch.bad
        self.is_cut = self.is_cut or batch.is_cut
        fresh: list[Alert] = []
        for alert in batch.alerts:
            if alert.key not in self.keys:
                self.keys.add(alert.key)
                fresh.append(alert)
                self._see(alert.generated_at)
        return fresh

    def _see(self, at: datetime | None) -> None:
        if at is not None and at <= self.now:
            self.newest_at = at if self.newest_at is None else max(at, self.newest_at)
