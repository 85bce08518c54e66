"""The load client. It runs in the run's own process: the servers it measures are others."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: An answer that takes longer is a failure.
ANSWER_SECONDS = 30.0
_CHUNK = 65536
#: The answer that a click's person reads is sent after the ack: it must not meet the next sample.
REST_SECONDS = 0.01


class NoAnswer(Exception):
    """The server closed or refused; the run is worth nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`seconds` from the first byte sent to the last byte read."""

    seconds: float
    status: int
    body: bytes


class Client:
    """One connection, kept open, one request at a time; blocking, for the least of its own."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> Answer:
        """One request, one answer."""
        started = time.perf_counter()
        self._socket.sendall(request)
        received = self._socket.recv(_CHUNK)
        while (size := _complete(received)) is None or len(received) < size:
            more = self._socket.recv(_CHUNK)
            if not more:
                raise NoAnswer("the connection was closed")
            received += more
        seconds = time.perf_counter() - started
        head, _, body = received.partition(b"\r\n\r\n")
        return Answer(seconds, int(head.split(b" ", 2)[1]), body)

    def acked(self, request: bytes) -> float:
        """Milliseconds to a 200; anything else is a failure of the run."""
        answer = self.send(request)
        if answer.status != 200:
            raise NoAnswer(f"answered {answer.status}: {answer.body[:200]!r}")
        return answer.seconds * 1000

    def post(self, request: bytes) -> None:
        """Send without waiting; `burst` reads."""
        self._socket.sendall(request)

    def receive(self) -> bytes:
        """What has come by now."""
        return self._socket.recv(_CHUNK)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


def burst(clients: Sequence[Client], requests: Sequence[bytes]) -> list[float]:
    """All at once, one on each connection: milliseconds to each whole answer, 200 or not."""
    began: dict[Client, float] = {}
    received: dict[Client, bytes] = {}
    samples: list[float] = []
    with selectors.DefaultSelector() as waiting:
        for opened, request in zip(clients, requests, strict=True):
            waiting.register(opened, selectors.EVENT_READ, opened)
            began[opened], received[opened] = time.perf_counter(), b""
            opened.post(request)
        while waiting.get_map():
            for key, _ in waiting.select(ANSWER_SECONDS):
                opened = key.data
                received[opened] += opened.receive()
                size = _complete(received[opened])
                if size is not None and len(received[opened]) >= size:
                    samples.append((time.perf_counter() - began[opened]) * 1000)
                    waiting.unregister(opened)
    return samples


def _complete(received: bytes) -> int | None:
    """The size of the whole answer, once its head is here."""
    head, end, _ = received.partition(b"\r\n\r\n")
    if not end:
        return None
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return len(head) + len(end) + int(value)
    raise NoAnswer("an answer without a length")


@contextlib.contextmanager
def client(port: int) -> Iterator[Client]:
    """A connection, closed at the end."""
    opened = Client(port)
    try:
        yield opened
    finally:
        opened.close()


@dataclass(frozen=True, slots=True)
class Pair:
    """Samples of both sides in ms."""

    ours: tuple[float, ...]
    floor: tuple[float, ...]


def alternate(
    ours: Client,
    floor: Client,
    requests: list[tuple[bytes, bytes]],
    *,
    warm: int,
    rest: float = REST_SECONDS,
) -> Pair:
    """One request to each in turn, so that noise of the machine meets both alike."""
    mine: list[float] = []
    bare: list[float] = []
    for to_ours, to_floor in requests:
        mine.append(ours.acked(to_ours))
        time.sleep(rest)
        bare.append(floor.acked(to_floor))
        time.sleep(rest)
    return Pair(tuple(mine[warm:]), tuple(bare[warm:]))
