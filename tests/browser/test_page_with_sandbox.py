"""The page on the real sandbox, with a bot of a few lines behind signed HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, web
from playwright.async_api import Page, expect

from sandbox.slack import SandboxSlack
from sandbox.world.clock import SandboxClock
from tests.browser import samples

Json = dict[str, Any]


class Idle:
    """A director with nothing to direct."""

    def faults(self) -> list[Json]:
        """No switches."""
        return []

    async def act(self, order: Json) -> Json:
        """Nothing happens."""
        return {"ok": True}


class SmallBot:
    """Opens the form on /jit, suggests VMs, refuses 5h, approves in place."""

    def __init__(self, slack: SandboxSlack) -> None:
        self.slack = slack
        self.is_silent = False
        self._runner: web.AppRunner | None = None
        self._session = ClientSession()

    async def start(self) -> None:
        """Listen, and let the sandbox deliver here."""
        app = web.Application()
        app.router.add_post("/slack/events", self._hear)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.slack.http_target = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close the port."""
        self.slack.http_target = None
        await self._session.close()
        assert self._runner is not None
        await self._runner.cleanup()

    async def call(self, method: str, **arguments: Any) -> Json:
        """One call of the Web API that must succeed."""
        headers = {"Authorization": f"Bearer {self.slack.bot_token}"}
        async with self._session.post(
            self.slack.url + method, json=arguments, headers=headers
        ) as answer:
            body: Json = await answer.json()
        assert body["ok"], body
        return body

    async def _hear(self, request: web.Request) -> web.Response:
        if self.is_silent:
            return web.Response(status=503)
        if request.content_type == "application/json":
            return web.Response()
        form = await request.post()
        if "payload" not in form:
            await self.call("views.open", trigger_id=form["trigger_id"], view=samples.form())
            return web.Response()
        return await self._interact(json.loads(str(form["payload"])))

    async def _interact(self, payload: Json) -> web.Response:
        match payload["type"]:
            case "block_suggestion":
                names = [n for n in ("web-01", "web-02", "db-01") if payload["value"] in n]
                options = [{"text": samples.plain(n), "value": n} for n in names]
                return web.json_response({"options": options})
            case "block_actions" if "view" in payload:
                view = samples.form()
                view["blocks"] = [view["blocks"][0], *samples.ports_block(), *view["blocks"][1:]]
                await self.call("views.update", view_id=payload["view"]["id"], view=view)
            case "block_actions":
                place = {"channel": payload["channel"]["id"], "ts": payload["message"]["ts"]}
                done = [samples.section(f"*Approved* by <@{payload['user']['id']}>")]
                await self.call("chat.update", **place, text="Approved", blocks=done)
            case "view_submission":
                typed = payload["view"]["state"]["values"]["window"]["window"]["value"]
                if typed == "5h":
                    errors = {"window": "web-01 opens for 3 hours at most."}
                    return web.json_response({"response_action": "errors", "errors": errors})
        return web.Response()


@pytest.fixture
async def slack() -> AsyncIterator[SandboxSlack]:
    """A workspace with an empty Azure beside it and nothing to break."""
    workspace = SandboxSlack(
        SandboxClock(), azure_view=lambda: {"open": [], "nsgs": [], "log": []}, director=Idle()
    )
    await workspace.start()
    yield workspace
    await workspace.stop()


@pytest.fixture
async def bot(slack: SandboxSlack) -> AsyncIterator[SmallBot]:
    """The bot, connected."""
    small = SmallBot(slack)
    await small.start()
    yield small
    await small.stop()


async def show(page: Page, slack: SandboxSlack, person: str = "U0ALICE") -> None:
    """Open the page in #ops-approvals."""
    await page.goto(f"{slack.page_url}#as={person}&channel=C0OPS")
    await expect(page.locator('[data-channel="C0OPS"][aria-current=page]')).to_be_visible()


