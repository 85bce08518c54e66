"""Asking whose change it was, deciding about it, announcing it, and `/fim`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from approvals.deeds import Deed, DeedKind
from approvals.events import PersonId, State
from defender.file_changes import LastRow
from delivery.outbox import Card, Line
from handlers.change_clicks import Turn
from handlers.change_deeds import ChangeDeeds
from handlers.forms import Closed, Errors
from handlers.views.blocks import Message
from tests.cases.people import asked
from tests.handlers.file_integrity_desk import Desk
from tests.schema import assert_valid_message, assert_valid_view
from tests.stage import Stage, set_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = await set_stage(tmp_path)
    try:
        await stage.start_bot()
        yield stage
    finally:
        await stage.stop()


@pytest.fixture
async def desk(stage: Stage) -> Desk:
    for who in ("alice", "suzuki", "sato", "ito"):
        await stage.service.services.directory.profile(f"U0{who.upper()}")
    return Desk(stage)


async def with_session(desk: Desk) -> None:
    """Alice's port 22 on web-01 is open, by Suzuki's yes."""
    card = await asked(desk.stage)
    await desk.stage.slack.person("suzuki").click(card, "jit_approve")
    await desk.stage.wait_state(State.ACTIVE)


def said(outcome: Any) -> str:
    """All words of an answer, a card or a form."""
    if isinstance(outcome, Message):
        assert_valid_message(outcome.blocks, outcome.text)
        return outcome.text + json.dumps(outcome.blocks, ensure_ascii=False)
    if isinstance(outcome, dict):
        assert_valid_view(outcome)
        return json.dumps(outcome, ensure_ascii=False)
    if isinstance(outcome, Closed):
        return said(outcome.answer)
    assert_valid_message(outcome.blocks, outcome.text)
    return str(outcome.text + json.dumps(outcome.blocks, ensure_ascii=False))


@pytest.mark.proves("E5")
async def test_the_person_whose_session_was_open_is_asked(desk: Desk) -> None:
    await with_session(desk)
    burst = await desk.changed("/etc/sudoers.d/90-deploy", "/usr/bin/x")
    shown = said(await desk.card(f"changes:{burst}"))
    assert "<@U0ALICE>, was this you?" in shown
    assert "Dangerous: 1 file change on web-01" in shown
    assert "approved by @suzuki" in shown
    assert "deploy fix" in shown


@pytest.mark.proves("E5")
async def test_without_a_session_it_is_unexplained_and_somebody_takes_it(desk: Desk) -> None:
    burst = await desk.changed("/etc/hosts")
    shown = said(await desk.card(f"changes:{burst}"))
    assert "Unexplained: 1 file change on web-01" in shown
    assert "JIT session at that moment: none" in shown
    assert "are yours" in said(await desk.click("sato", "fim_take", f"{burst}.0"))
    assert "Taken by @sato" in said(await desk.card(f"changes:{burst}"))
    assert "sato took it" in said(await desk.click("suzuki", "fim_take", f"{burst}.0"))


@pytest.mark.proves("E5", "E6")
async def test_yes_needs_a_reason_and_settles_it(desk: Desk) -> None:
    await with_session(desk)
    burst = await desk.changed("/etc/sudoers")
    assert "fim_yes" in said(await desk.click("alice", "fim_mine", f"{burst}.0"))
    wrong = await desk.submit("alice", "fim_yes", f"{burst}.0", {"reason": " … "})
    assert isinstance(wrong, Errors)
    done = await desk.submit("alice", "fim_yes", f"{burst}.0", {"reason": "as announced"})
    assert "were you" in said(done)
    entry = await desk.newest_entry()
    assert isinstance(entry.event, Deed)
    assert (entry.event.kind, entry.event.reason) == (DeedKind.YES, "as announced")
    shown = said(await desk.card(f"changes:{burst}"))
    assert "Expected: 1 file change on web-01" in shown
    assert "as announced" in shown


@pytest.mark.proves("E5")
async def test_not_me_is_raised_in_the_security_channel(desk: Desk) -> None:
    await with_session(desk)
    burst = await desk.changed("/etc/sudoers")
    assert "<#C0SECURITY>" in said(await desk.click("alice", "fim_not_mine", f"{burst}.0"))
    told = await desk.told()
    cards = [(channel, item.object_id) for channel, item in told if isinstance(item, Card)]
    assert ("C0SECURITY", f"raised:{burst}") in cards
    assert len(cards) == 2
    raised = await desk.card(f"raised:{burst}")
    assert raised.channel == "C0SECURITY"
    shown = said(raised)
    assert "High: unclaimed file changes on web-01" in shown
    assert "Close port 22" in shown
    assert all("<@" not in item.text for _, item in told if isinstance(item, Line))


@pytest.mark.proves("E5", "E6")
async def test_who_took_it_resolves_it_with_a_reason(desk: Desk) -> None:
    await with_session(desk)
    burst = await desk.changed("/etc/sudoers")
    await desk.click("alice", "fim_not_mine", f"{burst}.0")
    await desk.click("sato", "fim_take", f"{burst}.1")
    assert "fim_resolve" in said(await desk.card(f"raised:{burst}"))
    assert "fim_resolved" in said(await desk.click("sato", "fim_resolve", f"{burst}.2"))
    values = {"reason": "a stolen key; revoked"}
    assert "Resolved" in said(await desk.submit("sato", "fim_resolved", f"{burst}.2", values))
    lines = [item.text for _, item in await desk.told() if isinstance(item, Line)]
    assert any("a stolen key" in text for text in lines)
    for card in ("changes", "raised"):
        shown = said(await desk.card(f"{card}:{burst}"))
        assert "Resolved: 1 file change on web-01" in shown
        assert "Resolved by @sato" in shown


@pytest.mark.proves("E5", "E6")
@pytest.mark.parametrize("who", ["alice", "ito"])
@pytest.mark.parametrize("callback", ["fim_yes", "fim_expected", "fim_resolved", "fim_mute"])
async def test_who_disowned_changes_does_not_settle_them(
    desk: Desk, who: str, callback: str
) -> None:
    """Nor by the id that `people:` gives to the same person, nor by a form opened before."""
    ids = frozenset({PersonId("U0ALICE"), PersonId("U0ITO")})
    policy = replace(desk.services.policy(), people=(ids,))
    desk.services.policy = lambda: policy
    await with_session(desk)
    burst = await desk.changed("/etc/sudoers", "/var/cache/x")
    await desk.click("alice", "fim_not_mine", f"{burst}.0")
    await desk.click(who, "fim_take", f"{burst}.1")
    before = (await desk.newest_entry()).sequence
    for action in ("fim_expected", "fim_resolve"):
        refused = said(await desk.click(who, action, f"{burst}.2"))
        assert "another analyst has to settle them" in refused
    values = {"reason": "it was nothing", "pattern": "/var/cache/*", "length": "7d"}
    refused = said(await desk.submit(who, callback, f"{burst}.0", values))
    assert "another analyst has to settle them" in refused
    assert (await desk.newest_entry()).sequence == before
    done = await desk.submit("sato", "fim_resolved", f"{burst}.2", {"reason": "looked at"})
    assert "Resolved" in said(done)


@pytest.mark.proves("E5")
async def test_who_disowned_changes_is_remembered_when_the_session_is_not(desk: Desk) -> None:
    await with_session(desk)
    burst = await desk.changed("/etc/sudoers")
    await desk.click("alice", "fim_not_mine", f"{burst}.0")
    view = await desk.show.view(burst)
    assert view is not None
    deeds = ChangeDeeds(desk.services, desk.show)
    forgotten = replace(view, sessions=())
    assert deeds.is_disowned_by(forgotten, PersonId("U0ALICE"))
    assert not deeds.is_disowned_by(forgotten, PersonId("U0SATO"))


@pytest.mark.proves("E5")
async def test_closing_from_the_raised_card(desk: Desk) -> None:
    await with_session(desk)
    burst = await desk.changed("/etc/sudoers")
    await desk.click("alice", "fim_not_mine", f"{burst}.0")
    await desk.click("sato", "fim_close", f"1:{burst}")
    request = await desk.stage.wait_state(State.ENDED, within=20)
    assert request.closing is not None
    assert burst in request.closing.reason


@pytest.mark.proves("E5")
async def test_the_question_is_for_one_person(desk: Desk) -> None:
    await with_session(desk)
    burst = await desk.changed("/etc/sudoers")
    before = (await desk.newest_entry()).sequence
    for action in ("fim_mine", "fim_not_mine"):
        assert "This question is for @alice" in said(await desk.click("sato", action, f"{burst}.0"))
    assert (await desk.newest_entry()).sequence == before


@pytest.mark.proves("E5", "C012")
async def test_a_repeated_click_does_it_once(desk: Desk) -> None:
    await with_session(desk)
    burst = await desk.changed("/etc/sudoers")
    for _ in range(2):
        done = await desk.click("alice", "fim_not_mine", f"{burst}.0", op="one-click")
        assert "were not you" in said(done)
    version, _ = await desk.show.case(burst)
    assert version == 1
    assert 'answered \\"Not me\\"' in said(await desk.click("alice", "fim_not_mine", f"{burst}.1"))


@pytest.mark.proves("E6")
async def test_marking_as_expected_needs_a_say(desk: Desk) -> None:
    burst = await desk.changed("/etc/hosts", machine="db-01")
    refused = said(await desk.click("bob", "fim_expected", f"{burst}.0"))
    assert "Only who may ask for or approve access to db-01" in refused
    assert "fim_expected" in said(await desk.click("sato", "fim_more", f"expected:{burst}.0"))
    await desk.submit("sato", "fim_expected", f"{burst}.0", {"reason": "monthly patching"})
    assert "Marked as expected by @sato" in said(await desk.card(f"changes:{burst}"))
    assert "open again" in said(await desk.click("alice", "fim_reopen", f"{burst}.1"))
    assert "Unexplained" in said(await desk.card(f"changes:{burst}"))


@pytest.mark.proves("E5")
async def test_suspicious_opens_a_thread(desk: Desk) -> None:
    burst = await desk.changed("/etc/hosts")
    await desk.click("sato", "fim_more", f"suspicious:{burst}.0")
    lines = [item for _, item in await desk.told() if isinstance(item, Line)]
    assert any("Investigation of" in line.text for line in lines)
    assert all(line.thread_of == f"changes:{burst}" for line in lines)
    assert "Suspicious: 1 file change" in said(await desk.card(f"changes:{burst}"))


@pytest.mark.proves("E6")
@pytest.mark.parametrize(
    ("pattern", "reason", "wrong"),
    [
        ("", "noise", "pattern"),
        ("*", "noise", "pattern"),
        ("/etc/*", "noise", "pattern"),
        ("*/authorized_keys", "noise", "pattern"),
        ("/var/cache/*", "", "reason"),
    ],
)
async def test_a_mute_is_narrow_and_says_why(
    desk: Desk, pattern: str, reason: str, wrong: str
) -> None:
    burst = await desk.changed("/var/cache/x")
    values = {"pattern": pattern, "reason": reason, "length": "7d"}
    outcome = await desk.submit("sato", "fim_mute", f"{burst}.0", values)
    assert isinstance(outcome, Errors)
    assert wrong in outcome.by_block


@pytest.mark.proves("E6")
async def test_a_muted_path_is_not_told_again(desk: Desk) -> None:
    burst = await desk.changed("/var/cache/x")
    assert "fim_mute" in said(await desk.click("sato", "fim_more", f"mute:{burst}.0"))
    values = {"pattern": "/var/cache/*", "reason": "package cache", "length": "7d"}
    assert "not told until" in said(await desk.submit("sato", "fim_mute", f"{burst}.0", values))
    [(_, line)] = await desk.told()
    assert isinstance(line, Line)
    assert "/var/cache/" in line.text
    await desk.changed("/var/cache/y")
    stored = await desk.store.burst(burst)
    assert stored is not None
    assert stored.count == 1
    assert "/var/cache/*" in said(await desk.type("sato", "windows"))


@pytest.mark.proves("E3")
async def test_details_are_paged(desk: Desk) -> None:
    burst = await desk.changed(*[f"/srv/{n}" for n in range(6)], "/etc/sudoers")
    first = said(await desk.click("alice", "fim_details", f"{burst}.0"))
    assert "1 to 4 of 7" in first
    assert "/etc/sudoers" in first
    second = await desk.click("alice", "fim_page", f"{burst}.4")
    assert isinstance(second, Turn)
    assert "5 to 7 of 7" in said(second.view)
    copied = await desk.click("alice", "fim_text", f"{burst}.0")
    assert isinstance(copied, Turn)
    assert "/srv/5" in said(copied.view)
    assert "no file changes" in said(await desk.click("alice", "fim_details", "F-99.0"))


# --- change windows ---------------------------------------------------------------------------


@pytest.mark.proves("E6")
async def test_an_announced_change_is_expected(desk: Desk) -> None:
    answer = await desk.type("alice", "window web-* 2h because patching", op="one")
    assert "are expected until" in said(answer)
    entry = await desk.newest_entry()
    assert isinstance(entry.event, Deed)
    assert (entry.event.kind, entry.event.pattern) == (DeedKind.WINDOW_OPENED, "web-*")
    [(channel, line)] = await desk.told()
    assert channel == "C0DEFAULT"
    assert isinstance(line, Line)
    assert "patching" in line.text
    await desk.type("alice", "window web-* 2h because patching", op="one")
    assert "1 change window is open" in said(await desk.type("sato", "windows"))
    now = await desk.store.now()
    burst = await desk.changed("/etc/sudoers", "/usr/bin/x", changed_at=now)
    assert burst == entry.event.name
    shown = said(await desk.card(f"changes:{burst}"))
    assert "Expected: 2 file changes on 1 machine" in shown
    assert "@alice" in shown
    assert "has ended" in said(await desk.type("alice", f"window end {burst}"))
    assert "already" in said(await desk.type("alice", f"window end {burst}"))
    assert await desk.changed("/etc/hosts", changed_at=await desk.store.now()) != burst


@pytest.mark.proves("E6")
@pytest.mark.parametrize(
    ("who", "line", "wanted"),
    [
        ("bob", "window db-* 2h because patching", "Only askers and approvers"),
        ("alice", "window nowhere-* 2h because patching", "No machine here is called"),
        ("alice", "window web-* 2d because patching", "5 minutes to 24 hours"),
        ("alice", "window web-* soon because patching", "5 minutes to 24 hours"),
        ("alice", "window web-* 2h", "Say why"),
        ("alice", "window web-*", "for which machines, how long and why"),
        ("alice", "window end W-9", "no change window W-9"),
    ],
)
async def test_windows_that_are_refused(desk: Desk, who: str, line: str, wanted: str) -> None:
    before = (await desk.services.ledger.refresh()).sequence
    assert wanted in said(await desk.type(who, line))
    assert (await desk.services.ledger.refresh()).sequence == before


# --- /fim -------------------------------------------------------------------------------------


@pytest.mark.proves("E2", "E7")
async def test_fim_lists_machines_and_who_is_silent(desk: Desk) -> None:
    await with_session(desk)
    await desk.changed("/etc/sudoers", "/etc/hosts")
    await desk.changed("/etc/hosts", machine="db-01")
    now = await desk.store.now()
    desk.gateway.last = (
        LastRow("app-07", "", now - timedelta(hours=36)),
        LastRow("web-01", "", now),
    )
    await desk.feed.poll()
    shown = said(await desk.type("alice", ""))
    assert "File changes on 2 of 3 machines" in shown
    assert "During @alice's session" in shown
    assert "Unexplained: no port was open" in shown
    assert "1 machine sends no data: `app-07`" in shown
    [silent] = await desk.feed.silence.all()
    found = await desk.fim.click(desk.caller("alice"), "fim_silent", silent.id, desk.en)
    assert "app-07" in said(found)
    assert "Nothing more is said" in said(await desk.click("alice", "fim_quiet", silent.id))
    assert "Quiet until" in said(await desk.card(f"changes:{silent.id}"))


@pytest.mark.proves("E3")
async def test_fim_of_a_machine_and_of_a_path(desk: Desk) -> None:
    await desk.changed("/etc/passwd", "/etc/hosts")
    await desk.changed("/etc/passwd", machine="db-01")
    assert "web-01`: 2 changes" in said(await desk.type("alice", "WEB-01"))
    assert "/etc/passwd`: 2 changes" in said(await desk.type("alice", "path /etc/passwd"))
    assert "has ever sent" in said(await desk.type("alice", "web-99"))
    assert "No change of" in said(await desk.type("alice", "path /etc/motd"))


@pytest.mark.proves("C124")
async def test_a_composed_path_finds_the_decomposed_one(desk: Desk) -> None:
    await desk.changed("/srv/フ\u309aラン")
    shown = said(await desk.type("alice", "path /srv/プラン"))
    assert "1 change" in shown


@pytest.mark.proves("E1", "E7")
async def test_fim_status_says_what_is_read(desk: Desk) -> None:
    assert "not read yet" in said(await desk.type("alice", "status"))
    await desk.feed.poll()
    shown = said(await desk.type("alice", "status"))
    assert "law-sec" in shown
    assert "Defender for Endpoint" in shown
    assert "MDCFileIntegrityMonitoringEvents" in shown


async def test_fim_help_and_what_is_not_understood(desk: Desk) -> None:
    assert "/fim window" in said(await desk.type("alice", "help"))
    assert "isn't understood" in said(await desk.type("alice", "web-01 since <!here>"))
