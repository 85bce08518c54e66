"""FAULT 18: Slack fails after it has accepted. No blind retry: look first, back off, give up never.

Also C074: the client's own repeats are off, and nothing but a definite refusal leads to other
contents.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from delivery.outbox import ObjectId
from delivery.posting import PAGE
from tests.delivery.desk import ALICE, GENERAL, OPS, Desk


@pytest.mark.proves("FAULT-18", "C074")
async def test_a_connection_cut_after_accept_is_looked_up(desk: Desk) -> None:
    desk.slack.faults.drop_after_accept("chat.postMessage")
    await desk.say("k", "once")
    await desk.deliver()
    assert desk.said() == ["once"]
    assert len(desk.slack.calls_of("chat.postMessage")) == 1
    assert desk.deliverer.health.reconciled == 1


@pytest.mark.proves("FAULT-18", "C074")
async def test_an_answer_lost_in_a_thread_is_looked_up_there(desk: Desk) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a")
    await desk.deliver()
    desk.slack.faults.drop_after_accept("chat.postMessage")
    await desk.say("b", "approved", thread_of=ObjectId("r1"))
    await desk.deliver()
    assert desk.said() == ["r1 v1", "approved"]


@pytest.mark.proves("FAULT-18")
async def test_an_answer_lost_in_a_busy_channel_is_found_on_a_later_page(desk: Desk) -> None:
    desk.slack.faults.drop_after_accept("chat.postMessage")
    desk.slack.faults.hang("conversations.history", 0.3)
    await desk.say("k", "once")
    await desk.deliver_until(lambda: desk.said() == ["once"])
    person = desk.slack.person("alice")
    for number in range(PAGE + 5):
        await person.say(OPS, f"chatter {number}")
    await desk.deliver()
    assert desk.said() == ["once"]
    assert len(desk.slack.calls_of("conversations.history")) > 1


@pytest.mark.proves("FAULT-18")
async def test_an_answer_lost_in_a_long_thread_is_found(desk: Desk) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a")
    await desk.deliver()
    person = desk.slack.person("alice")
    for number in range(PAGE + 5):
        await person.say(OPS, f"chatter {number}", desk.messages()[0].ts)
    desk.slack.faults.drop_after_accept("chat.postMessage")
    await desk.say("b", "approved", thread_of=ObjectId("r1"))
    await desk.deliver()
    assert desk.said() == ["r1 v1", "approved"]


@pytest.mark.proves("FAULT-18")
async def test_what_was_not_accepted_is_posted_again(desk: Desk) -> None:
    desk.slack.faults.drop_before("chat.postMessage")
    await desk.say("k", "once")
    await desk.deliver()
    assert desk.said() == ["once"]
    assert desk.deliverer.health.reconciled == 0


@pytest.mark.proves("FAULT-18")
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_failing_gateway_is_looked_behind(desk: Desk, status: int) -> None:
    """Its body is no JSON: nothing may be read out of it."""
    desk.slack.faults.http("chat.postMessage", status, times=2)
    await desk.say("k", "once")
    await desk.deliver()
    assert desk.said() == ["once"]
    assert len(desk.slack.calls_of("conversations.history")) == 2


@pytest.mark.proves("FAULT-18")
@pytest.mark.parametrize("error", ["internal_error", "fatal_error", "service_unavailable"])
async def test_slacks_own_inner_errors_prove_nothing(desk: Desk, error: str) -> None:
    desk.slack.faults.error("chat.postMessage", error)
    await desk.say("k", "once")
    await desk.deliver()
    assert desk.said() == ["once"]
    assert desk.slack.calls_of("conversations.history")


@pytest.mark.proves("FAULT-18")
@pytest.mark.parametrize("method", ["chat.update", "conversations.open"])
async def test_other_calls_whose_answer_is_lost_are_simply_repeated(
    desk: Desk, method: str
) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a")
    await desk.deliver()
    for fault in (desk.slack.faults.drop_after_accept, desk.slack.faults.drop_before):
        fault(method)
    desk.slack.faults.http(method, 503)
    desk.card("r1", 2)
    await desk.show("r1", "b")
    await desk.say("k", "to alice", channel=ALICE)
    await desk.deliver()
    assert desk.said() == ["r1 v2"]
    assert [m.text for m in desk.slack.person("alice").dms()] == ["to alice"]


@pytest.mark.proves("FAULT-18")
async def test_a_look_up_that_fails_posts_nothing(desk: Desk) -> None:
    desk.slack.faults.drop_after_accept("chat.postMessage")
    desk.slack.faults.http("conversations.history", 500, times=3)
    await desk.say("k", "once")
    await desk.deliver()
    assert desk.said() == ["once"]
    assert len(desk.slack.calls_of("chat.postMessage")) == 1


@pytest.mark.proves("FAULT-18")
async def test_the_pause_after_each_failure_grows(desk: Desk) -> None:
    desk.slack.faults.http("chat.postMessage", 503, times=5)
    await desk.say("k", "once")
    await desk.deliver()
    at = [call.at.timestamp() for call in desk.slack.calls_of("chat.postMessage")]
    pauses = [later - earlier for earlier, later in pairwise(at)]
    assert [pause >= 0.02 * 2**n for n, pause in enumerate(pauses)] == [True] * 5


@pytest.mark.proves("FAULT-18")
async def test_another_channel_is_not_held_up(desk: Desk) -> None:
    desk.slack.faults.drop_before("chat.postMessage", times=1)
    await desk.say("k", "held", OPS)
    await desk.say("g", "at once", GENERAL)
    await desk.deliver()
    assert (desk.said(OPS), desk.said(GENERAL)) == (["held"], ["at once"])
