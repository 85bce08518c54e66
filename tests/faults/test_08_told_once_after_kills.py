"""FAULT 8, what is told beside the alerts: openings past Sekisho, alerts at an open port, detection
tests. Killed around each line that is queued; each is told once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from approvals.entry import FoundOpening
from approvals.events import State
from tests.faults.feed_rounds import (
    ROUND_SECONDS,
    all_told,
    bot_messages,
    raise_alerts,
    title,
    verified,
)
from tests.faults.processes import World, count, eventually

MACHINES = ("web-01", "web-02", "web-03", "web-04")


@pytest.mark.proves("FAULT-8", "C7", "J1")
async def test_an_opening_past_sekisho(world: World) -> None:
    steps = ("before-note", "after-note", "before-put-found", "after-put-found")
    for step, vm in zip(steps, MACHINES, strict=True):
        world.azure.open_from_outside(vm, 22, source="198.51.100.4", length=timedelta(hours=1))
        await world.killed_at(step)
        await verified(world)
    await world.start_bot()
    await eventually(lambda: _openings(world) >= len(steps))
    await all_told(world)
    assert _openings(world) == len(steps)
    notes = [e.event for e in await world.entries() if isinstance(e.event, FoundOpening)]
    assert len({note.resource_id for note in notes}) == len(notes) == len(steps)


def _openings(world: World) -> int:
    return count(list(bot_messages(world)), "Opened outside Sekisho: port")


@pytest.mark.proves("FAULT-8", "C10")
async def test_an_alert_at_an_open_port(world: World) -> None:
    bot = await world.start_bot()
    card = await world.ask()
    await world.slack.person("suzuki").click(card, "jit_approve")
    await world.wait_state(State.ACTIVE)
    await bot.kill()
    # the thread's line is queued first, then the DMs of approver and requester
    kills = (
        ("before-put-port-alert", 1),
        ("after-put-port-alert", 1),
        ("after-put-port-alert", 2),
    )
    for number, (step, turn) in enumerate(kills):
        raise_alerts(world, [number], severity="High")
        await world.killed_at(step, turn)
        await verified(world)
    await world.start_bot()
    await all_told(world, alerts=len(kills))

    def told_in(number: int) -> list[int]:
        return [
            count(messages, title(number))
            for messages in (
                world.slack.channel("C0OPS").thread(card.ts),
                world.slack.person("suzuki").dms(),
                world.slack.person("alice").dms(),
            )
        ]

    await eventually(lambda: all(all(told_in(number)) for number in range(len(kills))))
    await all_told(world, alerts=len(kills))
    assert [told_in(number) for number in range(len(kills))] == [[1, 1, 1]] * len(kills)


@pytest.mark.proves("FAULT-8", "D14")
async def test_the_alert_of_a_detection_test(world: World) -> None:
    machines = ("web-01", "web-02", "stg-web-01")
    steps = ("before-put-edr-test", "after-put-edr-test", "after-ingest")
    alice = world.slack.person("alice")
    bot = await world.start_bot()
    for vm in machines:
        await alice.command("C0OPS", f"/defender test {vm}")
        await alice.wait_ephemeral(vm, timeout=ROUND_SECONDS)
    await bot.kill()
    for number, (vm, step) in enumerate(zip(machines, steps, strict=True)):
        raise_alerts(world, [number], vm=vm, started_ago=timedelta(0))
        await world.killed_at(step)
        await verified(world)
    await world.start_bot()
    await eventually(lambda: all(count(alice.dms(), title(n)) for n in range(len(machines))))
    await all_told(world, alerts=len(machines))
    assert [count(alice.dms(), title(n)) for n in range(len(machines))] == [1] * len(machines)
