"""A person at the page: opens it, types, clicks and looks; what is seen is kept as pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.async_api import Browser, Locator, Page, expect

from sandbox.slack import SandboxSlack
from tests.conftest import REPOSITORY

#: Pictures for eyes; a test judges none of them.
SHOTS = REPOSITORY / "build" / "shots"

WIDE = (1280, 800)
NARROW = (390, 844)

#: A person waits this long for what the bot does: two cores may run other tests at once.
PATIENCE_MS = 15_000


@dataclass(slots=True)
class Desk:
    """One person in one window."""

    slack: SandboxSlack
    page: Page
    me: str
    #: between the picture's name and `.png`, such as `ja.narrow`.
    suffix: str
    problems: list[str]

    @property
    def dm(self) -> str:
        return self.slack.person(self.me.removeprefix("U0").lower()).dm

    async def go(self, channel: str, thread: str = "") -> None:
        """Show a channel as this person, with a thread beside it if one is named."""
        rest = f"&thread={thread}" if thread else ""
        await self.page.goto(f"{self.slack.page_url}#as={self.me}&channel={channel}{rest}")
        await self.page.locator(f'[data-channel="{channel}"][aria-current=page]').wait_for(
            state="attached"
        )

    async def type(self, line: str) -> None:
        """Write into the channel's composer and send."""
        composer = self.page.locator("[data-composer=channel]")
        await composer.fill(line)
        await composer.press("Enter")

    async def reply(self, line: str) -> None:
        """Write into the open thread."""
        composer = self.page.locator("[data-composer=thread]")
        await composer.fill(line)
        await composer.press("Enter")

    def form(self, title: str) -> Locator:
        return self.page.get_by_role("dialog", name=title)

    def message(self, containing: str | re.Pattern[str]) -> Locator:
        """The newest message on the screen that says this."""
        return self.page.locator("#log article").filter(has_text=containing).last

    def reply_of(self, containing: str | re.Pattern[str]) -> Locator:
        return self.page.locator("#thread-log article").filter(has_text=containing).last

    def open_port(self, vm: str, port: int) -> Locator:
        """The port's card in the view of Azure."""
        return self.page.locator(f'#side [data-vm="{vm}"][data-port="{port}"]')

    async def move_clock(self, *steps: int) -> None:
        """Press the director's buttons, each some seconds."""
        await self.page.locator("#director-button").click()
        for seconds in steps:
            button = self.page.locator(f'#director-panel [data-seconds="{seconds}"]')
            async with self.page.expect_response("**/sandbox/director"):
                await button.click()
        await self.page.locator("#azure-pill").click()

    async def shot(self, name: str) -> None:
        """Keep what the window shows."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{name}.{self.suffix}.png"
        await self.page.screenshot(path=path, animations="disabled")

    async def leave(self) -> None:
        """Close the window; nothing on it may have failed."""
        await self.page.context.close()
        assert self.problems == []


async def sit_down(
    browser: Browser, slack: SandboxSlack, handle: str, *, size: tuple[int, int] = WIDE
) -> Desk:
    """Open a window of one's own, in #ops-approvals."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, timezone_id="UTC", locale="en-US"
    )
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    person = slack.person(handle)
    language = person.member.locale[:2]
    width = "narrow" if size == NARROW else "wide"
    desk = Desk(slack, page, person.id, f"{language}.{width}", problems)
    await desk.go("C0OPS")
    return desk


async def seen(locator: Locator) -> None:
    """It comes into view within a person's patience."""
    await expect(locator).to_be_visible(timeout=PATIENCE_MS)


async def says(locator: Locator, text: str | re.Pattern[str]) -> None:
    await expect(locator).to_contain_text(text, timeout=PATIENCE_MS)
