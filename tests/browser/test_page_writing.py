"""Writing on the page: commands, mentions, threads, shortcuts."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.fake_server import FakeServer
from tests.browser.page import Json, post_card, show


async def test_slash_commands_are_offered_and_sent(page: Page, server: FakeServer) -> None:
    """Typing / offers the commands; Enter takes, then sends."""
    await show(page, server)
    composer = page.locator("[data-composer=channel]")
    await composer.press_sequentially("/")
    await expect(page.get_by_role("option")).to_have_count(2)
    await composer.press("Enter")
    await expect(composer).to_have_value("/jit ")
    await composer.press_sequentially("web-01 22")
    await composer.press("Enter")
    act = await server.wait_act("message")
    assert (act["channel"], act["text"]) == ("C0OPS", "/jit web-01 22")
    await expect(page.get_by_role("dialog", name="Ask for VM access")).to_be_visible()


async def test_a_command_that_failed_is_told_as_slackbot_tells_it(
    page: Page, server: FakeServer
) -> None:
    """Only the person who typed it sees that."""

    async def late(act: Json) -> Json:
        return {"ok": False, "error": "operation_timeout"}

    server.answers["message"] = late
    await show(page, server)
    await page.locator("[data-composer=channel]").fill("/jit mine")
    await page.locator("[data-composer=channel]").press("Enter")
    note = page.get_by_text("/jit failed with the error “operation_timeout”")
    await expect(note).to_be_visible()
    await page.locator('[data-person="U0YAMADA"]').first.click()
    await expect(page.locator("[data-person-now=U0YAMADA]")).to_be_visible()
    await expect(note).to_have_count(0)


async def test_enter_that_ends_a_conversion_sends_nothing(page: Page, server: FakeServer) -> None:
    """Japanese input confirms words with Enter."""
    await show(page, server, "#as=U0YAMADA&channel=C0OPS")
    composer = page.locator("[data-composer=channel]")
    await composer.fill("承認をお願いします")
    await composer.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    await expect(composer).to_have_value("承認をお願いします")
    await composer.press("Enter")
    assert (await server.wait_act("message"))["text"] == "承認をお願いします"


async def test_people_are_mentioned_in_a_thread(page: Page, server: FakeServer) -> None:
    """The thread opens beside, with a composer of its own."""
    card = post_card(server)
    await show(page, server)
    message = page.locator(f'[data-ts="{card["ts"]}"]')
    await message.hover()
    await message.get_by_role("button", name="Reply in thread").click()
    thread = page.get_by_role("complementary", name="Thread")
    composer = thread.locator("[data-composer=thread]")
    await composer.press_sequentially("@sek")
    await thread.get_by_role("option", name="@Sekisho").click()
    await composer.press_sequentially("approve")
    await composer.press("Enter")
    act = await server.wait_act("message")
    assert (act["text"], act["thread_ts"]) == ("@Sekisho approve", card["ts"])
    await expect(thread.get_by_text("@Sekisho approve")).to_be_visible()


async def test_a_message_shortcut_is_run_from_the_menu(page: Page, server: FakeServer) -> None:
    """More actions holds the app's shortcuts."""
    said = server.post("C0OPS", "U0YAMADA", "web-01 is slow")
    await show(page, server)
    await page.locator(f'[data-ts="{said["ts"]}"]').hover()
    await page.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Ask for VM access").click()
    act = await server.wait_act("shortcut")
    assert (act["callback_id"], act["ts"]) == ("jit_from_message", said["ts"])
