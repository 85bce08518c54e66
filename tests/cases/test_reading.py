"""Lists, Home, help, audit: what each person can look up."""

from __future__ import annotations

import pytest

from approvals.events import PersonId, State
from approvals.people import SavedSource
from tests.cases.people import LINE, answer, asked, seen
from tests.stage import Stage


async def says(stage: Stage, who: str, line: str, containing: str) -> str:
    person = stage.slack.person(who)
    before = seen(person)
    await person.command("C0AUDIT" if line.startswith("/audit") else "C0OPS", line)
    return (await answer(stage, person, containing, before)).all_text()


@pytest.mark.proves("C11", "K6", "B4")
async def test_lists_tell_what_is_open_pending_mine_and_past(stage: Stage) -> None:
    first = await asked(stage)
    assert "Can approve: members of <!subteam^S0SECURITY> by rule production" in first.all_text()
    assert "First request by this person" in first.all_text()
    await stage.slack.person("suzuki").click(first, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    await asked(stage, "/jit web-02 22 1h from 203.0.113.7 because logs", "yamada")
    active = await says(stage, "kimura", "/jit active", "web-01")
    for part in ("U0ALICE", "203.0.113.7", "U0SUZUKI", "(1 h)"):
        assert part in active, active
    assert "web-02" not in active
    pending = await says(stage, "kimura", "/jit pending", "web-02")
    assert "web-01" not in pending
    assert "web-02" in await says(stage, "yamada", "/jit mine", "web-02")
    assert "web-01" in await says(stage, "kimura", "/jit history web-01", "web-01")
    assert "web-01" in await says(stage, "kimura", "/jit history @alice", "web-01")
    shown = await says(stage, "kimura", "/jit show 1", "web-01")
    assert "deploy fix" in shown
    assert "web-01" in await says(stage, "alice", "/jit list web-01", "web-01")
    again = await asked(stage, "/jit web-01 8443 1h from 203.0.113.7 because second")
    assert "First request" not in again.all_text()
    assert len(stage.slack.channel("C0OPS").top_level) == 3


@pytest.mark.proves("A12")
async def test_a_vm_open_for_the_asker_offers_an_extension(stage: Stage) -> None:
    card = await asked(stage)
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    alice = stage.slack.person("alice")
    before = seen(alice)
    await alice.command("C0OPS", LINE)
    said = await answer(stage, alice, "is open for you already", before)
    await alice.click(said, "jit_extend")
    form = await alice.wait_view()
    await alice.submit(form)
    extension = await stage.wait_state(State.PENDING, 2)
    assert extension.extends == "1"


@pytest.mark.proves("A12")
async def test_another_persons_open_port_is_said_in_form_and_card(stage: Stage) -> None:
    card = await asked(stage)
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    yamada = stage.slack.person("yamada")
    await yamada.command("C0OPS", "/jit web-01")
    form = await yamada.wait_view(containing="U0ALICE")
    await yamada.close(form)
    other = await asked(stage, LINE, "yamada")
    assert "U0ALICE" in other.all_text()


@pytest.mark.proves("A12")
async def test_ask_again_opens_the_form_filled(stage: Stage) -> None:
    card = await asked(stage)
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    await suzuki.command("C0OPS", "/jit deny 1 because not today")
    await stage.wait_state(State.DENIED)
    card = await stage.slack.wait_update(card, containing="Denied")
    denied = await alice.wait_dm("not today")
    place = denied if any(a == "jit_again" for _, a, _ in denied.buttons()) else card
    await alice.click(place, "jit_again")
    form = await alice.wait_view(callback_id="jit_request")
    assert form.values["vm"]["vm"]["selected_option"]["text"]["text"].startswith("web-01")
    assert form.values["reason"]["reason"]["value"] == "deploy fix"
    assert form.values["source"]["source"]["selected_option"]["value"] == "203.0.113.7"
    assert form.values["window"]["window"]["value"] in ("1h", "60m", "1 hour")
    assert (await alice.submit(form)).error is None
    await stage.wait_state(State.PENDING, 2)


@pytest.mark.proves("K1")
async def test_the_home_tab_shows_what_waits_what_is_open_and_what_i_asked(stage: Stage) -> None:
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    await asked(stage)
    card = await asked(stage, "/jit web-02 22 1h from 203.0.113.7 because logs")
    home = await suzuki.open_home()
    assert "web-01" in home.all_text()
    assert home.all_text().index("web-01") < home.all_text().index("web-02")
    await suzuki.click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE, 2)
    mine = await alice.open_home()
    assert {"jit_done", "home_extend", "jit_cancel"} <= {action for _, action, _ in mine.buttons()}
    await alice.click(mine, "jit_done", value="2.1")
    await stage.wait_state(State.ENDED, 2)
    await alice.click(mine, "jit_cancel")
    await stage.wait_state(State.CANCELLED, 1)


