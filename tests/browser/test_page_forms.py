"""Forms on the page: filled, refused, sent again, stacked."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser import samples
from tests.browser.fake_server import FakeServer
from tests.browser.page import Json, show


async def test_a_form_is_filled_and_sent_by_keyboard_alone(page: Page, server: FakeServer) -> None:
    """Type-ahead, an update that keeps what was typed, and Slack's shape of values."""

    async def suggest(act: Json) -> Json:
        names = [n for n in ("web-01", "web-02", "db-01") if act["query"] in n]
        return {"ok": True, "options": [{"text": samples.plain(n), "value": n} for n in names]}

    async def chosen(act: Json) -> Json:
        view = server.views[-1]
        view["blocks"] = [view["blocks"][0], *samples.ports_block(), *view["blocks"][1:]]
        view["hash"] = "2"
        await server.hint("view")
        return {"ok": True}

    server.answers |= {"suggestion": suggest, "block_action": chosen}
    await show(page, server)
    server.open_view(samples.form())
    await server.hint("view")
    form = page.get_by_role("dialog", name="Ask for VM access")
    await expect(form.get_by_role("combobox", name="VM")).to_be_focused()
    await form.get_by_label("Reason").fill("renew the certificate")
    await form.get_by_role("combobox", name="VM").press_sequentially("web")
    await expect(form.get_by_role("option")).to_have_text(["web-01", "web-02"])
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(form.get_by_role("combobox", name="VM")).to_have_value("web-02")
    await expect(form.get_by_role("checkbox", name="22 (SSH)")).to_be_checked()
    await expect(form.get_by_label("Reason")).to_have_value("renew the certificate")
    await form.get_by_label("Time").fill("2h")
    await page.keyboard.press("Enter")
    values = (await server.wait_act("view_submission"))["values"]
    assert values["vm"]["vm"]["selected_option"]["value"] == "web-02"
    assert [o["value"] for o in values["ports"]["ports"]["selected_options"]] == ["22"]
    assert values["window"]["window"] == {"type": "plain_text_input", "value": "2h"}
    assert values["ticket"]["ticket"] == {"type": "plain_text_input", "value": None}
    await expect(form).to_have_count(0)


async def test_errors_stand_at_their_fields(page: Page, server: FakeServer) -> None:
    """Empty required fields first, without asking the app; then the app's own errors."""

    async def refuse(act: Json) -> Json:
        return {"ok": False, "errors": {"window": "web-01 opens for 3 hours at most."}}

    server.answers["view_submission"] = refuse
    await show(page, server)
    view = samples.form()
    view["blocks"] = view["blocks"][1:]
    server.open_view(view)
    await server.hint("view")
    form = page.get_by_role("dialog", name="Ask for VM access")
    await form.get_by_role("button", name="Send").click()
    await expect(form.locator(".field-error")).to_have_count(2)
    await expect(form.get_by_label("Time")).to_be_focused()
    assert [a for a in server.acts if a["kind"] == "view_submission"] == []

    await form.get_by_label("Time").fill("5h")
    await form.get_by_label("Reason").fill("x")
    await form.get_by_role("button", name="Send").click()
    field = form.get_by_label("Time")
    await expect(field).to_have_accessible_description(
        "At most 3 hours. web-01 opens for 3 hours at most."
    )
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_value("5h")


async def test_a_form_without_an_answer_can_be_sent_again(page: Page, server: FakeServer) -> None:
    """Slack's banner; nothing typed is lost."""

    async def late(act: Json) -> Json:
        return {"ok": False, "error": "operation_timeout"}

    server.answers["view_submission"] = late
    await show(page, server)
    view = samples.form()
    view["blocks"] = view["blocks"][2:]
    server.open_view(view)
    await server.hint("view")
    form = page.get_by_role("dialog", name="Ask for VM access")
    await form.get_by_label("Reason").fill("deploy")
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_role("alert").first).to_contain_text("trouble connecting")
    await expect(form.get_by_label("Reason")).to_have_value("deploy")
    server.answers.clear()
    await form.get_by_role("button", name="Send").click()
    await expect(form).to_have_count(0)


async def test_a_pushed_form_gives_back_the_one_below(page: Page, server: FakeServer) -> None:
    """Escape closes the top only; what was typed below is still there."""
    await show(page, server)
    server.open_view(samples.form())
    await server.hint("view")
    await page.get_by_label("Reason").fill("deploy")
    server.open_view({**samples.form(), "title": samples.plain("Second")})
    await server.hint("view")
    await expect(page.get_by_role("dialog", name="Second")).to_be_visible()
    await page.keyboard.press("Escape")
    assert (await server.wait_act("view_closed"))["view_id"] == "V2"
    await expect(page.get_by_role("dialog", name="Ask for VM access")).to_be_visible()
    await expect(page.get_by_label("Reason")).to_have_value("deploy")
