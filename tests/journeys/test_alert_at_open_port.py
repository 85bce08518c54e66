"""C10: a new High alert where a port is open offers Close now to those whom it concerns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from approvals.events import EndCause, State
from defender.alert import Alert
from feeds.store import AlertStore
from handlers.alert_at_port import PortAlerts, alert_at_open_port
from sandbox.slack import Message
from tests.faults.stages import approve, ask, eventually, said, told
from tests.feeds.alerts import arriving
from tests.stage import Stage

LINE = "/jit web-01 22 for 2h from 203.0.113.7 because deploy fix"
TITLE = "Possible reverse <!channel> shell"


def alert(stage: Stage, **changes: Any) -> Alert:
    found = Alert(
        key="2518770965529163669_1",
        title=TITLE,
        severity="High",
        status="Active",
        machine="web-01",
        resource_id=stage.azure.machine("web-01").id.upper(),
        generated_at=datetime(2026, 11, 25, 9, 0, tzinfo=UTC),
        link="https://security.microsoft.com/alerts/1",
    )
    return structs.replace(found, **changes)


async def opened(stage: Stage) -> Message:
    card = await ask(stage, LINE)
    await approve(stage, card)
    await stage.wait_state(State.ACTIVE, within=20)
    return card


async def seen(stage: Stage, found: Alert) -> int:
    return await alert_at_open_port(stage.service.services, found)


@pytest.mark.proves("C10")
async def test_thread_approver_and_requester_are_told_once(stage: Stage) -> None:
    card = await opened(stage)
    assert await seen(stage, alert(stage)) == 1
    assert await seen(stage, alert(stage)) == 1
    await eventually(lambda: said(stage, card, "High alert: port 22 on web-01") == 1)
    await eventually(lambda: told(stage, "suzuki", "You approved it") == 1)
    await eventually(lambda: told(stage, "alice", "Open for you") == 1)
    assert said(stage, card, "High alert") == 1
    [dm] = [m for m in stage.slack.person("suzuki").dms() if "High alert" in m.all_text()]
    assert "<!channel>" not in dm.text


@pytest.mark.proves("C10", "C5")
async def test_the_approver_closes_it_from_the_dm(stage: Stage) -> None:
    await opened(stage)
    await seen(stage, alert(stage))
    suzuki = stage.slack.person("suzuki")
    dm = await suzuki.wait_dm("High alert", timeout=20)
    await suzuki.click(dm, "jit_revoke")
    form = await suzuki.wait_view(containing="Revoke")
    await suzuki.fill(form, "reason", "an alert is open")
    await suzuki.submit(form)
    ended = await stage.wait_state(State.ENDED, within=20)
    assert ended.ended is not None
    assert ended.ended.cause is EndCause.REVOKED


@pytest.mark.proves("C10", "C4")
async def test_the_requester_closes_it_from_the_dm(stage: Stage) -> None:
    await opened(stage)
    await seen(stage, alert(stage, resource_id=""))  # by its name, which one VM alone bears
    alice = stage.slack.person("alice")
    await alice.click(await alice.wait_dm("High alert", timeout=20), "jit_done")
    ended = await stage.wait_state(State.ENDED, within=20)
    assert ended.ended is not None
    assert ended.ended.cause is EndCause.DONE


@pytest.mark.proves("C10")
@pytest.mark.parametrize(
    "changes",
    [
        {"severity": "Medium"},
        {"is_sample": True},
        {"status": "Resolved"},
        {"resource_id": "/subscriptions/x/resourceGroups/y/providers/z/virtualMachines/db-09"},
        {"resource_id": "", "machine": ""},
    ],
    ids=["medium", "sample", "resolved", "another VM", "no VM"],
)
async def test_what_alarms_nobody(stage: Stage, changes: dict[str, Any]) -> None:
    await opened(stage)
    assert await seen(stage, alert(stage, **changes)) == 0


@pytest.mark.proves("C10")
async def test_what_came_while_the_port_was_opened_is_found_by_looking(stage: Stage) -> None:
    service, tag = stage.service, stage.settings.redis.tag
    store = AlertStore(service.redis, tag=tag, offset=service.clock.offset)
    before = alert(stage, key="seen-by-the-approver", title="Old news")
    await store.ingest(arriving(before))
    card = await opened(stage)
    await store.ingest(arriving(alert(stage), alert(stage, key="low", severity="Low")))
    await PortAlerts(service.services, store).look()
    await PortAlerts(service.services, store).look()  # another process, or after a restart
    assert await seen(stage, alert(stage)) == 1  # and the hook
    await eventually(lambda: said(stage, card, "High alert: port 22 on web-01") == 1)
    await eventually(lambda: told(stage, "suzuki", "High alert") == 1)
    await eventually(lambda: told(stage, "alice", "High alert") == 1)
    assert said(stage, card, "High alert") == 1
    assert said(stage, card, "Old news") == 0


@pytest.mark.proves("C10")
async def test_a_closed_port_is_no_news(stage: Stage) -> None:
    await opened(stage)
    await stage.slack.person("alice").command("C0OPS", "/jit done 1")
    await stage.wait_state(State.ENDED, within=20)
    assert await seen(stage, alert(stage)) == 0
