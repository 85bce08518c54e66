"""Who one is on the page, where one is, and the world beside the conversation."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser import samples
from tests.browser.fake_server import FakeServer
from tests.browser.page import block, post_card, show


async def test_two_windows_are_two_people(
    page: Page, context: BrowserContext, server: FakeServer
) -> None:
    """The address holds who one is; an ephemeral message reaches only its reader."""
    server.post("C0OPS", "U0SEKISHO", "Nothing changed.", ephemeral=True, **{"for": "U0SATO"})
    await show(page, server, "#as=U0SATO&channel=C0OPS")
    await expect(page.get_by_text("あなただけに表示されています")).to_be_visible()
    other = await context.new_page()
    await show(other, server)
    await expect(other.get_by_text("Nothing changed.")).to_have_count(0)
    await other.get_by_role("button", name="Switch person").first.click()
    await other.get_by_role("menuitemradio", name=re.compile("佐藤")).click()
    await expect(other.get_by_text("Nothing changed.")).to_be_visible()
    assert "as=U0SATO" in other.url


@pytest.mark.parametrize("place", ["", "#as=U0NOBODY&channel=C0NOWHERE"])
async def test_an_address_without_a_person_shows_the_first(
    context: BrowserContext, server: FakeServer, place: str
) -> None:
    """Somebody opens what `make demo` printed, or a link from an earlier sandbox."""
    page = await context.new_page()  # Chromium logs the refusal, which is expected here
    post_card(server)
    await show(page, server, place)
    await expect(page.locator("[data-person-now=U0ALICE]")).to_be_visible()
    await expect(block(page, "head")).to_be_visible()
    await expect(page).to_have_url(f"{server.url}#as=U0ALICE&channel=C0OPS")


async def test_a_permalink_leads_to_its_message_in_the_same_window(
    page: Page, server: FakeServer
) -> None:
    """Nobody becomes another person by following a link."""
    card = post_card(server)
    link = f"{server.url}archives/C0OPS/p{card['ts'].replace('.', '')}"
    server.post("C0AUDIT", "U0SEKISHO", f"Asked in <{link}|the request>")
    await show(page, server, "#as=U0ITO&channel=C0AUDIT")
    await page.get_by_role("link", name="the request").click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.locator(f'[data-ts="{card["ts"]}"]')).to_be_visible()
    await expect(page.locator("[data-person-now=U0ITO]")).to_be_visible()
    await page.goto(f"{server.url}?channel=C0OPS&thread={card['ts']}")
    await expect(thread.locator(f'[data-ts="{card["ts"]}"]')).to_be_visible()


async def test_unread_counts_go_when_a_channel_is_read(page: Page, server: FakeServer) -> None:
    """The number beside the channel, and what the sandbox is told."""
    await show(page, server)
    row = page.locator('[data-channel="C0AUDIT"]')
    await expect(row).to_have_accessible_name("audit, 3 unread")
    await row.click()
    assert (await server.wait_act("read"))["channel"] == "C0AUDIT"
    await expect(row).to_have_accessible_name("audit")


async def test_the_home_tab_is_asked_for_and_drawn(page: Page, server: FakeServer) -> None:
    """Opening the tab tells the app, and its buttons work."""
    server.home = {
        "id": "VH",
        "type": "home",
        "hash": "1",
        "blocks": [
            {
                "type": "actions",
                "block_id": "go",
                "elements": [samples.button("Another VM", "jit_form")],
            }
        ],
    }
    await show(page, server, "#as=U0ALICE&channel=D0APP")
    await page.get_by_role("tab", name="Home").click()
    await server.wait_act("home_opened")
    await page.get_by_role("button", name="Another VM").click()
    assert (await server.wait_act("block_action"))["container"] == {"type": "home", "view_id": "VH"}


async def test_an_open_port_counts_down(page: Page, server: FakeServer) -> None:
    """The pill in the top bar and the panel agree with Azure."""
    await show(page, server)
    await expect(page.get_by_role("button", name="Azure: No port is open")).to_be_visible()
    server.azure = {
        "open": [
            {
                "vm": "web-01",
                "resource_group": "rg-shop-prod",
                "port": 22,
                "source": "203.0.113.7",
                "ends_at": "2026-11-25T11:12:00+00:00",
                "justification": "Sekisho 7",
            }
        ],
        "nsgs": [
            {
                "name": "nsg-shop",
                "vm": "web-01",
                "rules": [
                    {
                        "priority": 100,
                        "name": "JIT",
                        "access": "Allow",
                        "port": "22",
                        "source": "203.0.113.7",
                        "description": "",
                    }
                ],
            }
        ],
        "log": [
            {"at": "2026-11-25T09:12:00Z", "method": "POST", "path": "/a/b/initiate", "status": 202}
        ],
    }
    await server.hint("azure")
    await expect(page.get_by_role("button", name="Azure: 1 open port")).to_be_visible()
    card = page.locator('[data-vm="web-01"][data-port="22"]')
    await expect(card).to_contain_text("203.0.113.7")
    await expect(card.locator(".countdown")).to_have_text(re.compile(r"^1:5\d:\d\d$"))
    await expect(page.get_by_role("row", name="100 Allow 22 203.0.113.7")).to_be_visible()


async def test_the_director_moves_the_clock_and_breaks_things(
    page: Page, server: FakeServer
) -> None:
    """Every change is seen on the page."""
    await show(page, server)
    await page.get_by_role("button", name="Director").click()
    await page.get_by_role("button", name="+10 min").click()
    await expect(page.get_by_text("10 min ahead of real time")).to_be_visible()
    await page.get_by_role("switch", name="Slack is down").check()
    await expect(page.get_by_role("button", name="Director: 1 thing is broken")).to_be_visible()
    assert server.faults[1]["on"] is True
    await page.get_by_role("button", name="Mend everything").click()
    await expect(page.get_by_role("switch", name="Slack is down")).not_to_be_checked()


async def test_a_sandbox_without_azure_shows_no_panel(page: Page, server: FakeServer) -> None:
    """The Slack half stands alone."""
    server.azure = None
    await show(page, server)
    await expect(page.locator("#azure-pill")).to_be_hidden()
    await expect(page.locator("#side")).to_be_hidden()


async def test_a_lost_connection_is_told_and_mended(page: Page, server: FakeServer) -> None:
    """What happened meanwhile is there afterwards."""
    await show(page, server)
    await expect(page.locator("#banner")).to_be_hidden()
    server.post("C0OPS", "U0SATO", "said meanwhile")
    for socket in list(server.sockets):
        await socket.close()
    await expect(page.get_by_text("said meanwhile")).to_be_visible()
    await expect(page.locator("#banner")).to_be_hidden()


async def test_a_phone_shows_one_pane_at_a_time(browser: Browser, server: FakeServer) -> None:
    """Channels, conversation, thread, and Azure as a sheet; nothing is wider than the screen."""
    card = post_card(server, reply_count=1, reply_users=["U0SATO"])
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    page = await context.new_page()
    page.set_default_timeout(5000)
    await show(page, server)
    conversation = page.get_by_role("main", name="Conversation")
    await expect(conversation).to_be_visible()
    await expect(page.locator("#sidebar")).to_be_hidden()
    await page.get_by_role("button", name="1 reply").click()
    await expect(conversation).to_be_hidden()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.locator(f'[data-ts="{card["ts"]}"]')).to_be_visible()
    await page.get_by_role("button", name="Back to the conversation").click()
    await page.get_by_role("button", name="Back to channels").click()
    await page.locator('[data-channel="C0AUDIT"]').click()
    await expect(page.get_by_role("heading", name="audit")).to_be_visible()
    await page.get_by_role("button", name="Azure: No port is open").click()
    sheet = page.get_by_role("complementary", name="Azure right now")
    await expect(sheet).to_be_visible()
    await sheet.get_by_role("button", name="Close").click()
    await expect(sheet).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await context.close()
