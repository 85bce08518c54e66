"""A file change during a JIT session is asked about, answered "Not me", and lands with security."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from approvals.events import State
from feeds.danger import ROOT_HOME
from tests.browser.desk import NARROW, PATIENCE_MS, says, seen, sit_down
from tests.stage import Stage, set_stage

ASKED = "/jit web-01 22 for 2h from 203.0.113.7 because TLS renewal"

WORDS = {
    "en": {
        "card": "Dangerous: 2 file changes on web-01",
        "question": "was this you?",
        "raised": "unclaimed file changes on web-01",
        "port": "Close port 22",
        "silent": "No file data from",
    },
    "ja": {
        "card": "要注意2件：web-01のファイル変更",
        "question": "心当たりはありますか",
        "raised": "web-01に身に覚えのない変更",
        "port": "ポート22を閉じる",
        "silent": "データなし",
    },
}


@pytest.fixture(params=["en", "ja"])
async def staged(
    request: pytest.FixtureRequest, browser: Browser, tmp_path: Path
) -> AsyncIterator[tuple[Stage, str]]:
    """A stage whose channels speak this language."""
    del browser
    stage = await set_stage(tmp_path)
    languages = replace(stage.settings.languages, default=request.param)
    stage.settings = replace(stage.settings, languages=languages)
    try:
        await stage.start_bot()
        yield stage, request.param
    finally:
        await stage.stop()


@pytest.mark.proves("E3", "E4", "E5", "N1")
async def test_not_me_lands_in_the_security_channel(
    browser: Browser, staged: tuple[Stage, str]
) -> None:
    stage, language = staged
    words = WORDS[language]
    asker = await sit_down(browser, stage.slack, "yamada" if language == "ja" else "alice")
    sato = await sit_down(browser, stage.slack, "sato", size=NARROW)

    await asker.type(ASKED)
    card = await stage.slack.wait_message("C0OPS", containing="web-01")
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    for path, process in (
        ("/etc/sudoers.d/90-deploy", "vim"),
        (f"{ROOT_HOME}/.ssh/authorized_keys", "vim"),
        ("/usr/bin/openssl", "dpkg"),
        ("/etc/cron.daily/logrotate", "dpkg"),
        ("/usr/bin/ssh", "dpkg"),
    ):
        stage.azure.change_file("web-01", path, account="root", process=process)

    await asker.go("C0ALERTS")
    asked = asker.message(words["card"])
    await says(asked, words["question"])
    await asker.shot(f"file-change-asked-{language}")
    await asked.locator("[data-action-id=fim_details]").click()
    await seen(asker.page.get_by_text("/etc/sudoers.d/90-deploy").last)
    await asker.shot(f"file-change-details-{language}")
    await asker.page.keyboard.press("Escape")
    await asked.locator("[data-action-id=fim_not_mine]").click()

    await sato.go("C0SOC")
    raised = sato.message(words["raised"])
    await says(raised, words["port"])
    await sato.shot(f"file-change-not-me-{language}")
    await raised.locator("[data-action-id=fim_take]").click()
    await expect(raised.locator("[data-action-id=fim_take]")).to_have_count(0, timeout=PATIENCE_MS)
    await sato.shot(f"file-change-taken-{language}")
    await asker.go("C0ALERTS")
    await seen(asker.message(words["raised"]))
    await asker.leave()
    await sato.leave()
