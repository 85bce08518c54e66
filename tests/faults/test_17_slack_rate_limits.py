"""FAULT 17: Slack says 429. That channel pauses, the others go on, nothing is lost."""

from __future__ import annotations

import time

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from delivery.outbox import ObjectId
from delivery.refusals import Why, refusal_of
from sandbox.slack import SandboxSlack
from tests.delivery.desk import GENERAL, OPS, Desk


def posts(slack: SandboxSlack, channel: str) -> list[tuple[float, bool]]:
    """When the channel was posted to, and whether Slack took it."""
    calls = [c for c in slack.calls_of("chat.postMessage") if c.args["channel"] == channel]
    return [(call.at.timestamp(), bool(call.response.get("ok"))) for call in calls]


@pytest.mark.proves("FAULT-17")
async def test_one_channel_pauses_while_another_goes_on(desk: Desk) -> None:
    desk.slack.faults.rate_limit("chat.postMessage", 2, channel=OPS)
    for number in range(3):
        await desk.say(f"o{number}", f"ops {number}", OPS)
        await desk.say(f"g{number}", f"general {number}", GENERAL)
    started = time.monotonic()
    await desk.deliver_until(lambda: len(desk.said(GENERAL)) == 3)
    assert time.monotonic() - started < 2
    assert desk.said(OPS) == []
    await desk.deliver()
    assert desk.said(OPS) == ["ops 0", "ops 1", "ops 2"]
    (refused_at, refused), (taken_at, taken), *_ = posts(desk.slack, OPS)
    assert (refused, taken) == (False, True)
    assert taken_at - refused_at >= 2
    assert desk.deliverer.health.problems == {}


@pytest.mark.proves("FAULT-17")
async def test_a_limited_look_up_is_not_repeated_before_its_time(desk: Desk) -> None:
    desk.slack.faults.drop_after_accept("chat.postMessage")
    desk.slack.faults.rate_limit("conversations.history", 1)
    await desk.say("k", "once")
    await desk.deliver()
    first, second = desk.slack.calls_of("conversations.history")
    assert (second.at - first.at).total_seconds() >= 1
    assert desk.said() == ["once"]


@pytest.mark.proves("FAULT-17")
async def test_a_limited_update_holds_back_the_updates_of_all_but_no_posts(desk: Desk) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a")
    await desk.deliver()
    desk.slack.faults.rate_limit("chat.update", 1)
    desk.card("r1", 2)
    await desk.show("r1", "b")
    await desk.say("g", "meanwhile", GENERAL)
    await desk.deliver_until(lambda: desk.said(GENERAL) == ["meanwhile"])
    await desk.deliver()
    refused, taken = desk.slack.calls_of("chat.update")
    assert (taken.at - refused.at).total_seconds() >= 1
    assert desk.said() == ["r1 v2"]
    assert (await desk.outbox.address(ObjectId("r1"))) is not None


@pytest.mark.proves("FAULT-17")
@pytest.mark.parametrize("retry_after", ["", "soon", "-5", "1.5", "٣", "0"])
async def test_a_retry_after_that_is_no_number_waits_a_second(desk: Desk, retry_after: str) -> None:
    response = AsyncSlackResponse(
        client=desk.client,
        http_verb="POST",
        api_url="",
        req_args={},
        data={"ok": False, "error": "ratelimited"},
        headers={"Retry-After": retry_after},
        status_code=429,
    )
    error = SlackApiError("limited", response)  # type: ignore[no-untyped-call]
    refusal = refusal_of(error)
    assert refusal.why is Why.LIMITED
    assert refusal.retry_after.total_seconds() == 1


@pytest.mark.proves("FAULT-17")
async def test_everything_arrives_in_order_under_slacks_own_limit(desk: Desk) -> None:
    desk.slack.limits.messages_per_second = 20.0
    desk.slack.limits.message_burst = 2
    for number in range(6):
        await desk.say(f"k{number}", f"line {number}")
    await desk.deliver()
    assert desk.said() == [f"line {number}" for number in range(6)]
