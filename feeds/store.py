"""Alerts that are known, in Redis: taken in once.

Dedupe, index and queue are one script call per 500 alerts, so that nothing is known without being
queued. An alert that has changed costs a second call, which brings the line for its thread: what
has changed is seen only with both versions at hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from redis.asyncio import Redis

from defender.alert import Alert
from delivery.outbox import ChannelId, Line, ObjectId
from feeds.reading import AlertReads, Stored, milliseconds
from feeds.scripts import Offset, no_offset, text

__all__ = ["AlertStore", "Arrival", "IngestReport", "SayChange", "Stored"]

#: Alerts of one script call: 6 ms, fsync included (facts, section 1.6), in which Redis serves
#: nobody else.
BATCH_MAX = 500
#: Alerts that are made ready between two looks at other work.
BREATH = 100
#: Alerts whose fingerprint a process remembers: 10 MB or so.
KNOWN_MAX = 50_000
#: Characters of a machine's or kind's name that sort and count a storm.
NAME_MAX = 80

#: The text and blocks that tell a thread what changed; None: nothing worth a line.
SayChange = Callable[[Alert, Alert], tuple[str, list[dict[str, Any]]] | None]

_ALERT = msgspec.json.Decoder(Alert)
_body = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Arrival:
    """An alert with the channel that its route names. `is_held`: quiet hours keep it back."""

    alert: Alert
    channel: ChannelId
    route: str = ""
    is_held: bool = False


@dataclass(slots=True)
class IngestReport:
    """Keys by what became of them. Muted and held ones are new, too."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    muted: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    same: int = 0


class AlertStore(AlertReads):
    """One workspace's alerts."""

    def __init__(self, redis: Redis, *, tag: str, offset: Offset = no_offset) -> None:
        super().__init__(redis, tag=tag, offset=offset)
        self._known: dict[str, str] = {}

    async def ingest(
        self, arrivals: Sequence[Arrival], *, say_change: SayChange | None = None
    ) -> IngestReport:
        """Take them in, 500 at a time. What raises has been written up to a whole batch.

        What this process has seen stored goes without its body: polls overlap by hours. Redis
        still has the last word, so that what it has lost is taken in again.
        """
        report = IngestReport()
        for start in range(0, len(arrivals), BATCH_MAX):
            rows = []
            for number, arrival in enumerate(arrivals[start : start + BATCH_MAX], start=1):
                row = _Row(arrival)
                row.is_short = self._known.get(row.alert.key) == row.fingerprint
                rows.append(row)
                if not number % BREATH:
                    await asyncio.sleep(0)
            while rows:
                rows = await self._take(rows, report, say_change)
        return report

    async def _take(
        self, rows: list[_Row], report: IngestReport, say_change: SayChange | None
    ) -> list[_Row]:
        """One call. Returns the rows that have changed against what nobody here has seen."""
        letters, bodies = await self.scripts.run("ingest", [row.packed() for row in rows])
        stored, again = iter(bodies), []
        for row, letter in zip(rows, text(letters), strict=True):
            if letter == "b":
                row.is_short = False
                again.append(row)
                continue
            if letter != "o":
                self._know(row)
            match letter:
                case "s":
                    report.same += 1
                case "c":
                    report.changed.append(row.alert.key)
                case "o":
                    version = int(next(stored))
                    row.see(_ALERT.decode(next(stored)), version, say_change)
                    again.append(row)
                case _:
                    report.new.append(row.alert.key)
                    kept = {"m": report.muted, "h": report.held}.get(letter)
                    if kept is not None:
                        kept.append(row.alert.key)
        return again

    def _know(self, row: _Row) -> None:
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()  # a body too much for each, once
        self._known[row.alert.key] = row.fingerprint


class _Row:
    """One alert on its way into the script."""

    def __init__(self, arrival: Arrival) -> None:
        self._arrival = arrival
        self.alert = arrival.alert
        try:
            self.fingerprint = self.alert.fingerprint
        except UnicodeEncodeError:  # half a character: what is left is told
            self.alert = _mended(arrival.alert)
            self.fingerprint = self.alert.fingerprint
        self.is_short = False
        self._change: list[Any] = [0, "", "", False]

    def packed(self) -> list[Any]:
        """The row as ingest.lua wants it; a short one is key and fingerprint alone."""
        if self.is_short:
            return [self.alert.key, self.fingerprint]
        alert, arrival = self.alert, self._arrival
        generated = alert.generated_at
        return [
            alert.key,
            self.fingerprint,
            _body.encode(alert).decode(),  # cmsgpack knows no bytes
            None if generated is None else str(milliseconds(generated)),
            alert.state in ("active", "inprogress"),
            (alert.resource_id or alert.machine).casefold(),
            short_name(alert.machine or alert.resource_id.rpartition("/")[2]),
            short_name(alert.title or alert.alert_type),
            kind_of(alert),
            arrival.channel,
            arrival.route,
            arrival.is_held,
            str(alert.rank),
            *self._change,
        ]

    def see(self, before: Alert, version: int, say_change: SayChange | None) -> None:
        """What is stored now: the change is told against it."""
        said = say_change(before, self.alert) if say_change is not None else None
        key = f"alert:{self.alert.key}:{version + 1}:line"
        line = b""
        if said is not None:
            thread = ObjectId(f"alert:{self.alert.key}")
            line = msgspec.json.encode(Line(key, said[0], said[1], thread_of=thread))
        is_raised = self.alert.rank == 0 < before.rank
        self._change = [version, line.decode(), key, is_raised]


def kind_of(alert: Alert) -> str:
    """What a mute mutes: the type, or the title of an alert without one."""
    return (alert.alert_type or alert.title).casefold()


def short_name(name: str) -> str:
    """A name on one line, short enough to be sorted and counted by."""
    return " ".join(name.split())[:NAME_MAX]


def _mended(alert: Alert) -> Alert:
    """The same with U+FFFD for what no text in UTF-8 can hold."""

    def mend(value: Any) -> Any:
        match value:
            case str():
                return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            case dict():
                return {mend(name): mend(inner) for name, inner in value.items()}
            case list() | tuple():
                return [mend(inner) for inner in value]
            case _:
                return value

    return msgspec.convert(mend(msgspec.to_builtins(alert)), Alert)
