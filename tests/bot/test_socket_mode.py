"""Socket Mode against the sandbox: hand-overs, refusals, deaf lines, ghosts, repeats."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.socket_mode import SocketEdge
from delivery.web_client import web_client
from handlers.caller import of_event
from sandbox.slack import SandboxSlack
from tests.delivery.conftest import slack

__all__ = ["slack"]

PATIENCE = 10.0


@dataclass(slots=True)
class Wired:
    """A Bolt app on one supervised socket; `heard` is what reached its listeners."""

    edge: SocketEdge
    client: AsyncWebClient
    task: asyncio.Task[None]
    heard: list[Mapping[str, Any]] = field(default_factory=list)
    silences: list[timedelta] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        assert self.client.session is not None
        await self.client.session.close()


async def wire(slack: SandboxSlack, *, token: str = "", ping_seconds: float = 0.2) -> Wired:
    logging.getLogger("slack_bolt.AsyncApp").setLevel(logging.CRITICAL)
    client = web_client(slack.bot_token, slack.url)
    app = AsyncApp(client=client, signing_secret="unused", process_before_response=True)
    edge = SocketEdge(
        app,
        token or slack.app_token,
        client,
        on_reconnect=lambda: made.silences.append(edge.silence_before_hello),
        ping_seconds=ping_seconds,
        backoff_seconds=0.02,
        settled_seconds=0.0,
    )
    made = Wired(edge, client, asyncio.create_task(edge.run()))
    made.hold.set()

    async def hear(ack: AsyncAck, body: dict[str, Any]) -> None:
        made.heard.append(body)
        await made.hold.wait()
        await ack(text="heard", response_type="ephemeral") if "command" in body else await ack()

    app.command("/jit")(hear)
    app.event("app_mention")(hear)
    return made


@pytest.fixture
async def wired(slack: SandboxSlack) -> AsyncIterator[Wired]:
    made = await wire(slack)
    await slack.wait_connected()
    async with asyncio.timeout(PATIENCE):
        await made.edge.connected.wait()
    yield made
    await made.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.proves("M2")
async def test_a_command_comes_in_and_its_answer_goes_out(
    wired: Wired, slack: SandboxSlack
) -> None:
    alice = slack.person("alice")
    delivery = await alice.command("C0OPS", "/jit 理由：再起動")
    assert delivery.acked
    assert wired.heard[0]["text"] == "理由：再起動"
    assert [message.text for message in alice.ephemerals("C0OPS")] == ["heard"]


@pytest.mark.proves("C055")
@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_refresh_opens_the_new_connection_before_the_old_goes(
    wired: Wired, slack: SandboxSlack, reason: str
) -> None:
    await slack.disconnect(reason)
    await slack.wait_connected(opened=2)
    await until(lambda: len(slack.socket.connections) == 1)
    assert (await slack.person("alice").command("C0OPS", "/jit help")).acked
    assert wired.edge.health.refused_reasons[reason] == 1
    assert wired.edge.health.connections == 1


async def test_what_is_under_way_is_acknowledged_on_the_old_connection(
    wired: Wired, slack: SandboxSlack
) -> None:
    wired.hold.clear()
    command = asyncio.create_task(slack.person("alice").command("C0OPS", "/jit help"))
    await until(lambda: wired.heard)
    await slack.disconnect("warning")
    await slack.wait_connected(opened=2)
    wired.hold.set()
    assert (await command).acked


async def test_what_is_under_way_is_acknowledged_before_a_stop(slack: SandboxSlack) -> None:
    wired = await wire(slack)
    await until(lambda: wired.edge.health.is_connected)
    wired.hold.clear()
    command = asyncio.create_task(slack.person("alice").command("C0OPS", "/jit help"))
    await until(lambda: wired.heard)
    closing = asyncio.create_task(wired.close())
    await asyncio.sleep(0)
    wired.hold.set()
    assert (await command).acked
    await closing
    assert not slack.socket.connections


@pytest.mark.proves("C055")
async def test_a_connection_cut_without_a_word_is_replaced(
    wired: Wired, slack: SandboxSlack
) -> None:
    await slack.cut_sockets()
    await slack.wait_connected(opened=2)
    assert (await slack.person("alice").command("C0OPS", "/jit help")).acked


@pytest.mark.proves("C055")
async def test_a_deaf_connection_is_replaced(wired: Wired, slack: SandboxSlack) -> None:
    slack.socket.answers_pings = False
    await until(lambda: wired.edge.health.reconnects >= 1)
    slack.socket.answers_pings = True
    before = slack.socket.opened
    await slack.wait_connected(opened=max(2, before))
    await until(lambda: wired.edge.health.is_connected)
    assert (await slack.person("alice").command("C0OPS", "/jit help")).acked


@pytest.mark.proves("C055")
@pytest.mark.parametrize("times", [1, 3])
async def test_a_hand_over_that_fails_at_first_comes_good(
    wired: Wired, slack: SandboxSlack, times: int
) -> None:
    slack.faults.drop_before("apps.connections.open", times=times)
    await slack.disconnect("refresh_requested")
    await slack.wait_connected(opened=2)
    await until(lambda: wired.edge.health.problem == "")
    assert wired.edge.health.is_connected
    assert (await slack.person("alice").command("C0OPS", "/jit help")).acked


@pytest.mark.proves("C055")
@pytest.mark.parametrize("error", ["internal_error", "ratelimited", "not_authed"])
async def test_a_refused_hand_over_is_tried_again_and_said(
    wired: Wired, slack: SandboxSlack, error: str
) -> None:
    fault = slack.faults.error("apps.connections.open", error, times=None)
    await slack.cut_sockets()
    await until(lambda: fault.hits >= 2)
    assert not wired.edge.health.is_connected
    assert wired.edge.health.problem == error
    slack.faults.clear()
    await slack.wait_connected(opened=2)
    await until(lambda: wired.edge.health.problem == "")


@pytest.mark.proves("C055")
async def test_a_gateway_that_answers_in_text_is_survived(
    wired: Wired, slack: SandboxSlack
) -> None:
    slack.faults.http("apps.connections.open", 503, times=2)
    await slack.cut_sockets()
    await slack.wait_connected(opened=2)
    assert (await slack.person("alice").command("C0OPS", "/jit help")).acked


async def test_a_token_that_slack_refuses_at_the_start_is_an_error(slack: SandboxSlack) -> None:
    wired = await wire(slack, token="xapp-1-wrong")
    with pytest.raises(SlackApiError, match="invalid_auth"):
        async with asyncio.timeout(PATIENCE):
            await wired.task
    await wired.close()


@pytest.mark.proves("C054")
async def test_too_many_connections_make_it_wait_instead_of_piling_up(
    wired: Wired, slack: SandboxSlack
) -> None:
    for opened in (2, 3, 4):
        await slack.disconnect("too_many_websockets")
        await slack.wait_connected(opened=opened)
        await until(lambda: wired.edge.health.is_connected)
        assert len(slack.socket.connections) == 1
    assert wired.edge.health.refused_reasons["too_many_websockets"] == 3


@pytest.mark.proves("C054")
async def test_hellos_count_is_kept_without_the_connection_that_goes(
    wired: Wired, slack: SandboxSlack
) -> None:
    assert wired.edge.health.connections == 1
    slack.hello_connections = 10
    await slack.cut_sockets()
    await slack.wait_connected(opened=2)
    await until(lambda: wired.edge.health.connections == 10)
    slack.hello_connections = None
    await slack.disconnect("warning")
    await slack.wait_connected(opened=3)
    await until(lambda: wired.edge.health.connections == 1)


@pytest.mark.proves("C055")
async def test_a_quiet_hour_is_no_silence(wired: Wired, slack: SandboxSlack) -> None:
    """Pongs count as heard: a refresh of a quiet workspace announces nothing anew."""
    await until(lambda: wired.edge.health.silence() > timedelta(0))
    heard = wired.edge.health.last_heard
    await until(lambda: wired.edge.health.last_heard > heard)
    await slack.disconnect("warning")
    await slack.wait_connected(opened=2)
    await until(lambda: len(wired.silences) == 2)
    assert wired.silences[1] < timedelta(seconds=1)


@pytest.mark.proves("C055")
async def test_a_real_silence_is_measured(wired: Wired, slack: SandboxSlack) -> None:
    fault = slack.faults.drop_before("apps.connections.open", times=None)
    await slack.cut_sockets()
    await until(lambda: fault.hits >= 2)
    wired.edge.health.last_heard -= 90
    slack.faults.clear()
    await until(lambda: len(wired.silences) == 2)
    assert wired.silences[1] > timedelta(seconds=90)


@pytest.mark.proves("C012")
async def test_repeats_of_an_event_are_one_wish(wired: Wired, slack: SandboxSlack) -> None:
    """Other envelopes, attempts 1, 2, 2, 3, 3: the same op-id each time."""
    await slack.person("alice").mention("C0OPS", "<@BOT> approve")
    (first,) = [d for d in slack.deliveries if d.kind == "events_api"]
    for attempt in (1, 2, 2, 3, 3):
        await slack.redeliver(first, retry_attempt=attempt, retry_reason="timeout")
    envelopes = [e for e in slack.socket.envelopes if e["type"] == "events_api"]
    assert len({e["envelope_id"] for e in envelopes}) == 6
    assert len(wired.heard) == 6
    assert len({of_event(body).op for body in wired.heard}) == 1


async def test_a_listener_that_fails_is_not_acknowledged_and_the_next_is_heard(
    wired: Wired, slack: SandboxSlack
) -> None:
    slack.ack_seconds = 0.2

    async def fail(**_args: object) -> None:
        raise RuntimeError("our mistake")

    wired.edge._app.command("/audit")(fail)
    assert not (await slack.person("alice").command("C0OPS", "/audit")).acked
    assert (await slack.person("alice").command("C0OPS", "/jit help")).acked


@pytest.mark.proves("O7", "C094")
async def test_no_ticket_is_logged_and_the_near_is_reached_without_the_proxy(
    slack: SandboxSlack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    caplog.set_level(logging.DEBUG, logger="bot")
    caplog.set_level(logging.DEBUG, logger="aiohttp")
    wired = await wire(slack)
    await until(lambda: wired.edge.health.is_connected)
    await wired.close()
    assert "ticket=" not in caplog.text
