"""C6: at the end of each session the NSG is read; what Azure left open there is an alarm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from approvals.closing import RULE_LEFT, UNREAD
from approvals.events import EndCause, State
from approvals.request import Request
from sandbox.azure.faults import refuse
from sandbox.slack import Message
from tests.faults.stages import approve, ask, eventually, in_time, said, told
from tests.stage import Stage

LINE = "/jit web-01 22 for 1h from 203.0.113.7 because deploy fix"
RULE = "SecurityCenter-JITRule-1234567890-0123456789ABCDEF0123456789ABCDEF"


def leave_rule(stage: Stage) -> None:
    """Azure forgets the rule that it wrote: it stands in the NSG beside those that come and go."""
    state, key = stage.azure.state, str(stage.azure.machine("web-01").nsg_id).lower()
    (written,) = [
        rule
        for rule in stage.azure.nsg_rules("web-01")
        if rule.access == "Allow" and "JITRule" in rule.name
    ]
    group = state.groups[key]
    state.groups[key] = replace(group, rules=(*group.rules, replace(written, name=RULE)))


async def opened(stage: Stage, line: str = LINE) -> Message:
    card = await ask(stage, line)
    await approve(stage, card)
    await stage.wait_state(State.ACTIVE, within=20)
    return card


def alarms(stage: Stage, text: str) -> int:
    return sum(text in message.all_text() for message in stage.slack.channel("C0AUDIT").messages)


async def still_open(stage: Stage) -> Request:
    async def is_said() -> bool:
        return (await stage.request()).still_open is not None

    await in_time(is_said)
    return await stage.request()


@pytest.mark.proves("C6")
async def test_rule_gone_is_stated_with_its_time(stage: Stage) -> None:
    card = await opened(stage)
    stage.advance(minutes=61)
    request = await stage.wait_state(State.ENDED, within=20)
    assert request.ended is not None
    assert request.ended.proof == "policy+nsg"
    shown = await stage.slack.wait_update(card, containing="NSG rule gone", timeout=20)
    assert "Connections already made are not cut." in shown.all_text()
    await eventually(lambda: said(stage, card, "NSG rule gone") == 1)
    assert alarms(stage, "Still open") == 0


@pytest.mark.proves("C6")
async def test_rule_left_is_an_alarm_until_it_is_gone(stage: Stage) -> None:
    card = await opened(stage)
    leave_rule(stage)
    stage.advance(minutes=61)
    request = await still_open(stage)
    assert request.state is State.CLOSING
    assert request.still_open is not None
    assert request.still_open.code == RULE_LEFT
    assert request.still_open.message.endswith(f"/securityRules/{RULE}")

    shown = await stage.slack.wait_update(card, containing="still in the NSG", timeout=20)
    button = next(e for b in shown.blocks for e in b.get("elements", ()) if e.get("url"))
    nsg = stage.azure.machine("web-01").nsg_id
    assert button["url"] == f"https://portal.azure.com/#resource{nsg}/overview"
    await eventually(lambda: alarms(stage, "Still open: port 22 on web-01") == 1)
    await eventually(lambda: said(stage, card, "Not closed at its end") == 1)
    await eventually(lambda: told(stage, "alice", "Still open") == 1)

    # somebody deletes it by hand; Sekisho kept looking
    stage.azure.delete_rule("web-01", RULE)
    stage.advance(minutes=2)
    ended = await stage.wait_state(State.ENDED, within=40)
    assert ended.ended is not None
    assert (ended.ended.cause, ended.ended.proof) == (EndCause.EXPIRED, "policy+nsg")
    await eventually(lambda: alarms(stage, "is closed") == 1)
    assert alarms(stage, "Still open") == 1


@pytest.mark.proves("C6", "C4")
async def test_rule_left_is_deleted_by_a_click_where_sekisho_may(stage: Stage) -> None:
    card = await opened(stage)
    leave_rule(stage)
    stage.advance(minutes=61)
    await still_open(stage)
    shown = await stage.slack.wait_update(card, containing="still in the NSG", timeout=20)
    await stage.service.groups.read()
    await stage.slack.person("suzuki").click(shown, "jit_close_retry")
    await stage.wait_state(State.ENDED, within=20)
    assert RULE not in {rule.name for rule in stage.azure.nsg_rules("web-01")}


@pytest.mark.proves("C6")
async def test_what_could_not_be_closed_early_is_an_alarm_when_its_end_is_over(
    stage: Stage,
) -> None:
    stage.azure.rights.nsg_delete = False
    await opened(stage, "/jit jump-01 3389 for 1h from 203.0.113.7 because patching")
    await stage.slack.person("alice").command("C0OPS", "/jit done 1")
    early = await still_open(stage)
    assert early.still_open is not None
    assert early.still_open.code == "no_right"
    assert alarms(stage, "Still open") == 0
    blind = refuse(403, "AuthorizationFailed", "no", method="GET", times=None, name="blind")
    blind.path_contains = "jitNetworkAccessPolicies"
    stage.azure.faults.add(blind)
    stage.advance(minutes=61)

    async def is_alarm() -> bool:
        still = (await stage.request()).still_open
        return still is not None and still.code == UNREAD

    await in_time(is_alarm, within=40)
    await eventually(lambda: alarms(stage, "Not proved closed: port 3389 on jump-01") == 1)
    stage.azure.faults.remove("blind")
    stage.advance(minutes=2)
    await stage.wait_state(State.ENDED, within=40)


@pytest.mark.proves("C7")
async def test_rule_that_a_redeployment_took_away_ends_the_session(stage: Stage) -> None:
    """The policy still lists it as open; the NSG, looked at twice, shows that it is not."""
    card = await opened(stage)
    (rule,) = [
        r.name
        for r in stage.azure.nsg_rules("web-01")
        if r.access == "Allow" and "JITRule" in r.name
    ]
    stage.azure.delete_rule("web-01", rule)
    await stage.service._leader.watch_sessions()
    assert (await stage.request()).state is State.ACTIVE
    await stage.service._leader.watch_sessions()
    ended = await stage.wait_state(State.ENDED)
    assert ended.ended is not None
    assert (ended.ended.cause, ended.ended.proof) == (EndCause.VANISHED, "nsg")
    await stage.slack.wait_update(card, containing="Its rule is gone from the NSG", timeout=20)
    channel = stage.slack.channel("C0OPS")
    await eventually(lambda: sum("Gone early" in m.all_text() for m in channel.messages) == 1)
    await eventually(lambda: told(stage, "alice", "before its time") == 1)
