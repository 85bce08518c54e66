"""What the tests of the page share: opening it, posting to it, finding a block."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.browser import samples
from tests.browser.fake_server import NOW, FakeServer

Json = dict[str, Any]

OPS = "#as=U0ALICE&channel=C0OPS"


async def show(page: Page, server: FakeServer, place: str = OPS) -> None:
    """Open the page at a place and wait until its conversation is drawn."""
    await page.goto(server.url + place)
    await expect(page.locator("[data-channel][aria-current=page]")).to_have_count(1)


def post_card(server: FakeServer, **more: Any) -> Json:
    """The pending card in #ops-approvals."""
    return server.post("C0OPS", "U0SEKISHO", "x", blocks=samples.pending_card(NOW), **more)


def block(page: Page, block_id: str) -> Locator:
    """A block by its id."""
    return page.locator(f'[data-block-id="{block_id}"]')
