"""An analyst's day in the browser, in both languages: alerts and file changes to their end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from playwright.async_api import Browser, Locator, expect

from approvals.audit.verify import verify
from approvals.events import State
from feeds.routing import Routing
from tests.browser.desk import NARROW, PATIENCE_MS, WIDE, Desk, says, seen, sit_down
from tests.stage import Stage, until

LINE = "/jit web-01 22 for 2h from 203.0.113.7 because TLS renewal"


@dataclass(frozen=True, slots=True)
class Words:
    """One language: its channel, who reads it, and what is on the screen."""

    channel: str
    security: str
    analyst: str
    colleague: str
    requester: str
    approver: str
    size: tuple[int, int]
    taken: str
    story: str
    happened: str
    resolve: str
    resolved: str
    asked: str
    raised: str


ENGLISH = Words(
    channel="C0ALERTS",
    security="C0SOC",
    analyst="kimura",
    colleague="suzuki",
    requester="alice",
    approver="suzuki",
    size=WIDE,
    taken="Taken by",
    story="Story",
    happened="What happened, in order",
    resolve="Resolve",
    resolved="Resolved: Possible reverse shell",
    asked="was this you?",
    raised="unclaimed file changes on web-01",
)
JAPANESE = Words(
    channel="C0JA",
    security="C0JA",
    analyst="sato",
    colleague="yamada",
    requester="yamada",
    approver="sato",
    size=NARROW,
    taken="担当",
    story="経緯",
    happened="起きたこと",
    resolve="解決",
    resolved="解決済み：Possible reverse shell",
    asked="心当たりはありますか",
    raised="web-01",
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
        file_changes=replace(changes, routing=routing, security_channel=words.security),
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


@pytest.mark.proves("D8", "E4", "E5", "N1")
@pytest.mark.parametrize("words", [ENGLISH, JAPANESE], ids=["en", "ja"])
async def test_file_change_in_a_session_is_asked_about_and_answered_not_me(
    browser: Browser, browser_stage: Stage, words: Words
) -> None:
    stage = browser_stage
    await route_to(stage, words)
    slack = stage.slack
    await slack.person(words.requester).command("C0OPS", LINE)
    pending = await slack.wait_message("C0OPS", containing="port 22 on web-01", timeout=20)
    await slack.person(words.approver).click(pending, "jit_approve")
    await stage.wait_state(State.ACTIVE, within=20)

    requester = await in_channel(browser, stage, words.requester, words)
    stage.azure.change_file("web-01", "/etc/sudoers.d/90-deploy", account="root", process="vim")
    card = shared(requester, "/etc/sudoers.d/90-deploy")
    await says(card, words.asked)
    await requester.shot("fim-asked")
    await card.locator("[data-action-id=fim_not_mine]").click()

    analyst = await in_channel(browser, stage, words.analyst, words)
    await analyst.go(words.security)
    raised = shared(analyst, "/etc/sudoers.d/90-deploy")
    await says(raised, words.raised)
    await seen(raised.locator("[data-action-id=fim_take]"))
    await analyst.shot("fim-not-me")
    await requester.leave()
    await analyst.leave()
