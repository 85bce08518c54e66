"""FAULT 4: rightly signed bytes are sent again inside five minutes. Accepted, and nothing more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path

import pytest

from approvals.events import RequestId, State
from sandbox.slack import Delivery, SandboxSlack
from tests.faults.stages import ask
from tests.stage import Stage, set_stage

REPLAYS = 5
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def http_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage whose Slack delivers by signed HTTP."""
    stage = await set_stage(tmp_path)
    stage.settings = changed(stage.settings, slack=changed(stage.settings.slack, mode="http"))
    await stage.start_bot()
    stage.slack.http_target = f"http://127.0.0.1:{stage.service.http_port}"
    yield stage
    await stage.stop()


@dataclass(frozen=True, slots=True)
class Recorded:
    """The bytes of one delivery with their signature, as an eavesdropper has them."""

    body: bytes
    headers: dict[str, str]

    async def replay(self, slack: SandboxSlack) -> int:
        answer = await slack.http_send(self.body, self.headers)
        return answer.status


def record(slack: SandboxSlack, delivery: Delivery) -> Recorded:
    body, content_type = slack.http.encode(delivery.kind, delivery.payload)
    return Recorded(body, {"Content-Type": content_type} | slack.sign(body))


async def head(stage: Stage) -> int:
    """How long the audit log is."""
    return (await stage.ledger.refresh()).sequence


@pytest.mark.proves("FAULT-4", "O1")
async def test_a_replayed_command_files_one_request(http_stage: Stage) -> None:
    await ask(http_stage)
    (command,) = [d for d in http_stage.slack.deliveries if d.kind == "slash_commands"]
    recorded = record(http_stage.slack, command)
    before = await head(http_stage)
    statuses = [await recorded.replay(http_stage.slack) for _ in range(REPLAYS)]
    await http_stage.slack.person("alice").command("C0OPS", "/jit mine")
    assert statuses == [200] * REPLAYS
    assert await head(http_stage) == before
    assert await http_stage.ledger.read(RequestId("2")) is None


@pytest.mark.proves("FAULT-4", "O1")
async def test_a_replayed_approval_opens_one_port(http_stage: Stage) -> None:
    card = await ask(http_stage)
    click = await http_stage.slack.person("suzuki").click(card, "jit_approve")
    recorded = record(http_stage.slack, click)
    replayed = [await recorded.replay(http_stage.slack) for _ in range(REPLAYS)]
    await http_stage.wait_state(State.ACTIVE)
    before = await head(http_stage)
    replayed += [await recorded.replay(http_stage.slack) for _ in range(REPLAYS)]
    assert replayed == [200] * (2 * REPLAYS)
    assert await head(http_stage) == before
    assert len(http_stage.azure.initiates) == 1
    assert len((await http_stage.request()).approvals) == 1


@pytest.mark.proves("FAULT-4", "O1")
async def test_an_approval_replayed_against_another_request_is_a_forgery(
    http_stage: Stage,
) -> None:
    """The number is under the signature."""
    card = await ask(http_stage)
    click = await http_stage.slack.person("suzuki").click(card, "jit_approve")
    recorded = record(http_stage.slack, click)
    turned = Recorded(recorded.body.replace(b"1.1", b"2.1"), recorded.headers)
    assert turned.body != recorded.body
    assert await turned.replay(http_stage.slack) == 401


@pytest.mark.proves("FAULT-4", "FAULT-5")
async def test_after_five_minutes_it_is_not_even_read(http_stage: Stage) -> None:
    card = await ask(http_stage)
    click = await http_stage.slack.person("suzuki").click(card, "jit_approve")
    recorded = record(http_stage.slack, click)
    await http_stage.wait_state(State.ACTIVE)
    http_stage.advance(minutes=6)
    assert await recorded.replay(http_stage.slack) == 401
    door = http_stage.service.vitals.http
    assert door is not None
    assert door.refused == {"stale_timestamp": 1}
