"""What was told of alerts and file changes, counted, while the real bot is killed again and again.

Every alert has a title of its own, so that its tellings can be counted: as a card, or as a line in
a storm's thread.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from delivery.outbox import Outbox
from feeds.file_change_reads import FileChangeReads
from feeds.file_change_records import ChangesReport
from feeds.file_change_verify import VerifyChanges
from feeds.reading import AlertReads
from feeds.verify import FeedsReport, Verify
from sandbox.azure.alert_stories import Severity
from sandbox.slack import Message
from tests.faults.processes import World

#: A round takes 2 s, and the machine may be busy with other things.
ROUND_SECONDS = 60.0
#: A storm's window; whether it is over is decided once per window.
STORM_WINDOW = timedelta(seconds=61)
_TITLE = re.compile(r"Odd command \d{5}")


def title(number: int) -> str:
    return f"Odd command {number:05}"


def titles(numbers: Iterable[int]) -> dict[str, int]:
    """Each of them once: what `told` must be."""
    return {title(number): 1 for number in numbers}


def raise_alerts(
    world: World,
    numbers: Iterable[int],
    *,
    vm: str = "web-01",
    severity: Severity = "Medium",
    started_ago: timedelta = timedelta(seconds=90),
) -> None:
    """A High one goes to C0SOC, a Medium one to C0ALERTS."""
    for number in numbers:
        world.azure.raise_alert(vm, title=title(number), severity=severity, started_ago=started_ago)


def bot_messages(world: World) -> Iterator[Message]:
    for channel in world.slack.core.workspace.channels:
        for message in world.slack.channel(channel).messages:
            if message.bot:
                yield message


def told(world: World) -> Counter[str]:
    """How often each alert stands in the workspace; a storm's card only counts them."""
    found = Counter[str]()
    for message in bot_messages(world):
        if not is_storm(message):
            named = _TITLE.findall(message.all_text())
            found.update(named if message.is_reply else set(named))
    return found


def storms(world: World) -> list[Message]:
    """Their cards."""
    return [message for message in bot_messages(world) if is_storm(message)]


def is_storm(message: Message) -> bool:
    return any(action == "storm_take" for _, action, _ in message.buttons())


def in_files(world: World) -> Counter[str]:
    """How often each alert stands in the files that end storms."""
    found = Counter[str]()
    for file in world.slack.core.files.values():
        found.update(_TITLE.findall(file.get("content", b"").decode()))
    return found


async def end_storms(world: World) -> None:
    """Window after window without an alert, until the storm has its file."""
    async with asyncio.timeout(ROUND_SECONDS):
        while not in_files(world):
            world.clock.advance(STORM_WINDOW)
            await asyncio.sleep(1)


async def verified(world: World) -> tuple[FeedsReport, ChangesReport]:
    """What `sekisho feeds verify` reads; nothing may be missing, at any moment."""
    tag = world.settings.redis.tag
    outbox = Outbox(world.redis, tag=tag)
    alerts = await Verify(AlertReads(world.redis, tag=tag), outbox).run()
    changes = await VerifyChanges(FileChangeReads(world.redis, tag=tag), outbox).run()
    assert alerts.is_good, alerts
    assert not changes.missing, changes
    return alerts, changes


async def all_told(world: World, *, alerts: int = 0, changes: int = 0) -> None:
    """Wait until verify says that so many are told, none waits, and every outbox is empty."""
    outbox = Outbox(world.redis, tag=world.settings.redis.tag)
    async with asyncio.timeout(ROUND_SECONDS):
        while True:
            of_alerts, of_changes = await verified(world)
            waiting = [await outbox.size(channel) for channel in await outbox.channels()]
            if (of_alerts.told, of_changes.told) == (alerts, changes) and not any(waiting):
                break
            await asyncio.sleep(0.1)
    assert (of_alerts.waiting, of_alerts.muted, of_alerts.refused) == (0, 0, 0)
    assert (of_changes.waiting, of_changes.muted) == (0, 0)
