"""What can be broken about the sandbox's Slack, one named way at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "rate_limit", "error", "http", "drop_after_accept", "drop_before", "hang", "hang_after"
]

#: Every Web API method.
ANY = "*"


@dataclass(slots=True, eq=False)
class Fault:
    """One way in which calls go wrong; `times` None means until it is removed."""

    kind: Kind
    method: str
    channel: str | None = None
    times: int | None = 1
    retry_after: int = 0
    error: str = ""
    status: int = 0
    seconds: float = 0.0
    #: Further fields of Slack's answer, such as `needed` for missing_scope.
    fields: dict[str, object] = field(default_factory=dict)
    #: How many calls it has hit.
    hits: int = 0

    def fits(self, method: str, channel: str | None) -> bool:
        """Whether this call is one that goes wrong."""
        return self.method in (ANY, method) and self.channel in (None, channel)


class Faults:
    """The list of faults that wait for their call."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Let a fault wait for its calls."""
        self._waiting.append(fault)
        return fault

    def rate_limit(
        self, method: str, retry_after: int, channel: str | None = None, times: int | None = 1
    ) -> Fault:
        """429 with Retry-After, nothing done."""
        return self.add(Fault("rate_limit", method, channel, times, retry_after=retry_after))

    def error(
        self,
        method: str,
        name: str,
        times: int | None = 1,
        channel: str | None = None,
        **fields: object,
    ) -> Fault:
        """`{"ok": false, "error": name}`, nothing done."""
        return self.add(Fault("error", method, channel, times, error=name, fields=fields))

    def http(self, method: str, status: int, times: int | None = 1) -> Fault:
        """A bare HTTP status, nothing done."""
        return self.add(Fault("http", method, None, times, status=status))

    def drop_after_accept(
        self, method: str, times: int | None = 1, channel: str | None = None
    ) -> Fault:
        """The call takes effect and the connection dies before the answer."""
        return self.add(Fault("drop_after_accept", method, channel, times))

    def drop_before(self, method: str, times: int | None = 1) -> Fault:
        """The connection dies and nothing was done: what a DNS or network failure looks like."""
        return self.add(Fault("drop_before", method, None, times))

    def hang(self, method: str, seconds: float, times: int | None = 1) -> Fault:
        """The call takes effect after this many seconds of silence."""
        return self.add(Fault("hang", method, None, times, seconds=seconds))

    def hang_after_accept(self, method: str, seconds: float, times: int | None = 1) -> Fault:
        """The call takes effect at once and its answer comes after this many seconds."""
        return self.add(Fault("hang_after", method, None, times, seconds=seconds))

    def take(self, method: str, channel: str | None) -> Fault | None:
        """The fault that hits this call, if any; it has then been used once."""
        for fault in self._waiting:
            if fault.fits(method, channel):
                self._use(fault)
                return fault
        return None

    def _use(self, fault: Fault) -> None:
        fault.hits += 1
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._waiting.remove(fault)

    def remove(self, fault: Fault) -> None:
        """Mend one fault; one that has used itself up is mended already."""
        if fault in self._waiting:
            self._waiting.remove(fault)

    def clear(self) -> None:
        """Mend everything."""
        self._waiting.clear()
