"""A loop that was held up shows in a metric (C110)."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest

from bot.stalls import Stalls
from tests.cases.people import asked
from tests.stage import Stage, until


def test_the_worst_of_the_last_minute_is_shown() -> None:
    stalls = Stalls()
    stalls.saw(0.4, at=0.0)
    stalls.saw(0.1, at=30.0)
    assert stalls.worst() == 0.4
    stalls.saw(0.2, at=61.0)
    assert stalls.worst() == 0.2


@pytest.mark.proves("C110", "M8")
async def test_a_blocking_call_is_measured_and_shown(stage: Stage) -> None:
    await until(lambda: stage.service.health.metrics["loop_stall_seconds"]() >= 0.0)
    time.sleep(0.4)  # noqa: ASYNC251 the fault itself
    await until(lambda: stage.service.health.metrics["loop_stall_seconds"]() > 0.1)
    assert "sekisho_loop_stall_seconds" in await _metrics(stage)


@pytest.mark.proves("C110")
async def test_acks_stay_fast_while_a_large_answer_of_azure_is_read(stage: Stage) -> None:
    """The estate is read anew, with every policy, while clicks come."""
    card = await asked(stage)
    kimura = stage.slack.person("kimura")
    reading = asyncio.create_task(stage.service.estate.refresh_all())
    clicks = [await kimura.click(card, "jit_approve") for _ in range(5)]
    await reading
    assert all(click.acked for click in clicks)
    assert sorted(click.seconds for click in clicks)[2] < 0.5


async def _metrics(stage: Stage) -> str:
    port = stage.service.health_port
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        return await answer.text()
