"""What the usual source has missed: alerts that the slower one found first, and it never brought.

An alert is a suspect until the usual source has been read a few times more without it. Suspects
live in memory: a restart forgets them, the alerts themselves are told either way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from delivery.outbox import ChannelId, Line, Outbox
from feeds.store import AlertStore
from feeds.voice import Voice

log = logging.getLogger(__name__)

#: Whole reads of the usual source after which an alert counts as missed.
READS = 3
#: Beyond this many the source is plainly broken, and a count says enough.
SUSPECTS_MAX = 1_000
#: Alerts that one message names; the log has all.
NAMED_MAX = 10


class CrossCheck:
    """Compares two sources; `missed` counts since the start of the process."""

    def __init__(self) -> None:
        self._suspects: dict[str, int] = {}
        self.missed = 0

    def found(self, keys: Iterable[str]) -> None:
        """The slower source brought these, and nobody knew them."""
        for key in keys:
            if len(self._suspects) < SUSPECTS_MAX:
                self._suspects.setdefault(key, 0)

    def usual(self, keys: Iterable[str]) -> tuple[str, ...]:
        """The usual source was read whole and brought these; returns what counts as missed now."""
        if not self._suspects:
            return ()
        for key in keys:
            self._suspects.pop(key, None)
        for key in self._suspects:
            self._suspects[key] += 1
        missed = tuple(key for key, reads in self._suspects.items() if reads >= READS)
        for key in missed:
            del self._suspects[key]
        self.missed += len(missed)
        return missed


async def tell_missed(
    store: AlertStore,
    outbox: Outbox,
    missed: Sequence[str],
    *,
    source: str,
    voice: Voice,
    channel: ChannelId,
) -> None:
    """Count and name them; the alerts themselves are told already."""
    log.warning("%s has missed: %s", source, ", ".join(missed))
    await store.count("missed", len(missed))
    found = await store.many(missed[:NAMED_MAX])
    said = voice.missed(channel, source, found)
    key = f"feeds:missed:{source}:{missed[0]}"
    await outbox.put(channel, Line(key=key, text=said.text, blocks=said.blocks))