async def test_a_form_goes_through_sandbox_and_bot(
    page: Page, slack: SandboxSlack, bot: SmallBot
) -> None:
    """Command, type-ahead, update, an error at its field, then sent."""
    await show(page, slack)
    composer = page.locator("[data-composer=channel]")
    await composer.fill("/jit")
    await composer.press("Enter")
    form = page.get_by_role("dialog", name="Ask for VM access")
    await form.get_by_label("Reason").fill("renew the certificate")
    await form.get_by_role("combobox", name="VM").fill("web")
    await form.get_by_role("option", name="web-02").click()
    await expect(form.get_by_role("checkbox", name="22 (SSH)")).to_be_checked()
    await expect(form.get_by_label("Reason")).to_have_value("renew the certificate")
    await form.get_by_label("Time").fill("5h")
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_text("web-01 opens for 3 hours at most.")).to_be_visible()
    await form.get_by_label("Time").fill("2h")
    await form.get_by_role("button", name="Send").click()
    await expect(form).to_have_count(0)
    sent = slack.deliveries[-1].payload["view"]["state"]["values"]
    assert sent["vm"]["vm"]["selected_option"]["value"] == "web-02"
    assert sent["reason"]["reason"]["value"] == "renew the certificate"
    assert [o["value"] for o in sent["ports"]["ports"]["selected_options"]] == ["22"]


async def test_a_click_edits_the_card_for_everybody(
    page: Page, slack: SandboxSlack, bot: SmallBot
) -> None:
    """The one who clicks and the one who only looks see the outcome."""
    await bot.call("chat.postMessage", channel="C0OPS", text="x", blocks=samples.pending_card(0))
    other = await page.context.new_page()
    await show(other, slack, "U0YAMADA")
    await show(page, slack, "U0SUZUKI")
    await page.get_by_role("button", name="Approve port 22").click()
    await expect(page.get_by_text("Approved by @Suzuki")).to_be_visible()
    await expect(other.get_by_text("Approved by @Suzuki")).to_be_visible()
    await expect(other.get_by_role("button", name="Approve port 22")).to_have_count(0)


async def test_a_bot_that_fails_is_told_where_one_looks(
    page: Page, slack: SandboxSlack, bot: SmallBot
) -> None:
    """A command, then a click; neither is silent."""
    await bot.call("chat.postMessage", channel="C0OPS", text="x", blocks=samples.pending_card(0))
    bot.is_silent = True
    await show(page, slack)
    composer = page.locator("[data-composer=channel]")
    await composer.fill("/jit mine")
    await composer.press("Enter")
    await expect(page.get_by_text("/jit failed with the error")).to_be_visible()
    await page.get_by_role("button", name="Deny").click()
    await expect(page.locator(".trouble:not(:empty)")).to_be_visible()


async def test_a_private_answer_reaches_one_person(
    page: Page, slack: SandboxSlack, bot: SmallBot
) -> None:
    """chat.postEphemeral shows at once, with its mark, and to nobody else."""
    await show(page, slack)
    other = await page.context.new_page()
    await show(other, slack, "U0SATO")
    await bot.call("chat.postEphemeral", channel="C0OPS", user="U0ALICE", text="Nothing changed.")
    await expect(page.get_by_text("Only visible to you")).to_be_visible()
    await expect(page.get_by_text("Nothing changed.")).to_be_visible()
    await expect(other.get_by_text("Nothing changed.")).to_have_count(0)


async def test_the_home_tab_and_the_bots_messages_are_ones_own(
    page: Page, slack: SandboxSlack, bot: SmallBot
) -> None:
    """Unread count, direct message, and the tab as published."""
    await bot.call("chat.postMessage", channel="U0ALICE", text="Port 22 on web-01 is open")
    view = {"type": "home", "blocks": [samples.section("*1 request waits for you*")]}
    await bot.call("views.publish", user_id="U0ALICE", view=view)
    await show(page, slack)
    row = page.get_by_role("link", name="Sekisho, 1 unread")
    await row.click()
    await expect(page.get_by_text("Port 22 on web-01 is open")).to_be_visible()
    await page.get_by_role("tab", name="Home").click()
    await expect(page.get_by_text("1 request waits for you")).to_be_visible()
    await expect(row).to_have_count(0)
