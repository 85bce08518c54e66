"""FAULT 8, deeds: killed between what a person decided and Azure, and right after Azure's answer.

Azure is then as recorded, the card says so, and the audit log has one deed.
"""

from __future__ import annotations

import pytest

from approvals.deeds import Deed, DeedKind
from sandbox.azure.alerts import SandboxAlert
from sandbox.slack import Message, Person
from tests.faults.feed_rounds import ROUND_SECONDS, all_told, raise_alerts, title
from tests.faults.processes import World, count

ACTS = (
    ("resolve", "Resolved", DeedKind.RESOLVED),
    ("dismiss", "Dismissed", DeedKind.DISMISSED),
)


async def card_of(world: World, number: int) -> Message:
    return await world.slack.wait_message("C0ALERTS", title(number), timeout=ROUND_SECONDS)


async def close(who: Person, card: Message, act: str) -> None:
    """Choose, fill in, send; the process may die before Slack is answered."""
    await who.choose(card, "alert_more", _option(card, f"{act}:"))
    form = await who.wait_view(callback_id=f"alert.{act}")
    await who.fill(form, "why", "true_positive" if act == "resolve" else "expected")
    await who.fill(form, "reason", "Looked at, nothing left to do")
    await who.submit(form)


def _option(card: Message, start: str) -> str:
    values = [
        str(option["value"])
        for block in card.blocks
        for element in block.get("elements", [])
        for option in element.get("options", [])
    ]
    return next(value for value in values if value.startswith(start))


def raised(world: World, number: int) -> SandboxAlert:
    raise_alerts(world, [number])
    return next(alert for alert in world.azure.alerts if alert.title == title(number))


@pytest.mark.proves("FAULT-8", "D5", "D6", "J1")
async def test_killed_between_a_deed_and_azure(world: World) -> None:
    world.azure.rights.alerts_wildcard = True
    kimura = world.slack.person("kimura")
    alerts = [raised(world, number) for number in range(len(ACTS))]
    cards: list[Message] = []
    for number, (act, _, _) in enumerate(ACTS):
        bot = await world.start_bot(kill_at="after-deed")
        cards.append(await card_of(world, number))
        await close(kimura, cards[-1], act)
        assert await bot.died() == "after-deed"
        assert alerts[number].status == "Active"
        await world.killed_at(f"before-azure-{act}")
        assert alerts[number].status == "Active"
        await world.killed_at(f"after-azure-{act}")
    await world.start_bot()
    for alert, card, (_, status, _) in zip(alerts, cards, ACTS, strict=True):
        said = f"Defender shows it as {status.lower()}"
        await world.slack.wait_update(card, containing=said, timeout=ROUND_SECONDS)
        assert alert.status == status
    await all_told(world, alerts=len(ACTS))
    deeds = [entry.event for entry in await world.entries() if isinstance(entry.event, Deed)]
    assert [deed.kind for deed in deeds] == [kind for _, _, kind in ACTS]
    for card in cards:
        thread = world.slack.channel("C0ALERTS").thread(card.ts)[1:]
        assert count(thread, "Looked at, nothing left to do") == 1, [m.all_text() for m in thread]
