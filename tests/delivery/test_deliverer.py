"""Cards and lines on their way to Slack, with Slack in good and bad moods."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from delivery.deliverer import Rendered
from delivery.outbox import ObjectId
from delivery.posting import Post
from tests.delivery.desk import ALICE, ARCHIVE, AUDIT, GENERAL, OPS, Desk, section


async def test_lines_are_said_in_order_and_once(desk: Desk) -> None:
    for number in range(5):
        await desk.say(f"k{number}", f"line {number}")
        await desk.say(f"k{number}", f"line {number} again")
    await desk.deliver()
    assert desk.said() == [f"line {number}" for number in range(5)]


async def test_a_card_is_posted_once_and_then_changed(desk: Desk) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a")
    await desk.deliver()
    desk.card("r1", 2)
    await desk.show("r1", "b")
    await desk.deliver()
    assert desk.said() == ["r1 v2"]
    assert len(desk.slack.calls_of("chat.postMessage")) == 1


async def test_newest_wins_and_older_changes_cost_no_call(desk: Desk) -> None:
    desk.card("r1", 7)
    for number in range(6):
        await desk.show("r1", f"k{number}")
    await desk.deliver()
    assert desk.said() == ["r1 v7"]
    assert not desk.slack.calls_of("chat.update")


async def test_a_card_that_is_no_longer_known_is_left_alone(desk: Desk) -> None:
    await desk.show("nobody", "a")
    await desk.say("k", "next")
    await desk.deliver()
    assert desk.said() == ["next"]


@pytest.mark.proves("K6")
async def test_a_line_about_an_object_lies_in_its_thread(desk: Desk) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a")
    await desk.say("b", "approved", thread_of=ObjectId("r1"))
    await desk.deliver()
    card, line = desk.messages()
    assert (line.text, line.thread_ts) == ("approved", card.ts)
    assert await desk.outbox.object_at(OPS, card.ts) == "r1"


async def test_a_person_is_told_in_the_direct_message(desk: Desk) -> None:
    await desk.say("k", "open until 20:14", ALICE)
    await desk.deliver()
    assert [m.text for m in desk.slack.person("alice").dms()] == ["open until 20:14"]


@pytest.mark.proves("C098")
@pytest.mark.parametrize("error", ["message_not_found", "cant_update_message"])
async def test_a_card_that_is_gone_is_posted_anew_once(desk: Desk, error: str) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a")
    await desk.deliver()
    first = desk.messages()[0]
    desk.slack.faults.error("chat.update", error)
    for version in (2, 3):
        desk.card("r1", version)
        await desk.show("r1", f"v{version}")
        await desk.deliver()
    again = desk.messages()[-1]
    assert "The earlier message is gone." not in first.all_text()
    assert [call.response["ok"] for call in desk.slack.calls_of("chat.update")] == [False, True]
    assert len(desk.messages()) == 2
    assert again.text == "r1 v3"
    address = await desk.outbox.address(ObjectId("r1"))
    assert address is not None
    assert address.ts == again.ts


@pytest.mark.proves("C098")
async def test_the_new_card_says_that_the_earlier_one_is_gone(desk: Desk) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a")
    await desk.deliver()
    desk.slack.core.messages.delete(desk.messages()[0])
    desk.card("r1", 2)
    await desk.show("r1", "b")
    await desk.deliver()
    (card,) = desk.messages()
    assert card.all_text().startswith("The earlier message is gone.")


@pytest.mark.proves("C098", "FAULT-8")
async def test_a_lost_answer_to_the_new_card_does_not_make_a_third(desk: Desk) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a")
    await desk.deliver()
    desk.slack.core.messages.delete(desk.messages()[0])
    desk.slack.faults.drop_after_accept("chat.postMessage")
    desk.card("r1", 2)
    await desk.show("r1", "b")
    await desk.deliver()
    assert desk.said() == ["r1 v2"]


@pytest.mark.proves("C019")
async def test_blocks_over_the_undocumented_total_are_split(desk: Desk) -> None:
    blocks = [section(f"{n} " + "x" * 2_890) for n in range(10)]
    buttons = {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "jit_approve",
                "value": "1.1",
                "text": {"type": "plain_text", "text": "Approve"},
            }
        ],
    }
    await desk.say("k", "a digest", blocks=[*blocks, buttons])
    await desk.deliver()
    first, *others = desk.messages()
    assert [action for _, action, _ in first.buttons()] == ["jit_approve"]
    assert all(other.thread_ts == first.ts for other in others)
    shown = "".join(message.all_text() for message in desk.messages())
    assert all(f"{n} xx" in shown for n in range(10))
    assert desk.deliverer.health.problems == {}


@pytest.mark.proves("C019")
async def test_a_lost_answer_in_the_middle_of_a_split_loses_and_doubles_nothing(desk: Desk) -> None:
    blocks = [section(f"{n} " + "x" * 2_890) for n in range(10)]
    # the first post is refused for its size, its first part is taken without an answer
    desk.slack.faults.error("chat.postMessage", "msg_blocks_too_long")
    desk.slack.faults.drop_after_accept("chat.postMessage")
    await desk.say("k", "a digest", blocks=blocks)
    await desk.deliver()
    shown = "".join(message.all_text() for message in desk.messages())
    assert [shown.count(f"{n} xx") for n in range(10)] == [1] * 10


@pytest.mark.proves("C020")
async def test_blocks_that_slack_refuses_leave_their_text(desk: Desk) -> None:
    await desk.say("k", "the bare text", blocks=[section("")])
    await desk.say("k2", "the next one")
    await desk.deliver()
    assert desk.said() == ["the bare text", "the next one"]


@pytest.mark.proves("C073")
@pytest.mark.parametrize("length", [4_001, 8_100])
@pytest.mark.parametrize("with_blocks", [True, False])
async def test_long_text_never_becomes_two_messages(
    desk: Desk, length: int, with_blocks: bool
) -> None:
    blocks = [section("short")] if with_blocks else []
    desk.cards["r1"] = Rendered(OPS, 1, "t" * length, blocks)
    await desk.show("r1", "a")
    await desk.deliver()
    (card,) = desk.messages()
    address = await desk.outbox.address(ObjectId("r1"))
    assert address is not None
    assert address.ts == card.ts
    assert len(card.text) <= (1_000 if with_blocks else 4_000)


def test_a_cut_text_keeps_no_half_of_an_entity_or_a_mention() -> None:
    for tail in ("&amp;", "<@U0ALICE>", "<https://example.com|label>"):
        for shift in range(len(tail)):
            cut = Post("k", "x" * (998 - shift) + tail * 3, [section("b")]).fallback
            rest = cut.removesuffix("…").replace("&amp;", "").lstrip("x")
            assert "&" not in rest
            assert rest.count("<") == rest.count(">")
            assert len(cut) <= 1_000


async def test_a_thread_that_is_no_thread_is_answered_in_the_channel(desk: Desk) -> None:
    desk.slack.faults.error("chat.postMessage", "cannot_reply_to_message")
    await desk.say("k", "the outcome", thread_ts="1700000000.000001")
    await desk.deliver()
    (message,) = desk.messages()
    assert (message.text, message.is_reply) == ("the outcome", False)


async def test_what_slack_never_takes_is_set_aside_and_blocks_nothing(
    desk: Desk, redis: Redis
) -> None:
    desk.slack.faults.error("chat.postMessage", "invalid_arguments")
    await desk.say("k", "a strange thing")
    await desk.say("k2", "the next one")
    await desk.deliver()
    assert desk.said() == ["the next one"]
    assert await desk.outbox.set_aside_count() == 1
    kept = str(await redis.xrange("{test}:outbox-refused"))
    assert "a strange thing" in kept
    assert "C0OPS: invalid_arguments" in kept
    assert desk.deliverer.health.set_aside == 1


async def test_a_person_who_left_is_not_answered_in_the_audit_channel(desk: Desk) -> None:
    await desk.slack.deactivate("alice")
    await desk.say("k", "port 22 is open: ssh 203.0.113.7", ALICE)
    await desk.deliver()
    assert desk.said(AUDIT) == []
    assert await desk.outbox.set_aside_count() == 1
    assert desk.deliverer.health.problems == {}


async def test_a_card_that_cannot_be_drawn_does_not_silence_its_channel(desk: Desk) -> None:
    desk.draw_error = ValueError("our mistake")
    await desk.show("r1", "a")
    await desk.say("k", "the next one")
    await desk.deliver()
    assert desk.said() == ["the next one"]
    assert desk.draws == 5
    assert await desk.outbox.set_aside_count() == 1


async def test_a_passing_failure_to_draw_is_tried_again(desk: Desk) -> None:
    desk.card("r1", 1)
    desk.draw_error = ValueError("not now")
    await desk.show("r1", "a")
    await desk.deliver_until(lambda: desk.draws >= 2)
    desk.draw_error = None
    await desk.deliver()
    assert desk.said() == ["r1 v1"]


async def test_a_channel_that_works_again_loses_its_problem(desk: Desk) -> None:
    fault = desk.slack.faults.error("chat.postMessage", "not_in_channel", times=None, channel=OPS)
    await desk.say("k", "one")
    await desk.deliver()
    assert desk.deliverer.health.problems == {OPS: "not_in_channel"}
    desk.slack.faults.remove(fault)
    await desk.say("k2", "two")
    await desk.deliver()
    assert desk.deliverer.health.problems == {}
    assert (desk.said(AUDIT), desk.said(OPS)) == (["one"], ["two"])


async def test_a_card_of_a_dead_channel_and_its_thread_move_together(desk: Desk) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a", ARCHIVE)
    await desk.say("b", "approved", ARCHIVE, thread_of=ObjectId("r1"))
    await desk.deliver()
    desk.card("r1", 2)
    await desk.show("r1", "c", ARCHIVE)
    await desk.say("d", "opened", ARCHIVE, thread_of=ObjectId("r1"))
    await desk.deliver()
    assert desk.said(AUDIT) == ["r1 v2", "approved", "opened"]
    card = desk.messages(AUDIT)[0]
    assert desk.messages(AUDIT)[2].thread_ts == card.ts


async def test_a_channel_that_is_archived_later_gets_its_card_in_the_fallback(desk: Desk) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a")
    await desk.deliver()
    desk.slack.core.workspace.channels[OPS].is_archived = True
    desk.card("r1", 2)
    await desk.show("r1", "b")
    await desk.deliver()
    assert desk.said(AUDIT) == ["r1 v2"]
    assert desk.deliverer.health.problems[OPS] == "is_archived"
    assert desk.said(GENERAL) == []
