"""The layouts that were drawn by hand, on the page: no string is lost, and a phone shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.fake_server import FakeServer
from tests.browser.page import Json, show


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_every_designed_surface_is_drawn_whole(
    page: Page, server: FakeServer, shared: Path, language: str
) -> None:
    """The layouts that were drawn by hand lose no string on this page."""
    person = "U0SUZUKI" if language == "en" else "U0SATO"
    surfaces = {
        path.stem: json.loads(path.read_text())
        for path in sorted((shared / "ux" / "jit").glob(f"*.{language}.json"))
    }
    assert len(surfaces) > 25
    messages = {n: s for n, s in surfaces.items() if "blocks" in s}
    for surface in messages.values():
        server.post("C0OPS", "U0SEKISHO", surface["text"], blocks=surface["blocks"])
    await show(page, server, f"#as={person}&channel=C0OPS")
    drawn = page.locator("[data-ts]")
    await expect(drawn).to_have_count(len(messages))
    for index, (name, surface) in enumerate(messages.items()):
        await assert_whole(drawn.nth(index), surface["blocks"], name)
    await expect(page.locator(".unsupported")).to_have_count(0)
    await assert_fits_a_phone(page)

    for name, surface in surfaces.items():
        if surface["surface"] == "modal":
            await assert_form_whole(page, server, name, surface)

    server.home = {"id": "VH", "hash": "1", **surfaces[f"home.{language}"]["view"]}
    await page.goto(f"{server.url}#as={person}&channel=D0APP&tab=home")
    await expect(page.locator(".home-blocks")).to_be_visible()
    await assert_whole(page.locator(".home-blocks"), server.home["blocks"], "home")


async def assert_fits_a_phone(page: Page) -> None:
    """At 390 px no message is wider than the screen; then back."""
    await page.set_viewport_size({"width": 390, "height": 844})
    wide = await page.evaluate(
        """() => [...document.querySelectorAll(".message *")]
            .filter((node) => node.getBoundingClientRect().right > 390)
            .map((node) => node.textContent)"""
    )
    assert wide == []
    await page.set_viewport_size({"width": 1280, "height": 800})


async def assert_form_whole(page: Page, server: FakeServer, name: str, surface: Json) -> None:
    """Open the form, look for all its strings, close it."""
    server.views.clear()
    server.open_view({**surface["view"], "id": f"V-{name}"})
    await server.hint("view")
    form = page.locator(f'dialog[data-view-id="V-{name}"]')
    await expect(form).to_be_visible()
    await assert_whole(form, surface["view"], name)
    await expect(form.locator(".unsupported")).to_have_count(0)


async def assert_whole(node: Locator, blocks: object, name: str) -> None:
    """Every visible string of `blocks` is in the node's text, fields or placeholders."""
    shown = await node.evaluate(
        """(node) => node.textContent + [...node.querySelectorAll("input, textarea")]
            .map((f) => `\\n${f.value}\\n${f.placeholder}`).join("")"""
    )
    squeezed = re.sub(r"\s+", "", shown)
    for text in strings(blocks):
        assert re.sub(r"\s+", "", text) in squeezed, f"{name}: {text!r} is not shown"


def strings(node: object) -> Iterator[str]:
    """The literal pieces of text objects and rich text: what lies between marks and tokens."""
    if isinstance(node, list):
        for item in node:
            yield from strings(item)
    elif isinstance(node, dict):
        text = node.get("text")
        if isinstance(text, str):
            is_marked = node.get("type") == "mrkdwn"
            pieces = re.split(r"<[^>]*>|:[a-z_]+:|[*`_~\n]", text) if is_marked else [text]
            yield from (p for p in pieces if p.strip())
        initial = node.get("initial_value")
        if isinstance(initial, str):
            yield initial
        for key, value in node.items():
            if key not in ("options", "confirm") or node.get("type") in (
                "checkboxes",
                "radio_buttons",
            ):
                yield from strings(value)
