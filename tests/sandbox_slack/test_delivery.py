"""How payloads reach the bot: sockets, signed HTTP, repeats, and what gets lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from sandbox.slack import DOUBLED_RETRY_PLAN, SandboxSlack
from sandbox.world.clock import SandboxClock
from tests.sandbox_slack.peer import Peer
from tests.sandbox_slack.test_people_and_bolt import form


def answer_commands(peer: Peer) -> list[dict[str, Any]]:
    """Let the app acknowledge /jit; returns the bodies it gets."""
    seen: list[dict[str, Any]] = []

    @peer.app.command("/jit")
    async def jit(ack: Any, body: dict[str, Any]) -> None:
        seen.append(body)
        await ack(f"seen {body['text']}")

    return seen


async def test_nobody_is_connected(slack: SandboxSlack) -> None:
    delivery = await slack.person("alice").command("C0OPS", "/jit")
    assert (delivery.status, delivery.error) == ("failed", "dispatch_failed")


async def test_a_late_acknowledgement_shows_a_timeout(slack: SandboxSlack, peer: Peer) -> None:
    late = asyncio.Event()

    @peer.app.command("/jit")
    async def jit(ack: Any) -> None:
        await late.wait()
        await ack("too late")

    slack.ack_seconds = 0.1
    alice = slack.person("alice")
    delivery = await alice.command("C0OPS", "/jit")
    late.set()
    assert (delivery.status, delivery.error) == ("timeout", "operation_timeout")
    assert alice.ephemerals() == []


@pytest.mark.parametrize("reason", ["refresh_requested", "warning", "too_many_websockets"])
async def test_a_disconnected_client_comes_back(
    slack: SandboxSlack, peer: Peer, reason: str
) -> None:
    seen = answer_commands(peer)
    await slack.disconnect(reason)
    await slack.wait_connected(opened=2)
    await slack.wait(lambda: len(slack.socket.connections) == 1, what="the old socket gone")
    assert (await slack.person("alice").command("C0OPS", "/jit after")).acked
    assert seen[-1]["text"] == "after"


async def test_a_cut_line_fails_what_was_under_way(slack: SandboxSlack, peer: Peer) -> None:
    arrived, never = asyncio.Event(), asyncio.Event()

    @peer.app.command("/jit")
    async def jit(ack: Any) -> None:
        arrived.set()
        await never.wait()

    command = asyncio.create_task(slack.person("alice").command("C0OPS", "/jit"))
    await arrived.wait()
    await slack.cut_sockets()
    assert (await command).status == "failed"
    await slack.wait_connected(opened=2)
    never.set()


async def test_an_event_is_repeated_until_it_is_taken(slack: SandboxSlack, peer: Peer) -> None:
    attempts: list[tuple[str, str]] = []

    @peer.app.event("app_mention")
    async def mentioned(body: dict[str, Any], request: Any) -> None:
        number = request.headers.get("x-slack-retry-num", [""])[0]
        attempts.append((body["event_id"], number))
        if len(attempts) < 3:
            await asyncio.sleep(0.15)

    slack.ack_seconds, slack.retry_scale = 0.1, 0.001
    await slack.person("sato").mention("C0OPS", "@Sekisho approve")
    await slack.wait(lambda: len(attempts) == 3, what="three attempts")
    assert [number for _, number in attempts] == ["0", "1", "2"]
    assert len({event_id for event_id, _ in attempts}) == 1
    envelopes = [e for e in slack.socket.envelopes if e["type"] == "events_api"]
    assert [(e["retry_attempt"], e["retry_reason"]) for e in envelopes] == [
        (0, ""), (1, "timeout"), (2, "timeout"),
    ]  # fmt: skip
    assert len({e["envelope_id"] for e in envelopes}) == 3


async def test_the_same_attempt_number_may_come_twice(slack: SandboxSlack) -> None:
    slack.deliverer.retry_plan, slack.retry_scale = DOUBLED_RETRY_PLAN, 0.0
    await slack.person("sato").mention("C0OPS", "@Sekisho approve")
    await slack.wait(lambda: len(slack.deliveries) == 6, what="five repeats")
    assert [d.retry_attempt for d in slack.deliveries] == [0, 1, 2, 2, 3, 3]


async def test_an_event_waits_for_a_bot_that_restarts(slack: SandboxSlack) -> None:
    slack.retry_scale = 0.005
    await slack.person("sato").mention("C0OPS", "@Sekisho approve")
    assert slack.deliveries[-1].status == "failed"
    peer, taken = Peer(slack), asyncio.Event()

    @peer.app.event("app_mention")
    async def mentioned() -> None:
        taken.set()

    await peer.connect()
    await asyncio.wait_for(taken.wait(), 5)
    await peer.close()


async def test_a_click_is_not_repeated(slack: SandboxSlack) -> None:
    slack.retry_scale = 0.0
    await slack.person("alice").command("C0OPS", "/jit")
    await slack.person("sato").mention("C0OPS", "@Sekisho approve")
    await slack.wait(lambda: len(slack.deliveries) == 5, what="the event's repeats")
    assert [d.kind for d in slack.deliveries] == ["slash_commands", *["events_api"] * 4]


async def test_ghosts_swallow_their_share(slack: SandboxSlack, peer: Peer) -> None:
    answer_commands(peer)
    slack.socket.ghosts, slack.ack_seconds = 1, 0.1
    alice = slack.person("alice")
    outcomes = [(await alice.command("C0OPS", f"/jit {n}")).status for n in range(4)]
    assert sorted(outcomes) == ["acked", "acked", "timeout", "timeout"]


async def test_hello_says_how_many_are_connected(slack: SandboxSlack) -> None:
    hellos: list[int] = []
    slack.hello_connections = 10
    peer = Peer(slack)

    async def on_message(client: Any, message: dict[str, Any], raw: str | None) -> None:
        if message.get("type") == "hello":
            hellos.append(message["num_connections"])

    peer.handler.client.message_listeners.append(on_message)
    await peer.connect()
    await slack.wait(lambda: hellos, what="a hello")
    assert hellos == [10]
    await peer.close()


async def test_the_same_click_can_come_again_in_another_envelope(
    slack: SandboxSlack, peer: Peer
) -> None:
    seen = answer_commands(peer)
    await slack.person("alice").command("C0OPS", "/jit")
    again = await slack.redeliver(slack.deliveries[-1])
    assert again.acked
    assert seen[0]["trigger_id"] == seen[1]["trigger_id"]


@pytest.fixture
async def http_peer(slack: SandboxSlack) -> AsyncIterator[Peer]:
    """A Bolt app behind signed HTTP."""
    peer = Peer(slack)
    runner = web.AppRunner(peer.app.web_app(path="/slack/events"))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.http_target = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield peer
    slack.http_target = None
    await runner.cleanup()


async def test_everything_works_over_signed_http(slack: SandboxSlack, http_peer: Peer) -> None:
    answer_commands(http_peer)
    events: list[str] = []

    @http_peer.app.event("app_mention")
    async def mentioned(event: dict[str, Any]) -> None:
        events.append(event["text"])

    @http_peer.app.view("ask")
    async def ask(ack: Any) -> None:
        await ack(response_action="errors", errors={"reason": "日本語で"})

    alice = slack.person("alice")
    assert (await alice.command("C0OPS", "/jit web-01 & 22")).acked
    assert alice.ephemerals()[0].text == "seen web-01 &amp; 22"
    await alice.mention("C0OPS", "@Sekisho 承認")
    assert events == ["<@U0SEKISHO> 承認"]
    trigger = slack.deliveries[0].payload["trigger_id"]
    await http_peer.client.views_open(trigger_id=trigger, view=form())
    view = await alice.fill(await alice.wait_view(), "reason", "x")
    assert (await alice.submit(view)).errors == {"reason": "日本語で"}


async def test_signatures_are_made_with_the_sandboxs_clock(
    slack: SandboxSlack, http_peer: Peer, clock: SandboxClock
) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c"}).encode()
    assert (await slack.http_send(body)).status == 200
    at = int(clock.now().timestamp())
    forged = slack.sign(body) | {"X-Slack-Signature": "v0=00", "Content-Type": "application/json"}
    assert (await slack.http_send(body, forged)).status == 401
    stale = slack.sign(body, timestamp=at - 400) | {"Content-Type": "application/json"}
    assert (await slack.http_send(body, stale)).status == 401


async def test_http_events_name_attempt_and_reason(slack: SandboxSlack) -> None:
    seen: list[tuple[str | None, str | None]] = []

    async def broken(request: web.Request) -> web.Response:
        headers = request.headers
        seen.append((headers.get("X-Slack-Retry-Num"), headers.get("X-Slack-Retry-Reason")))
        stop = {"X-Slack-No-Retry": "1"} if slack.retry_scale == 1.0 else {}
        return web.Response(status=500, headers=stop)

    app = web.Application()
    app.router.add_post("/slack/events", broken)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.http_target = f"http://127.0.0.1:{runner.addresses[0][1]}"
    await slack.person("sato").mention("C0OPS", "@Sekisho once")
    assert seen == [(None, None)]
    slack.retry_scale = 0.0
    await slack.person("sato").mention("C0OPS", "@Sekisho again")
    await slack.wait(lambda: len(seen) == 5, what="three repeats")
    assert seen[2:] == [(str(n), "http_error") for n in (1, 2, 3)]
    await runner.cleanup()
