"""The main job: ask, approve, port open, done, port closed, ledger verified."""

from __future__ import annotations

import pytest

from approvals.audit.verify import verify
from approvals.events import EndCause, State
from tests.stage import Stage

LINE = "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix"


@pytest.mark.proves("A1", "B1", "C1", "C4", "J1", "J2")
async def test_one_line_opens_and_closes_the_port(stage: Stage) -> None:
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    await alice.command("C0OPS", LINE)
    await alice.wait_ephemeral("Request 1 is sent")
    card = await stage.slack.wait_message("C0OPS", containing="port 22 on web-01")
    assert not stage.azure.open_ports()

    await suzuki.click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    opened = stage.azure.open_ports()
    assert [(port.vm, port.port, port.source) for port in opened] == [("web-01", 22, "203.0.113.7")]
    assert len(stage.azure.initiates) == 1
    dm = await alice.wait_dm("ssh ")
    await stage.slack.wait_update(card, containing="is open")

    await alice.click(dm, "jit_done")
    ended = await stage.wait_state(State.ENDED)
    assert ended.ended is not None
    assert ended.ended.cause is EndCause.DONE
    assert not [port for port in stage.azure.open_ports() if port.source == "203.0.113.7"]
    await stage.slack.wait_update(card, containing="is closed")
    report = await verify(stage.ledger.store, stage.ledger.keys)
    assert report.is_good
    assert report.head >= 5
