"""One Chromium for all browser tests, a fresh context for each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.browser.fake_server import FakeServer
from tests.stage import Stage, set_stage

FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]


@pytest.fixture(scope="session")
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    """The system's Chromium, without a window."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A window of 1280 by 800 in UTC; the page must use each person's own zone."""
    opened = await browser.new_context(
        viewport={"width": 1280, "height": 800}, timezone_id="UTC", locale="en-US"
    )
    opened.set_default_timeout(5000)
    yield opened
    await opened.close()


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    """The stand-in for the sandbox."""
    fake = FakeServer()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page that fails the test on any script error or refused resource."""
    opened = await context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    yield opened
    assert problems == []


@pytest.fixture
async def browser_stage(browser: Browser, tmp_path: Path) -> AsyncIterator[Stage]:
    """The whole product with its page, once there is a browser to look at it."""
    stage = await set_stage(tmp_path)
    try:
        await stage.start_bot()
        yield stage
    finally:
        await stage.stop()
