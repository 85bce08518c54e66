"""A file is shared once, in its thread, whatever becomes of the answers."""

from __future__ import annotations

from typing import Any

import pytest

from delivery.outbox import ChannelId, File, ObjectId
from delivery.uploads import FileContent
from tests.delivery.desk import ARCHIVE, AUDIT, OPS, Desk

STORM = ObjectId("storm:S-1")
CONTENT = FileContent("storm-S-1.csv", b"key,severity\nabc,High\n", "Every alert of this storm")


@pytest.fixture
async def storm(desk: Desk) -> Desk:
    """A desk whose storm has its card and waits for its file."""
    desk.slack.scopes.add("files:write")
    desk.files[STORM] = CONTENT
    desk.card(STORM, 1)
    await desk.show(STORM, "a")
    await desk.deliver()
    await desk.outbox.put(OPS, File("storm:S-1:file", STORM, thread_of=STORM))
    return desk


def shared(desk: Desk, channel: str = OPS) -> list[dict[str, Any]]:
    return [file for message in desk.messages(channel) for file in message.files]


@pytest.mark.proves("D13")
async def test_a_file_is_shared_in_its_thread_with_a_receipt(storm: Desk) -> None:
    await storm.deliver()
    assert [file["name"] for file in shared(storm)] == [CONTENT.name]
    card, message = storm.messages()
    assert (message.thread_ts, message.text) == (card.ts, CONTENT.comment)
    (file,) = storm.slack.core.files.values()
    assert file["content"] == CONTENT.body
    assert await storm.outbox.receipts(["storm:S-1:file", "another"]) == {"storm:S-1:file"}


@pytest.mark.proves("D13", "FAULT-18")
async def test_a_lost_answer_is_looked_up_by_the_files_name(storm: Desk) -> None:
    storm.slack.faults.drop_after_accept("files.completeUploadExternal")
    await storm.deliver()
    assert len(shared(storm)) == 1
    assert len(storm.slack.calls_of("files.completeUploadExternal")) == 1
    assert storm.deliverer.health.reconciled == 1


@pytest.mark.proves("FAULT-18")
@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
async def test_what_was_not_taken_is_tried_again(storm: Desk, method: str) -> None:
    storm.slack.faults.drop_before(method)
    storm.slack.faults.http(method, 503)
    await storm.deliver()
    assert len(shared(storm)) == 1


@pytest.mark.proves("FAULT-19")
async def test_without_the_right_to_share_files_everything_else_is_said(storm: Desk) -> None:
    storm.slack.scopes.discard("files:write")
    await storm.say("k", "a line")
    await storm.deliver()
    assert storm.said()[-1] == "a line"
    assert storm.deliverer.health.problems["files"] == "missing_scope"
    assert await storm.outbox.set_aside_count() == 1


@pytest.mark.proves("FAULT-19")
async def test_a_file_for_an_archived_channel_goes_to_the_fallback(storm: Desk) -> None:
    await storm.outbox.put(ChannelId(ARCHIVE), File("other", STORM))
    await storm.deliver()
    assert len(shared(storm, AUDIT)) == 1


async def test_an_object_without_a_file_is_nothing(desk: Desk) -> None:
    await desk.outbox.put(OPS, File("k", ObjectId("nothing")))
    await desk.deliver()
    assert desk.messages() == []
    assert await desk.outbox.receipts(["k"]) == set()


async def test_lines_leave_receipts_and_cards_do_not(desk: Desk) -> None:
    desk.card("r1", 1)
    await desk.show("r1", "a")
    await desk.say("k", "a line")
    await desk.deliver()
    assert await desk.outbox.receipts(["a", "k"]) == {"k"}
