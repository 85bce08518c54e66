"""Mentions, marks and control characters in every foreign string: shown, and inert (C077, C096)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from approvals.events import State
from sandbox.world.building import EstateBuilder, jit_ports
from sandbox.world.model import Estate, Subscription
from tests.cases.inert import assert_inert, mrkdwn_of
from tests.cases.people import answer, asked
from tests.sent import everything_sent
from tests.stage import Stage, set_stage

EVIL = "<!channel> <@U0KIMURA> <https://evil.example/|click> *b* _i_ ~s~ `c`"
BACKTICKS = "```\n<!channel>"
INJECTED = ("!channel", "!here", "U0KIMURA", "evil.example")


def hostile_estate() -> Estate:
    """One VM, with marks wherever Azure lets people write some."""
    shop = Subscription("00000000-0000-0000-0000-000000000001", "Shop <!channel> *prod* `x`")
    build = EstateBuilder((shop,))
    build.machine(
        shop.id,
        "rg_*evil*_(x)",
        "japaneast",
        "web_01~x~",
        ports=jit_ports(22),
        tags={
            "owner": "<!here> & <@U0KIMURA>",
            "note": "invoice\u202egpj.exe `rm`",
            "<https://evil.example>": "```",
            "multi": "one\ntwo\r\n*three*",
            "long": "x" * 256,
        },
    )
    return build.estate()


@pytest.fixture
async def hostile_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = await set_stage(tmp_path, estate=hostile_estate())
    await stage.start_bot()
    yield stage
    await stage.stop()


@pytest.mark.proves("C077", "C096", "C113", "O4")
async def test_no_foreign_string_comes_to_life_from_the_line_to_the_audit_log(
    hostile_stage: Stage,
) -> None:
    stage = hostile_stage
    alice, suzuki, ito = (stage.slack.person(who) for who in ("alice", "suzuki", "ito"))
    reason = f"{EVIL} {BACKTICKS} C:\\Projects\\* \u202e7.311.0.302"
    line = f"/jit web_01~x~ 22 1h from 203.0.113.7 ticket <!here>*T* because {reason}"
    card = await asked(stage, line)
    request = await stage.request()
    assert request.justification == " ".join(reason.split(" "))
    await suzuki.click(card, "jit_more")
    whole = await suzuki.wait_view()
    assert "[U+202E]" in whole.all_text()
    assert "C:\\Projects\\*" in whole.all_text()
    assert "\u202e" not in whole.all_text() + card.all_text()
    await suzuki.close(whole)
    await suzuki.mention("C0OPS", f"@Sekisho approve {EVIL}", thread_ts=card.ts)
    await stage.wait_state(State.ACTIVE)
    await alice.wait_dm("ssh ")
    for command in ("mine", "active", "show 1", "history web_01~x~", "list web", f"show {EVIL}"):
        await alice.command("C0OPS", f"/jit {command}")
    await alice.open_home()
    await ito.command("C0AUDIT", "/audit web_01~x~ 1d")
    await answer(stage, ito, "web_01")
    await suzuki.command("C0OPS", f"/jit revoke 1 because {EVIL}")
    await stage.wait_state(State.ENDED)
    await alice.wait_dm("is closed")
    assert_inert(stage, *INJECTED)
    for sent in everything_sent(stage.slack):
        for text in mrkdwn_of(sent):
            assert "*b*" not in re.sub("`[^`\n]*`", "", text), text
            assert "```\n<" not in text


@pytest.mark.proves("C077", "C096", "O4")
async def test_a_denial_and_its_form_are_inert_too(hostile_stage: Stage) -> None:
    stage = hostile_stage
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    card = await asked(stage, f"/jit web_01~x~ 22 1h from 203.0.113.7 because {EVIL}")
    await suzuki.click(card, "jit_deny")
    form = await suzuki.wait_view()
    await suzuki.fill(form, "reason", f"{EVIL}\n{BACKTICKS}")
    await suzuki.submit(form)
    await stage.wait_state(State.DENIED)
    await alice.wait_dm("click")
    assert_inert(stage, *INJECTED)


@pytest.mark.proves("C096")
async def test_address_and_ports_stand_in_their_own_part(hostile_stage: Stage) -> None:
    """A reversed reason can't move them: no text of the person shares their line."""
    line = "/jit web_01~x~ 22 1h from 203.0.113.7 because from \u2066203.0.113.7\u2069 \u202e7.311"
    card = await asked(hostile_stage, line)
    lines = card.all_text().splitlines()
    own = [each for each in lines if "203.0.113.7" in each and "7.311" not in each]
    assert own, lines
