"""What a click on the page sends, and what it shows of the answer."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser import samples
from tests.browser.fake_server import NOW, FakeServer
from tests.browser.page import Json, block, post_card, show


async def test_a_click_travels_with_its_place_and_value(page: Page, server: FakeServer) -> None:
    """What the app needs to know of a click."""
    card = post_card(server)
    await show(page, server)
    await page.get_by_role("button", name="Approve port 22 on web-01 for 2 hours").click()
    act = await server.wait_act("block_action")
    assert act == {
        "as": "U0ALICE",
        "kind": "block_action",
        "container": {"type": "message", "channel": "C0OPS", "ts": card["ts"]},
        "block_id": "decide",
        "action_id": "jit_approve",
        "element_type": "button",
        "value": "7.1",
        "values": {},
    }


async def test_a_confirm_dialog_stands_before_the_act(page: Page, server: FakeServer) -> None:
    """Keeping changes nothing, closing sends."""
    post_card(server)
    await show(page, server)
    await page.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog", name="Close the port?")
    await dialog.get_by_role("button", name="Keep it").click()
    await expect(dialog).to_have_count(0)
    assert [a for a in server.acts if a["kind"] == "block_action"] == []
    await page.get_by_role("button", name="Revoke").click()
    await dialog.get_by_role("button", name="Close it").click()
    assert (await server.wait_act("block_action"))["action_id"] == "jit_revoke"


async def test_menus_send_the_whole_option(page: Page, server: FakeServer) -> None:
    """An overflow menu, a static menu and a multiple one."""
    post_card(server)
    server.post("C0GENERAL", "U0SEKISHO", "x", blocks=samples.every_block(NOW))
    await show(page, server)
    await page.locator('[data-action-id="jit_menu"]').click()
    await page.get_by_role("menuitem", name="Show details").click()
    act = await server.wait_act("block_action")
    assert act["selected_option"] == {"text": samples.plain("Show details"), "value": "details"}

    await page.locator('[data-channel="C0GENERAL"]').click()
    await page.get_by_role("combobox", name="Show or close one").click()
    await page.get_by_role("option", name="Close db-01:22").click()
    await expect(page.get_by_role("combobox", name="Show or close one")).to_have_value(
        "Close db-01:22"
    )
    assert server.acts[-1]["selected_option"]["value"] == "db-01"
    for port in ("22", "8443"):
        await page.get_by_role("combobox", name="Choose ports").click()
        await page.get_by_role("option", name=port, exact=True).click()
    await expect(page.locator(".chip")).to_have_text(["22", "8443"])
    assert [o["value"] for o in server.acts[-1]["selected_options"]] == ["22", "8443"]


async def test_a_click_that_failed_says_so_beside_the_button(
    page: Page, server: FakeServer
) -> None:
    """Slack's own words for an app that doesn't answer."""

    async def late(act: Json) -> Json:
        return {"ok": False, "error": "operation_timeout"}

    server.answers["block_action"] = late
    post_card(server)
    await show(page, server)
    await page.get_by_role("button", name="Deny").click()
    await expect(block(page, "decide").get_by_role("alert")).to_contain_text("took too long")


async def test_a_message_that_changes_is_drawn_again(page: Page, server: FakeServer) -> None:
    """An edit replaces buttons by the outcome, at once."""
    card = post_card(server)
    await show(page, server)
    card["blocks"] = [{**samples.section("*Denied: port 22 on web-01*"), "block_id": "head"}]
    card["edited"] = True
    await server.hint("messages", channel="C0OPS")
    message = page.locator(f'[data-ts="{card["ts"]}"]')
    await expect(message).to_contain_text("Denied: port 22 on web-01")
    await expect(message).to_contain_text("(edited)")
    await expect(page.get_by_role("button", name="Deny")).to_have_count(0)
