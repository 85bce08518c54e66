"""FAULT 19: the channel is archived, the bot not in it, the token revoked: nothing is dropped."""

from __future__ import annotations

import pytest

from delivery.outbox import ObjectId
from tests.delivery.desk import ARCHIVE, AUDIT, OPS, Desk


@pytest.mark.proves("FAULT-19")
async def test_what_an_archived_channel_should_read_goes_to_the_fallback(desk: Desk) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a", ARCHIVE)
    await desk.say("k", "a line", ARCHIVE)
    await desk.deliver()
    assert desk.said(AUDIT) == ["r1 v1", "a line"]
    assert desk.deliverer.health.problems == {ARCHIVE: "is_archived"}
    address = await desk.outbox.address(ObjectId("r1"))
    assert address is not None
    assert address.channel == AUDIT


@pytest.mark.proves("FAULT-19")
@pytest.mark.parametrize(
    "error", ["not_in_channel", "channel_not_found", "restricted_action_read_only_channel"]
)
async def test_a_channel_that_is_closed_to_the_bot_falls_back(desk: Desk, error: str) -> None:
    desk.slack.faults.error("chat.postMessage", error, channel=OPS)
    await desk.say("k", "a line")
    await desk.deliver()
    assert desk.said(AUDIT) == ["a line"]
    assert desk.deliverer.health.problems == {OPS: error}


@pytest.mark.proves("FAULT-19")
@pytest.mark.parametrize("error", ["token_revoked", "invalid_auth", "account_inactive"])
async def test_a_revoked_token_holds_everything_until_it_is_mended(desk: Desk, error: str) -> None:
    fault = desk.slack.faults.error("chat.postMessage", error, times=None)
    for number in range(3):
        await desk.say(f"k{number}", f"line {number}")
    await desk.deliver_until(lambda: fault.hits >= 3)
    assert desk.deliverer.health.problems == {"token": error}
    assert await desk.outbox.size(OPS) == 3
    desk.slack.faults.clear()
    await desk.deliver()
    assert desk.said() == ["line 0", "line 1", "line 2"]
    assert desk.deliverer.health.problems == {}


@pytest.mark.proves("FAULT-19")
async def test_a_scope_that_was_taken_away_holds_everything(desk: Desk) -> None:
    desk.slack.scopes.discard("chat:write")
    await desk.say("k", "a line")
    await desk.deliver_until(lambda: bool(desk.deliverer.health.problems))
    assert desk.deliverer.health.problems == {"token": "missing_scope"}
    desk.slack.scopes.add("chat:write")
    await desk.deliver()
    assert desk.said() == ["a line"]


@pytest.mark.proves("FAULT-19")
async def test_a_fallback_that_is_gone_too_holds_in_order(desk: Desk) -> None:
    desk.slack.core.workspace.channels[AUDIT].is_archived = True
    await desk.say("k1", "one", ARCHIVE)
    await desk.say("k2", "two", ARCHIVE)
    await desk.deliver_until(lambda: AUDIT in desk.deliverer.health.problems)
    desk.slack.core.workspace.channels[AUDIT].is_archived = False
    await desk.deliver()
    assert desk.said(AUDIT) == ["one", "two"]
    assert desk.deliverer.health.problems == {ARCHIVE: "is_archived"}


@pytest.mark.proves("FAULT-19", "C098")
async def test_a_definite_refusal_is_not_repeated(desk: Desk) -> None:
    fault = desk.slack.faults.error("chat.postMessage", "is_archived", times=None, channel=OPS)
    await desk.say("k", "a line")
    await desk.deliver()
    for _ in range(20):
        await desk.deliverer.sweep()
    await desk.deliver()
    assert fault.hits == 1
