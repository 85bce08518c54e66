"""What Azure was asked, kept for tests, the page and the script of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sandbox.azure.wire import Json

#: A demo may run for days; the newest are kept.
KEPT = 10_000


@dataclass(slots=True)
class Exchange:
    """One request; `status` is filled in once it is answered, None means no answer was sent."""

    method: str
    path: str
    query: dict[str, str]
    body: Json | None
    at: datetime
    status: int | None = None
    #: Whether it did what it asked for, whatever was answered.
    took_effect: bool = False


class ExchangeLog(list[Exchange]):
    """The newest exchanges, oldest first."""

    def add(self, exchange: Exchange) -> None:
        """Enter a request as it arrives."""
        self.append(exchange)
        if len(self) > 2 * KEPT:
            del self[:-KEPT]

    def initiates(self) -> list[Exchange]:
        """The requests to open a port."""
        return [e for e in self if e.method == "POST" and e.path.lower().endswith("/initiate")]
