"""What the page in the browser reads and does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from sandbox.slack import SandboxSlack
from sandbox.world.clock import SandboxClock
from tests.sandbox_slack.peer import Peer
from tests.sandbox_slack.test_people_and_bolt import button, form, section


class Browser:
    """Somebody's page, without the browser."""

    def __init__(self, session: aiohttp.ClientSession, user: str) -> None:
        self.session = session
        self.user = user

    async def read(self, what: str, **query: str) -> Any:
        query = {"as": self.user, **query}
        async with self.session.get(f"/sandbox/{what}", params=query) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def act(self, kind: str, **fields: Any) -> Any:
        act = {"as": self.user, "kind": kind, **fields}
        async with self.session.post("/sandbox/act", json=act) as response:
            return await response.json()


@pytest.fixture
async def session(slack: SandboxSlack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(slack.page_url) as opened:
        yield opened


@pytest.fixture
def alice(session: aiohttp.ClientSession) -> Browser:
    return Browser(session, "U0ALICE")


@pytest.fixture
def sato(session: aiohttp.ClientSession) -> Browser:
    return Browser(session, "U0SATO")


async def test_the_state_is_this_persons(slack: SandboxSlack, alice: Browser) -> None:
    state = await alice.read("state")
    assert state["bot"] == {
        "user_id": "U0SEKISHO", "name": "Sekisho", "app_id": "A0SEKISHO", "online": False,
    }  # fmt: skip
    assert [c["id"] for c in state["channels"]] == [
        "C0OPS", "C0JA", "C0ALERTS", "C0SOC", "C0GENERAL", "C0ARCHIVE", "D0ALICE",
    ]  # fmt: skip
    dm = state["channels"][-1]
    assert (dm["name"], dm["is_im"], dm["with"]) == ("Sekisho", True, "U0SEKISHO")
    names = {person["handle"]: person["name"] for person in state["people"]}
    assert names["alice"] == "Alice (engineer)"
    assert names["yamada"] == "山田 (engineer)"
    assert "gone" not in names
    assert "/jit" in {command["command"] for command in state["commands"]}


async def test_the_clock_shows_in_the_state(alice: Browser, clock: SandboxClock) -> None:
    clock.advance(timedelta(hours=2))
    assert (await alice.read("state"))["offset"] == 7200


async def test_unread_counts_until_read(slack: SandboxSlack, alice: Browser, sato: Browser) -> None:
    await alice.act("message", channel="C0OPS", text="one")
    await alice.act("message", channel="C0OPS", text="two")

    async def unread(browser: Browser) -> int:
        state = await browser.read("state")
        return int(next(c["unread"] for c in state["channels"] if c["id"] == "C0OPS"))

    assert (await unread(sato), await unread(alice)) == (2, 0)
    await sato.act("read", channel="C0OPS")
    assert await unread(sato) == 0


async def test_typed_text_is_escaped_and_names_become_ids(
    slack: SandboxSlack, alice: Browser
) -> None:
    await alice.act("message", channel="C0OPS", text="@sato <@U0ITO> & @security @nobody a@sato.jp")
    (message,) = (await alice.read("messages", channel="C0OPS"))["messages"]
    assert message["text"] == (
        "<@U0SATO> &lt;@U0ITO&gt; &amp; <!subteam^S0SECURITY> @nobody a@sato.jp"
    )


async def test_the_whole_job_in_the_page(
    slack: SandboxSlack, peer: Peer, alice: Browser, sato: Browser
) -> None:
    @peer.app.command("/jit")
    async def jit(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=form())

    @peer.app.options("pick")
    async def options(ack: Any) -> None:
        await ack(options=[{"text": {"type": "plain_text", "text": "web-01"}, "value": "7"}])

    @peer.app.action("pick")
    async def picked(ack: Any) -> None:
        await ack()

    @peer.app.view("ask")
    async def ask(ack: Any, view: dict[str, Any], client: Any) -> None:
        reason = view["state"]["values"]["reason"]["text"]["value"]
        await ack()
        blocks = [section(reason), {"type": "actions", "elements": [button("Approve", "approve")]}]
        await client.chat_postMessage(channel="C0OPS", text=reason, blocks=blocks)

    @peer.app.action("approve")
    async def approve(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        message = body["message"]
        await client.chat_postMessage(channel="C0OPS", thread_ts=message["ts"], text="Approved")

    assert (await alice.act("message", channel="C0OPS", text="/jit"))["ok"]
    shown = await alice.read("view")
    view = shown["view"]
    assert (shown["stack"], view["callback_id"]) == (1, "ask")
    place = {"type": "view", "view_id": view["id"]}
    found = await alice.act(
        "suggestion", container=place, block_id="vm", action_id="pick", query="we"
    )
    (option,) = found["options"]
    typed = {"reason": {"text": {"type": "plain_text_input", "value": "deploy"}}}
    chosen = await alice.act(
        "block_action", container=place, block_id="vm", action_id="pick",
        element_type="external_select", selected_option=option, values=typed,
    )  # fmt: skip
    assert chosen["view"]["state"]["values"]["vm"]["pick"]["selected_option"] == option
    empty = {"reason": {"text": {"type": "plain_text_input", "value": ""}}}
    refused = await alice.act("view_submission", view_id=view["id"], values=empty)
    assert (refused["ok"], list(refused["errors"])) == (False, ["reason"])
    sent = await alice.act("view_submission", view_id=view["id"], values=typed)
    assert (sent["ok"], sent["view"]) == (True, None)
    await slack.wait_message("C0OPS", "deploy")
    (card,) = (await sato.read("messages", channel="C0OPS"))["messages"]
    actions = card["blocks"][1]
    clicked = await sato.act(
        "block_action", container={"type": "message", "channel": "C0OPS", "ts": card["ts"]},
        block_id=actions["block_id"], action_id="approve", element_type="button", value="1",
    )  # fmt: skip
    assert clicked["ok"]
    await slack.wait_message("C0OPS", "Approved")
    thread = (await sato.read("messages", channel="C0OPS", thread_ts=card["ts"]))["messages"]
    assert [m["text"] for m in thread] == ["deploy", "Approved"]
    assert (thread[0]["reply_count"], thread[0]["reply_users"]) == (1, ["U0SEKISHO"])


async def test_what_slack_itself_refuses(slack: SandboxSlack, alice: Browser) -> None:
    async def typed(text: str, **more: Any) -> Any:
        return (await alice.act("message", channel="C0OPS", text=text, **more))["error"]

    assert await typed("/nope") == "unknown_command"
    assert await typed("/jit", thread_ts="1.2") == "command_in_thread"
    assert await typed("/jit") == "dispatch_failed"
    archived = await alice.act("message", channel="C0ARCHIVE", text="x")
    assert archived["error"] == "is_archived"


async def test_an_ephemeral_message_shows_to_one_person(
    slack: SandboxSlack, peer: Peer, alice: Browser, sato: Browser
) -> None:
    await peer.client.chat_postEphemeral(channel="C0OPS", user="U0ALICE", text="for you")
    (message,) = (await alice.read("messages", channel="C0OPS"))["messages"]
    assert (message["ephemeral"], message["text"]) == (True, "for you")
    assert (await sato.read("messages", channel="C0OPS"))["messages"] == []


async def test_somebody_elses_channels_stay_closed(
    slack: SandboxSlack, session: aiohttp.ClientSession
) -> None:
    for channel in ("C0AUDIT", "D0SATO", "C0NOWHERE"):
        query = {"as": "U0ALICE", "channel": channel}
        async with session.get("/sandbox/messages", params=query) as response:
            assert response.status == 400
    async with session.get("/sandbox/state", params={"as": "U0NOBODY"}) as response:
        assert response.status == 400


@pytest.mark.parametrize(
    "act",
    [
        {"kind": "message", "channel": "C0OPS"},
        {"kind": "fly"},
        {"kind": "view_submission", "view_id": "V0"},
        {"kind": "message", "channel": "D0SATO", "text": "x"},
        {"kind": "block_action", "container": {"type": "home"}},
    ],
)
async def test_a_senseless_act_is_refused(
    slack: SandboxSlack, session: aiohttp.ClientSession, act: dict[str, Any]
) -> None:
    async with session.post("/sandbox/act", json={"as": "U0ALICE", **act}) as response:
        assert response.status == 400
        assert (await response.json())["ok"] is False


async def test_another_sites_form_cannot_act(
    slack: SandboxSlack, session: aiohttp.ClientSession
) -> None:
    body = '{"as": "U0ALICE", "kind": "message", "channel": "C0OPS", "text": "x"}'
    headers = {"Content-Type": "text/plain"}
    async with session.post("/sandbox/act", data=body, headers=headers) as response:
        assert response.status == 400
    assert slack.channel("C0OPS").messages == []


async def test_pages_are_told_what_changed(
    slack: SandboxSlack, session: aiohttp.ClientSession, peer: Peer, alice: Browser
) -> None:
    async with session.ws_connect("/sandbox/live?as=U0SATO") as live:
        await peer.client.chat_postEphemeral(channel="C0OPS", user="U0ALICE", text="not his")
        posted = await peer.client.chat_postMessage(channel="C0OPS", text="card")
        assert await live.receive_json(timeout=5) == {"type": "messages", "channel": "C0OPS"}
        await peer.client.chat_postMessage(channel="C0OPS", thread_ts=posted["ts"], text="r")
        assert await live.receive_json(timeout=5) == {
            "type": "messages", "channel": "C0OPS", "thread_ts": posted["ts"],
        }  # fmt: skip
        await peer.client.views_publish(
            user_id="U0SATO", view={"type": "home", "blocks": [section("home")]}
        )
        assert await live.receive_json(timeout=5) == {"type": "home"}
        slack.azure_changed()
        assert await live.receive_json(timeout=5) == {"type": "azure"}


async def test_the_page_itself_is_served_with_its_policy(
    slack: SandboxSlack, session: aiohttp.ClientSession
) -> None:
    async with session.get("/") as response:
        assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert response.content_type == "text/html"
    async with session.get("/page/main.js") as response:
        assert response.content_type == "text/javascript"
        assert response.headers["Cache-Control"] == "no-cache"
    for path in ("/page/nothing.js", "/page/%2e%2e/server.py", "/page/..%2f..%2fserver.py"):
        async with session.get(path) as response:
            assert response.status == 404


async def test_panels_that_are_not_there_are_not_found(
    slack: SandboxSlack, session: aiohttp.ClientSession
) -> None:
    for path in ("/sandbox/azure", "/sandbox/director"):
        async with session.get(path) as response:
            assert response.status == 404


class Knobs:
    """A director that remembers its orders."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []

    def faults(self) -> list[dict[str, Any]]:
        return [{"name": "slack_down", "label_en": "x", "label_ja": "y", "on": False}]

    async def act(self, order: dict[str, Any]) -> dict[str, Any]:
        self.orders.append(order)
        return {"ok": True}


async def test_the_panels_are_passed_through(clock: SandboxClock) -> None:
    knobs = Knobs()
    slack = SandboxSlack(clock, azure_view=lambda: {"open": []}, director=knobs)
    await slack.start()
    async with aiohttp.ClientSession(slack.page_url) as session:
        async with session.get("/sandbox/azure") as response:
            assert await response.json() == {"open": []}
        async with session.get("/sandbox/director") as response:
            assert (await response.json())[0]["name"] == "slack_down"
        order = {"do": "advance_clock", "seconds": 60}
        async with session.post("/sandbox/director", json=order) as response:
            assert (await response.json())["ok"]
    assert knobs.orders == [order]
    await slack.stop()


async def test_a_permalink_opens_the_page_at_the_message(
    slack: SandboxSlack, session: aiohttp.ClientSession
) -> None:
    async with session.get("/archives/C0OPS/p1764000000000100", allow_redirects=False) as response:
        assert response.status == 302
        assert response.headers["Location"] == (
            "/?channel=C0OPS&thread=1764000000.000100&message=1764000000.000100"
        )


async def test_the_sandbox_stops_with_pages_and_bots_connected(clock: SandboxClock) -> None:
    slack = SandboxSlack(clock)
    await slack.start()
    async with aiohttp.ClientSession(slack.page_url) as session:
        live = await session.ws_connect("/sandbox/live?as=U0SATO")
        await asyncio.wait_for(slack.stop(), 5)
        assert (await live.receive(timeout=5)).type in (
            aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED,
        )  # fmt: skip
