"""Every surface in both languages, at a desk and on a phone: it fits, and eyes can judge it."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Locator, expect

from approvals.events import State
from sandbox.slack import Message
from tests.browser.desk import NARROW, PATIENCE_MS, WIDE, Desk, says, seen, sit_down
from tests.stage import Stage

LONG = (
    "Migrate the settlement job to the new queue: stop the old consumer, drain it, then start the "
    "new one and compare the two ledgers line by line before anybody writes to them again"
)
LONG_JA = (
    "精算ジョブを新しいキューへ移行する作業。旧コンシューマーを止めて滞留分を処理し、"
    "新しい側を起動してから、両方の台帳を1行ずつ突き合わせて差分がないことを確認します"
)


async def asked(stage: Stage, handle: str, line: str, sent: str, headline: str) -> Message:
    """A request that waits, told in its rule's channel."""
    person = stage.slack.person(handle)
    await person.command("C0OPS", line)
    await person.wait_ephemeral(sent, timeout=15)
    channel = "C0JA" if handle == "yamada" else "C0OPS"
    return await stage.slack.wait_message(channel, headline, timeout=15)


async def set_scene(stage: Stage) -> None:
    """One open session with two ports, one request of each language that waits."""
    line = "/jit web-01 22,8443 2h from 203.0.113.7 because Renew the TLS certificate"
    card = await asked(stage, "alice", line, "Request 1 is sent", "1 approval needed")
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE, within=20)
    line = f"/jit db-02 22 1h from 203.0.113.7 ticket CHG-4821 because {LONG}"
    await asked(stage, "alice", line, "Request 2 is sent", "2 approvals needed")
    line = f"/jit stg-web-01 ssh 90分 198.51.100.9から 理由：{LONG_JA}"
    await asked(stage, "yamada", line, "申請3を受け付けました", "承認をお願いします")


async def fits(desk: Desk) -> None:
    """Nothing is wider than the window."""
    width = await desk.page.evaluate("document.documentElement.scrollWidth")
    size = desk.page.viewport_size
    assert size is not None
    assert width <= size["width"]


async def is_on_screen(desk: Desk, message: Locator) -> None:
    """Headline and buttons of a card in one view (N4)."""
    await message.scroll_into_view_if_needed()
    buttons = message.locator("[data-action-id=jit_approve]")
    headline = message.locator(".message-body strong").first
    top, bottom = await headline.bounding_box(), await buttons.bounding_box()
    assert top is not None
    assert bottom is not None
    assert bottom["y"] + bottom["height"] - top["y"] < 500


async def look_at_answers(desk: Desk, lines: dict[str, tuple[str, str]]) -> None:
    """Each line, its answer, and a picture of it."""
    for name, (line, answer) in lines.items():
        await desk.type(line)
        await says(desk.page.locator("#log article.ephemeral").last, answer)
        await fits(desk)
        await desk.shot(name)


ENGLISH = {
    "help": ("/jit help", "Ask in one line"),
    "active": ("/jit active", "ports are open now"),
    "list": ("/jit list", "that you may ask for"),
    "mine": ("/jit mine", "requests of yours"),
    "history": ("/jit history web-01", "web-01"),
    "unknown-vm": ("/jit wbe-01 ssh 2h because fix", "No VM named"),
    "corrected": ("/jit web-01 ssh 5h from 203.0.113.7 because fix 4821", "Not sent yet"),
    "ambiguous": ("/jit batch-01 ssh 1h because fix", "More than one VM"),
    "own-request": ("/jit approve 2", "so others must decide it"),
}
JAPANESE = {
    "help": ("/jit help", "1行で申請できます"),
    "active": ("/jit active", "個のポートが開いています"),
    "list": ("/jit list", "申請できるVM"),
    "mine": ("/jit mine", "自分の申請"),
    "history": ("/jit history web-01", "web-01"),
    "unknown-vm": ("/jit wbe-01 ssh 2時間 理由：修正", "見つかりません"),
    "corrected": (
        "/jit web-01 ssh 5時間 203.0.113.7から 理由：修正",
        "web-01 ssh 3時間 203.0.113.7から 理由：修正",
    ),
    "ambiguous": ("/jit batch-01 ssh 1時間 理由：修正", "複数あります"),
    "own-request": ("/jit approve 3", "自分の申請は承認・却下できません"),
}


def some(lines: dict[str, tuple[str, str]], size: tuple[int, int]) -> dict[str, tuple[str, str]]:
    """All of them on a phone, where room is short; a few at a desk."""
    return lines if size == NARROW else {name: lines[name] for name in ("help", "corrected")}


@pytest.mark.proves("C11", "K1", "K5", "N1", "N3", "N4")
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_every_surface_fits(
    browser: Browser, browser_stage: Stage, size: tuple[int, int]
) -> None:
    stage = browser_stage
    await set_scene(stage)
    suzuki = await sit_down(browser, stage.slack, "suzuki", size=size)
    await is_on_screen(suzuki, suzuki.message("2 approvals needed"))
    await suzuki.shot("card-pending-long")
    await suzuki.message("2 approvals needed").get_by_role("button", name="Show all").click()
    await seen(suzuki.form("Request 2"))
    await suzuki.shot("details")
    await suzuki.form("Request 2").get_by_role("button", name="Close").last.click()
    await suzuki.message("2 approvals needed").locator("[data-action-id=jit_deny]").click()
    await seen(suzuki.form("Deny request 2"))
    await suzuki.shot("form-deny")
    await suzuki.form("Deny request 2").get_by_role("button", name="Cancel").click()
    await home(suzuki, "2 requests wait for you")
    await suzuki.leave()

    sato = await sit_down(browser, stage.slack, "sato", size=size)
    await sato.go("C0JA")
    await is_on_screen(sato, sato.message("承認をお願いします"))
    await sato.shot("card-pending-long")
    await home(sato, "承認待ちの申請が")
    await sato.leave()

    alice = await sit_down(browser, stage.slack, "alice", size=size)
    await look_at_answers(alice, some(ENGLISH, size))
    await home(alice, "Your open ports")
    await alice.leave()
    yamada = await sit_down(browser, stage.slack, "yamada", size=size)
    await look_at_answers(yamada, some(JAPANESE, size))
    await home(yamada, "自分の申請")
    await yamada.leave()


async def home(desk: Desk, holding: str) -> None:
    """The Home tab, with a picture of it."""
    await desk.go(desk.dm)
    await desk.page.get_by_role("tab").first.click()
    await expect(desk.page.locator("#app-panel")).to_contain_text(holding, timeout=PATIENCE_MS)
    await fits(desk)
    person = desk.me.removeprefix("U0").lower()
    await desk.shot(f"home-{person}")
