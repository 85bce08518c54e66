"""Pushes are taken from who knows the secret, and kept before 202 is said."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from bot.http import PUSH_PATH as PATH
from bot.push import BODY_MAX_BYTES, PushEdge
from defender.alert import Alert
from defender.alert_decode_pushed import decode_pushed
from tests.feeds.alerts import an_alert
from tests.feeds.polling import ALERTS, FakeSource, PollDesk, page

SECRET = "a-secret-of-twenty-four-letters"
PREVIOUS = "the-previous-one-of-the-secrets"
EXPORTED = {
    "SystemAlertId": "2518770965529163669_AB",
    "AlertDisplayName": "Suspicious process",
    "AlertType": "VM_SuspiciousProcess",
    "Severity": "High",
    "Status": "New",
    "TimeGenerated": "2026-11-25T09:00:00.0000000Z",
}


class PushDesk(PollDesk):
    """The endpoint on a real socket."""

    client: TestClient[web.Request, web.Application]
    edge: PushEdge

    async def post(self, body: object, **headers: str) -> int:
        answer = await self.client.post(
            PATH,
            data=BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode()),
            headers=headers or {"Authorization": f"Bearer {SECRET}"},
        )
        return answer.status


@pytest.fixture
async def desk(redis: Redis) -> AsyncIterator[PushDesk]:
    desk = PushDesk(redis)
    desk.edge = PushEdge(
        desk.intake,
        desk.store,
        secrets=lambda: (SECRET, PREVIOUS),
        decode=decode_pushed,
        now=desk.now,
        body_seconds=0.5,
    )
    application = web.Application()
    application.router.add_post(PATH, desk.edge.deliver)
    async with TestClient(TestServer(application)) as client:
        desk.client = client
        yield desk


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {SECRET}"},
        {"Authorization": f"bearer {PREVIOUS}"},
        {"X-Sekisho-Key": SECRET},
    ],
)
@pytest.mark.proves("D1", "C047")
async def test_a_push_with_the_secret_is_taken(desk: PushDesk, headers: dict[str, str]) -> None:
    assert await desk.post(EXPORTED, **headers) == 202
    assert await desk.queued() == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": SECRET},
        {"X-Sekisho-Key": SECRET[:-1]},
        {"X-Sekisho-Key": ""},
        {"X-Sekisho-Key": "秘密"},
        {"X-Other": SECRET},
    ],
)
@pytest.mark.proves("O6", "O7")
async def test_without_the_secret_nothing_is_read(
    desk: PushDesk, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert await desk.post(EXPORTED, **headers) == 401
    assert await desk.queued() == 0
    assert desk.edge.refused["wrong_key"] == 1
    assert SECRET not in caplog.text


@pytest.mark.proves("O7")
async def test_a_secret_in_the_address_counts_for_nothing(desk: PushDesk) -> None:
    answer = await desk.client.post(f"{PATH}?key={SECRET}", json=EXPORTED)
    assert answer.status == 401


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"", 400, "malformed"),
        (b"{", 400, "malformed"),
        (b"\xff\xfe\x00", 400, "malformed"),
        (b"17", 400, "malformed"),
        (b"[" * 100_000, 400, "malformed"),
        (b" " * (BODY_MAX_BYTES + 1), 413, "too_large"),
    ],
)
@pytest.mark.proves("FAULT-6")
async def test_what_is_no_push_is_refused(
    desk: PushDesk, body: bytes, status: int, why: str
) -> None:
    assert await desk.post(body) == status
    assert desk.edge.refused[why] == 1
    assert await desk.queued() == 0


@pytest.mark.proves("FAULT-6")
async def test_a_body_in_pieces_that_grows_too_large_is_cut_off(desk: PushDesk) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(BODY_MAX_BYTES // 65_536 + 2):
            yield b" " * 65_536

    answer = await desk.client.post(
        PATH, data=pieces(), headers={"Authorization": f"Bearer {SECRET}"}
    )
    assert answer.status == 413


@pytest.mark.proves("FAULT-6")
async def test_a_slow_or_packed_body_is_refused(desk: PushDesk) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(2)
        yield b"}"

    key = {"Authorization": f"Bearer {SECRET}"}
    answer = await desk.client.post(PATH, data=slow(), headers=key)
    assert answer.status == 400
    assert desk.edge.refused["slow_body"] == 1
    assert await desk.post(b"x", **key, **{"Content-Encoding": "gzip"}) == 415


@pytest.mark.proves("C047", "D10")
async def test_other_records_of_the_stream_are_counted_and_skipped(desk: PushDesk) -> None:
    others = [{"$type": "subAssessmentEvent", "Id": "x"}, {"secureScore": {"current": 1}}]
    assert await desk.post([*others, EXPORTED, 7]) == 202
    counters = await desk.store.counters()
    assert (counters["ingested"], counters["skipped"], counters["bad"]) == (1, 2, 1)


@pytest.mark.proves("FAULT-26", "C047", "D1")
async def test_pushed_and_polled_it_is_one_alert(desk: PushDesk) -> None:
    for _ in range(3):
        assert await desk.post({"records": [EXPORTED, EXPORTED]}) == 202
    polled, _, _ = decode_pushed(json.dumps(EXPORTED).encode())
    await desk.poll(FakeSource(pages=[page(*polled)]))
    assert await desk.queued() == 1
    assert (await desk.store.counters()).get("changed", 0) == 0


@pytest.mark.proves("FAULT-11", "D10")
async def test_what_could_not_be_kept_is_not_acknowledged(
    desk: PushDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise ConnectionError("Redis is away")

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "ingest", away)
        assert await desk.post(EXPORTED) == 503
    assert desk.edge.refused["not_kept"] == 1
    assert await desk.post(EXPORTED) == 202
    assert await desk.queued(ALERTS) == 1


@pytest.mark.proves("C085")
async def test_a_large_push_is_decoded_beside_the_loop(redis: Redis) -> None:
    threads: list[int] = []

    def decode(body: bytes) -> tuple[Sequence[Alert], Counter[str], int]:
        threads.append(threading.get_ident())
        return [an_alert()], Counter(), 0

    desk = PollDesk(redis)
    edge = PushEdge(desk.intake, desk.store, secrets=lambda: (SECRET,), decode=decode, now=desk.now)
    application = web.Application()
    application.router.add_post(PATH, edge.deliver)
    async with TestServer(application) as server, ClientSession() as session:
        for size in (100, 200_000):
            answer = await session.post(
                server.make_url(PATH), data=b" " * size, headers={"X-Sekisho-Key": SECRET}
            )
            assert answer.status == 202
    assert threads[0] == threading.get_ident()
    assert threads[1] != threads[0]


def test_an_endpoint_without_a_secret_does_not_start(redis: Redis) -> None:
    desk = PollDesk(redis)
    for secrets in ((), ("",)):
        with pytest.raises(ValueError, match="without a secret"):
            PushEdge(
                desk.intake,
                desk.store,
                secrets=lambda secrets=secrets: secrets,  # type: ignore[misc]
                decode=decode_pushed,
                now=desk.now,
            )


@pytest.mark.proves("C047")
async def test_the_samples_go_in(desk: PushDesk, shared: Path) -> None:
    for name in ("alert-eventhub-pascal-refs.json", "alerts-page-mixed-case.json"):
        assert await desk.post((shared / "samples" / name).read_bytes()) == 202
    assert (await desk.store.counters())["ingested"] >= 2
