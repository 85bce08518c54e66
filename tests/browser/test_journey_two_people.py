"""The whole job in the browser, as two people: asked by form, opened, warned of, done, proved."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from approvals.audit.verify import verify
from approvals.events import EndCause, State
from tests.browser.desk import PATIENCE_MS, Desk, says, seen, sit_down
from tests.stage import Stage

MINUTES = 60
HOUR = 3600


async def ask_by_form(alice: Desk) -> None:
    """`/jit web-01`, the VM found by type-ahead, one field refused, then sent."""
    await alice.type("/jit")
    form = alice.form("Ask for VM access")
    await form.get_by_role("combobox", name="VM").fill("web-0")
    await seen(form.get_by_role("option", name=re.compile("^web-01")))
    await alice.shot("form-type-ahead")
    await form.get_by_role("option", name=re.compile("^web-01")).click()
    await seen(form.get_by_text("people in security must agree"))
    await form.get_by_role("checkbox", name="22").check()
    source = form.get_by_role("combobox", name="Source address")
    await source.fill("203.0.113.7")
    await form.get_by_role("option", name=re.compile(r"203\.0\.113\.7")).first.click()
    await form.get_by_label("Time").fill("5h")
    await form.get_by_label("Reason").fill("Renew the TLS certificate before it expires tonight")
    await alice.shot("form")
    await form.get_by_role("button", name="Send").click()
    await seen(form.get_by_text("web-01 opens for 3 hours at most."))
    await alice.shot("form-error")
    await form.get_by_label("Time").fill("2h")
    await form.get_by_role("button", name="Send").click()
    await expect(form).to_have_count(0, timeout=PATIENCE_MS)


@pytest.mark.proves("A2", "A3", "A6", "A11", "B1", "B6", "C1", "C3", "C4", "M1", "N3")
async def test_the_whole_job_as_two_people(browser: Browser, browser_stage: Stage) -> None:
    stage = browser_stage
    alice = await sit_down(browser, stage.slack, "alice")
    suzuki = await sit_down(browser, stage.slack, "suzuki")

    await ask_by_form(alice)
    await says(alice.message("Only visible to you"), "Request 1 is sent")
    card = suzuki.message("1 approval needed: port 22 on web-01")
    await says(card, "Renew the TLS certificate before it expires tonight")
    await suzuki.shot("card-pending")
    await alice.shot("answer-sent")
    await expect(alice.page.locator("#side [data-vm]")).to_have_count(0)

    await card.locator("[data-action-id=jit_approve]").click()
    await says(suzuki.message("port 22 on web-01"), "Port 22 on web-01 is open")
    await stage.wait_state(State.ACTIVE)
    await says(suzuki.open_port("web-01", 22), "203.0.113.7")
    assert len(stage.azure.initiates) == 1
    await suzuki.shot("card-open")
    await suzuki.message("Port 22 on web-01 is open").locator(".thread-line").click()
    await says(suzuki.reply_of("@Suzuki approved"), "1 of 1")
    await suzuki.shot("thread")

    await alice.go(alice.dm)
    await says(alice.message("is open"), "ssh ")
    await alice.shot("dm-open")

    await alice.move_clock(HOUR, 1800, 10 * MINUTES, 10 * MINUTES)
    await says(alice.message("min left"), "min left: port 22 on web-01")
    await alice.shot("dm-ending")
    await alice.message("min left").get_by_role("button", name="Done").click()
    ended = await stage.wait_state(State.ENDED)
    assert ended.ended is not None
    assert ended.ended.cause is EndCause.DONE
    await alice.go("C0OPS")
    await says(alice.message("port 22 on web-01"), "Port 22 on web-01 is closed")
    await says(alice.message("Port 22 on web-01 is closed"), "Proved closed")
    await expect(alice.page.locator("#side [data-vm]")).to_have_count(0, timeout=PATIENCE_MS)
    await alice.shot("card-closed-early")

    report = await verify(stage.ledger.store, stage.ledger.keys)
    assert report.is_good
    assert report.head >= 5
    await alice.leave()
    await suzuki.leave()
