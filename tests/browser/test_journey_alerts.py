"""An analyst takes an alert, reads its story and resolves it: in the browser, both languages."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from playwright.async_api import Browser, Locator, expect

from approvals.audit.verify import verify
from feeds.routing import Routing
from tests.browser.desk import NARROW, PATIENCE_MS, WIDE, Desk, says, sit_down
from tests.stage import Stage, until


@dataclass(frozen=True, slots=True)
class Words:
    """One language: its channel, who reads it, and what is on the screen."""

    channel: str
    analyst: str
    colleague: str
    size: tuple[int, int]
    taken: str
    happened: str
    resolved: str


ENGLISH = Words(
    channel="C0ALERTS",
    analyst="kimura",
    colleague="suzuki",
    size=WIDE,
    taken="Taken by",
    happened="What happened, in order",
    resolved="Resolved: Possible reverse shell",
)
JAPANESE = Words(
    channel="C0JA",
    analyst="sato",
    colleague="yamada",
    size=NARROW,
    taken="担当",
    happened="起きたこと",
    resolved="解決済み：Possible reverse shell",
)


async def route_to(stage: Stage, words: Words) -> None:
    """Everything goes to this language's channels from now on."""
    alerts, changes = stage.settings.feeds.alerts, stage.settings.feeds.file_changes
    assert alerts is not None
    assert changes is not None
    routing = Routing((), words.channel)
    feeds = replace(
        stage.settings.feeds,
        alerts=replace(alerts, routing=routing),
        file_changes=replace(changes, routing=routing),
    )
    stage.settings = replace(stage.settings, feeds=feeds)
    await stage.stop_bot()
    await stage.start_bot()


def shared(desk: Desk, containing: str) -> Locator:
    """The newest message with this that everybody sees."""
    shown = desk.page.locator("#log article:not([data-ephemeral])")
    return shown.filter(has_text=containing).last


async def in_channel(browser: Browser, stage: Stage, who: str, words: Words) -> Desk:
    desk = await sit_down(browser, stage.slack, who, size=words.size)
    await desk.go(words.channel)
    return desk


@pytest.mark.proves("D1", "D3", "D4", "D5", "D6", "N1")
@pytest.mark.parametrize("words", [ENGLISH, JAPANESE], ids=["en", "ja"])
async def test_analyst_takes_an_alert_reads_its_story_and_resolves_it(
    browser: Browser, browser_stage: Stage, words: Words
) -> None:
    stage = browser_stage
    await route_to(stage, words)
    analyst = await in_channel(browser, stage, words.analyst, words)
    colleague = await in_channel(browser, stage, words.colleague, words)

    raised = stage.azure.raise_alert("web-01", severity="High", title="Possible reverse shell")
    card = shared(analyst, "Possible reverse shell")
    await says(card, "web-01")
    await analyst.shot("alert-new")
    await card.locator("[data-action-id=alert_take]").click()
    await says(card, words.taken)
    await analyst.shot("alert-taken")

    await card.locator("[data-action-id=alert_story]").click()
    story = analyst.page.get_by_role("dialog")
    await says(story, words.happened)
    await analyst.shot("alert-story")
    await analyst.page.keyboard.press("Escape")

    await card.locator("[data-action-id=alert_resolve]").click()
    form = analyst.page.get_by_role("dialog")
    await form.get_by_role("radio").first.check()
    await form.get_by_role("textbox").fill("Web shell removed, keys rotated")
    await analyst.shot("alert-resolve-form")
    await form.locator("button[type=submit]").click()
    await expect(form).to_have_count(0, timeout=PATIENCE_MS)
    await says(shared(analyst, "Possible reverse shell"), words.resolved)
    await until(lambda: raised.status_at(stage.azure.clock.now()) == "Resolved", within=15)
    await says(shared(colleague, "Possible reverse shell"), "Web shell removed, keys rotated")
    await says(shared(colleague, "Possible reverse shell"), f"@{words.analyst}")
    await colleague.shot("alert-resolved")
    assert (await verify(stage.ledger.store, stage.ledger.keys)).is_good
    await analyst.leave()
    await colleague.leave()
