"""Continuous export: alerts are posted in both shapes, again where the answer asks for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from defender.alert_decode import decode_arm, decode_pushed
from sandbox.azure import SandboxAzure
from sandbox.azure.exports import Export, body_of, exported, record_of_another_kind

SECRET = {"Authorization": "Bearer not-a-real-secret"}


@dataclass
class Receiver:
    """Who gets the alerts; `answers` are the statuses it gives, then 202 for ever."""

    url: str = ""
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        return web.Response(status=self.answers.pop(0) if self.answers else 202)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/feeds/alerts", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/feeds/alerts"
    yield found
    await runner.cleanup()


async def test_an_alert_is_posted_when_it_is_raised_and_changed(
    azure: SandboxAzure, receiver: Receiver
) -> None:
    azure.exports.add(Export(receiver.url, headers=SECRET))
    alert = azure.raise_alert("web-01")
    await azure.exports.drain()

    azure.alerts.set_status(alert, "Resolved", azure.clock.now())
    await azure.exports.drain()

    assert [body["Status"] for body in receiver.bodies] == ["New", "Resolved"]
    assert {body["SystemAlertId"] for body in receiver.bodies} == {alert.system_id}
    assert all(h["Authorization"] == SECRET["Authorization"] for h in receiver.headers)
    assert [post.status for post in azure.exports.posts] == [202, 202]


@pytest.mark.parametrize("spelling", ["new", "old"])
async def test_every_shape_is_the_same_alert_to_the_product(
    azure: SandboxAzure, spelling: Any
) -> None:
    alert = azure.raise_alert("app-11", spelling=spelling)
    own = decode_arm(json.dumps(alert.body()).encode())

    for export in (Export("x"), Export("x", "arm"), Export("x", is_list=True)):
        (pushed,), skipped, bad = decode_pushed(body_of(alert, export))

        assert (pushed.key, pushed.title, pushed.severity) == (own.key, own.title, own.severity)
        assert pushed.machine == own.machine
        assert (dict(skipped), bad) == ({}, 0)


async def test_the_exported_shape_is_the_published_one(azure: SandboxAzure, shared: Path) -> None:
    published = json.loads(
        (shared / "azure-examples/Alerts/EventHub_alert_sample.json").read_text()
    )["event"]

    found = exported(azure.raise_alert("web-01"))

    assert set(found) == set(published)
    assert {e["Type"] for e in found["Entities"]} >= {"host", "process"}


async def test_what_else_is_in_the_stream_is_no_alert(azure: SandboxAzure) -> None:
    record = record_of_another_kind(azure.raise_alert("web-01"))

    alerts, skipped, _ = decode_pushed(json.dumps(record).encode())

    assert (alerts, skipped.total()) == ([], 1)


@pytest.mark.parametrize(("answers", "posts"), [([503, 429], 3), ([500] * 9, 4), ([401], 1)])
async def test_it_is_posted_again_where_that_is_asked_for(
    azure: SandboxAzure, receiver: Receiver, answers: list[int], posts: int
) -> None:
    receiver.answers = answers
    azure.exports.retry_after = timedelta()

    last = await azure.exports.send(azure.raise_alert("web-01"), Export(receiver.url))

    assert len(receiver.bodies) == posts
    assert last == azure.exports.posts[-1].status


async def test_it_may_come_twice(azure: SandboxAzure, receiver: Receiver) -> None:
    azure.exports.twice = True
    azure.exports.add(Export(receiver.url, "arm"))

    azure.raise_alert("web-01")
    await azure.exports.drain()

    assert len(receiver.bodies) == 2
    assert receiver.bodies[0] == receiver.bodies[1]


async def test_nobody_there_is_no_answer(azure: SandboxAzure, receiver: Receiver) -> None:
    azure.exports.retry_after = timedelta()
    nowhere = Export(receiver.url.replace("127.0.0.1", "127.0.0.2"))

    assert await azure.exports.send(azure.raise_alert("web-01"), nowhere) is None
