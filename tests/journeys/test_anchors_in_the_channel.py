"""Anchors in the audit channel: this bot's own, of this instance, however much was said since."""

from __future__ import annotations

import pytest

from bot.anchor_messages import ANCHOR_TYPE, anchor_metadata, newest_anchor
from sandbox.slack import SandboxSlack
from tests.stage import Stage

AUDIT = "C0AUDIT"


async def post(stage: Stage, sequence: int, *, instance: str = "demo") -> None:
    await stage.service.client.chat_postMessage(
        channel=AUDIT,
        text="anchor",
        metadata=anchor_metadata(sequence, f"mac-{sequence}", instance=instance),
    )


async def newest(stage: Stage) -> tuple[int, str] | None:
    me = stage.slack.bot_user_id
    return await newest_anchor(stage.service.client, AUDIT, user_id=me, instance="demo")


def quiet(slack: SandboxSlack) -> None:
    slack.limits.messages_per_second = 1_000
    slack.limits.message_burst = 1_000


@pytest.mark.proves("J3")
async def test_the_newest_of_this_instance_counts(stage: Stage) -> None:
    assert await newest(stage) is None
    await post(stage, 7)
    await post(stage, 9)
    await post(stage, 40, instance="staging")
    assert await newest(stage) == (9, "mac-9")


@pytest.mark.proves("J3")
async def test_it_is_found_behind_a_page_of_talk(stage: Stage) -> None:
    quiet(stage.slack)
    await post(stage, 7)
    for number in range(210):
        await stage.slack.person("ito").say(AUDIT, f"line {number}")
    assert await newest(stage) == (7, "mac-7")


@pytest.mark.proves("J3")
async def test_nobody_elses_message_is_an_anchor(stage: Stage) -> None:
    message = await stage.slack.person("ito").say(AUDIT, "anchor")
    message.metadata = {
        "event_type": ANCHOR_TYPE,
        "event_payload": {"sequence": 99, "mac": "forged", "instance": "demo"},
    }
    assert await newest(stage) is None
