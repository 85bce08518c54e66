"""The one-line command in Japanese: approved for less, denied, and left to lapse."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from approvals.events import Length, State
from tests.browser.desk import NARROW, PATIENCE_MS, Desk, says, seen, sit_down
from tests.stage import Stage

ASKED = "/jit web-01 22 ２時間 203.0.113.7から 理由：証明書の更新"
#: Its rule asks in #ops-ja, whose language is Japanese.
STAGING = "/jit stg-web-01 ssh ９０分 203.0.113.7から 理由：ログの確認"


@pytest.mark.proves("A1", "A7", "B5", "N1", "N2")
async def test_one_line_in_japanese_is_approved_for_less(
    browser: Browser, browser_stage: Stage
) -> None:
    stage = browser_stage
    yamada = await sit_down(browser, stage.slack, "yamada")
    sato = await sit_down(browser, stage.slack, "sato", size=NARROW)

    await yamada.type(ASKED)
    await says(yamada.message("あなただけに表示"), "申請1を受け付けました")
    await yamada.shot("answer-sent")
    card = sato.message("1 approval needed: port 22 on web-01")
    await says(card, "証明書の更新")
    await card.locator("[data-action-id=jit_approve_less]").click()
    form = sato.form("条件を絞って承認")
    await says(form, "web-01のポート22を2時間")
    await form.get_by_role("radio", name="30分").check()
    await form.get_by_label("コメント").fill("30分で足りるはずです。")
    await sato.shot("form-approve-less")
    await form.get_by_role("button", name="承認").click()
    await expect(form).to_have_count(0, timeout=PATIENCE_MS)

    request = await stage.wait_state(State.ACTIVE)
    assert request.terms.window == Length(1800)
    [port] = stage.azure.open_ports()
    assert (port.vm, port.port, port.source) == ("web-01", 22, "203.0.113.7")
    await yamada.go(yamada.dm)
    await says(yamada.message("web-01のポート22を開けました"), "ssh ")
    await seen(yamada.message("2時間→30分"))
    await yamada.shot("dm-open")
    await yamada.leave()
    await sato.leave()


async def deny(sato: Desk) -> None:
    card = sato.message("承認をお願いします")
    await says(card, "ログの確認")
    await sato.shot("card-pending")
    await card.locator("[data-action-id=jit_deny]").click()
    form = sato.form("申請1の却下")
    await form.get_by_role("button", name="却下").click()
    await seen(form.locator(".field-error"))
    await form.get_by_label("理由").fill("先にアラートを調べてください。")
    await sato.shot("form-deny")
    await form.get_by_role("button", name="却下").click()
    await says(sato.message("stg-web-01のポート22"), "却下：stg-web-01のポート22")


@pytest.mark.proves("B6", "B15", "A12", "N1", "N2")
async def test_one_line_in_japanese_is_denied_and_lapses(
    browser: Browser, browser_stage: Stage
) -> None:
    stage = browser_stage
    yamada = await sit_down(browser, stage.slack, "yamada")
    sato = await sit_down(browser, stage.slack, "sato", size=NARROW)
    await yamada.go("C0JA")
    await sato.go("C0JA")

    await yamada.type(STAGING)
    await deny(sato)
    await stage.wait_state(State.DENIED)
    denied = yamada.message("却下：stg-web-01のポート22")
    await says(denied, "先にアラートを調べてください。")
    await expect(denied.locator("[data-action-id=jit_approve]")).to_have_count(0)
    await yamada.shot("card-denied")

    await denied.get_by_role("button", name="再申請").click()
    form = yamada.form("VMアクセスの申請")
    await seen(form.get_by_text("名の承認が必要です"))
    await expect(form.get_by_label("理由")).to_have_value("ログの確認")
    await yamada.shot("form")
    await form.get_by_role("button", name="申請する").click()
    await expect(form).to_have_count(0, timeout=PATIENCE_MS)
    await seen(sato.message("承認をお願いします"))

    lapse = (await stage.request(2)).lapses_at - stage.clock.now()
    await yamada.move_clock(*[600] * (int(lapse.total_seconds()) // 600 + 1))
    await stage.wait_state(State.LAPSED, 2)
    lapsed = yamada.message("期限切れ：stg-web-01のポート22")
    await says(lapsed, "ポートは閉じたままです。")
    await yamada.shot("card-lapsed")
    await says(sato.message("期限切れ"), "承認がありませんでした")
    await sato.shot("card-lapsed")
    await yamada.go(yamada.dm)
    await says(yamada.message("期限切れ"), re.compile("再申請"))
    await yamada.shot("dm-outcomes")
    assert not stage.azure.initiates
    await yamada.leave()
    await sato.leave()