@pytest.mark.proves("K3", "N1", "A5")
async def test_settings_change_language_zone_addresses_and_private_messages(stage: Stage) -> None:
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    home = await alice.open_home()
    await alice.click(home, "home_settings")
    form = await alice.wait_view(callback_id="home_settings")
    await alice.fill(form, "time_zone", "Mars/Olympus")
    wrong = await alice.submit(form)
    assert set(wrong.errors) == {"time_zone"}
    await alice.fill(form, "time_zone", "Asia/Tokyo")
    await alice.fill(form, "addresses", "10.0.0.1 home")
    wrong = await alice.submit(form)
    assert set(wrong.errors) == {"addresses"}
    await alice.fill(form, "addresses", "203.0.113.7 home\n198.51.100.9 vpn")
    await alice.fill(form, "language", "ja")
    await alice.fill(form, "dms", ["ending", "outcome"])
    assert (await alice.submit(form)).error is None
    record = await stage.ledger.person(PersonId("U0ALICE"))
    assert record.language == "ja"
    assert record.sources[0] == SavedSource("203.0.113.7", "home")
    assert record.dms_off == {"open"}
    before = seen(alice)
    await alice.command("C0OPS", "/jit web-01 22 1h because deploy fix")
    await answer(stage, alice, "受け付けました", before)
    assert (await stage.request()).terms.source == "203.0.113.7"
    card = await stage.slack.wait_message("C0OPS", containing="needed")
    await suzuki.click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    await stage.slack.wait_update(card, containing="open")
    await alice.command("C0OPS", "/jit done 1")
    await stage.wait_state(State.ENDED)
    await alice.wait_dm("閉じ")
    assert not [message for message in alice.dms() if message.says("ssh ")]


@pytest.mark.proves("K5", "N1")
@pytest.mark.parametrize("who", ["alice", "yamada"])
async def test_every_line_of_the_help_works_when_pasted(shared_stage: Stage, who: str) -> None:
    """Nothing in it is answered with a word that is not known."""
    stage, person = shared_stage, shared_stage.slack.person(who)
    text = await says(stage, who, "/jit help", "/jit list")
    lines = [line for line in text.splitlines() if line.startswith("/jit ")]
    assert len(lines) > 8
    for line in lines:
        before = seen(person)
        delivery = await person.command("C0OPS", line)
        assert delivery.acked
        form = person.view()
        if form is not None:
            await person.close(form)
            continue
        said = await answer(stage, person, "", before)
        assert "no word" not in said.all_text()
        assert "no command" not in said.all_text()
        assert "分かりません" not in said.all_text()


@pytest.mark.proves("J5")
async def test_an_administrator_searches_the_audit_log_and_nobody_else_does(stage: Stage) -> None:
    card = await asked(stage)
    await stage.slack.person("kimura").click(card, "jit_approve")
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE)
    for query in ("web-01 30d", "@alice", "1", "approved", "<@U0SUZUKI> approved 1h"):
        found = await says(stage, "ito", f"/audit {query}", "Request 1" if query == "" else "1")
        assert "U0SUZUKI" in found or "U0ALICE" in found, found
    verified = await says(stage, "ito", "/audit verify", "sound")
    assert "Entries 1 to" in verified
    for who in ("alice", "suzuki", "kimura"):
        refused = await says(stage, who, "/audit web-01", "administrators")
        assert "U0ITO" in refused
        assert "U0SUZUKI" not in refused.replace("U0ITO", "")
