"""Clocks that start at the opening, names in two forms, each reader's language."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from pathlib import Path

import pytest

from approvals.events import State, Until
from sandbox.slack.workspace import Member
from sandbox.world.building import EstateBuilder, jit_ports
from sandbox.world.estate import PROD
from tests.cases.people import LINE, answer, asked, seen
from tests.sent import everything_sent
from tests.stage import Stage, set_stage, until

#: A time that an old client shows as it is.
_FALLBACK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d [A-Z]{2,5}(?:[+-]\d\d:\d\d)?")
_DATE = re.compile(r"<!date\^(\d+)\^[^|>]*\|([^>]*)>")


@pytest.mark.proves("C2", "C104")
async def test_the_clock_starts_when_the_port_opens(stage: Stage) -> None:
    """One hour asked, approved twenty-five minutes later: one hour of access."""
    card = await asked(stage)
    stage.advance(minutes=25)
    await stage.slack.person("suzuki").click(card, "jit_approve")
    request = await stage.wait_state(State.ACTIVE)
    assert request.opening is not None
    lasts = request.opening.ends_at - request.opening.opened_at
    assert timedelta(minutes=59) < lasts <= timedelta(hours=1, seconds=5)
    waited = request.opening.opened_at - request.submitted_at
    assert waited >= timedelta(minutes=25)
    (port,) = stage.azure.open_ports()
    assert abs(port.ends_at - request.opening.ends_at) < timedelta(seconds=2)


@pytest.mark.proves("C104")
async def test_an_until_stays_fixed_however_late_the_approval(stage: Stage) -> None:
    at = (stage.clock.now() + timedelta(hours=2)).replace(microsecond=0)
    typed = f"until {at:%Y-%m-%dT%H:%M:%SZ}"
    card = await asked(stage, f"/jit web-01 22 {typed} from 203.0.113.7 because deploy fix")
    stage.advance(minutes=25)
    await stage.slack.person("suzuki").click(card, "jit_approve")
    request = await stage.wait_state(State.ACTIVE)
    assert request.terms.window == Until(at)
    assert request.opening is not None
    assert request.opening.ends_at == at


@pytest.mark.proves("C104")
async def test_an_until_that_is_nearly_over_is_refused(stage: Stage) -> None:
    alice = stage.slack.person("alice")
    at = stage.clock.now() + timedelta(minutes=4)
    line = f"/jit web-01 22 until {at:%Y-%m-%dT%H:%M:%SZ} from 203.0.113.7 because deploy fix"
    await alice.command("C0OPS", line)
    await answer(stage, alice, "At least 5 minutes")
    assert stage.ledger.highest_head.sequence == 0


@pytest.mark.proves("C124")
async def test_a_name_is_found_in_either_form_and_kept_as_it_came(tmp_path: Path) -> None:
    tag = unicodedata.normalize("NFD", "ガード")
    build = EstateBuilder((PROD,))
    build.machine(PROD.id, "rg", "japaneast", "web-01", ports=jit_ports(22), tags={"役": tag})
    stage = await set_stage(tmp_path, estate=build.estate())
    await stage.start_bot()
    try:
        yamada = stage.slack.person("yamada")
        await yamada.command("C0OPS", "/jit")
        form = await yamada.wait_view(callback_id="jit_request")
        for query in ("ガード", tag, "ｶﾞｰﾄﾞ"):
            assert await yamada.suggest(form, "vm", query), query
        await yamada.close(form)
        reason = unicodedata.normalize("NFD", "パッチ適用")
        line = f"/jit web-01 22 1h from 203.0.113.7 because {reason}"
        await asked(stage, line, "yamada")
        request = await stage.request()
        assert request.target.tags["役"] == tag
        assert request.justification == reason
    finally:
        await stage.stop()


@pytest.mark.proves("C126", "N1")
@pytest.mark.parametrize(
    ("locale", "words"),
    [("ja-JP", "申請1"), ("ja", "申請1"), ("en-GB", "Request 1"), ("", "Request 1")],
)
async def test_private_answers_are_in_the_readers_language_and_cards_in_the_channels(
    stage: Stage, locale: str, words: str
) -> None:
    member = Member("U0NEW", "new", "New", "engineer", locale, "Asia/Tokyo", "000000")
    stage.slack.groups["S0ENG"].add("U0NEW")
    person = stage.slack.add_person(member, channels=("C0OPS", "C0JA"))
    await stage.slack.announce_group("S0ENG")
    await until(lambda: "U0NEW" in stage.service.groups.membership().members("S0ENG"))
    await person.command("C0OPS", LINE)
    await answer(stage, person, words)
    card = await stage.slack.wait_message("C0OPS", containing="needed")
    assert card.says("Approve")
    calls = stage.slack.calls_of("users.info")
    assert calls
    assert all(call.args.get("include_locale") in ("1", "true", True) for call in calls)
    before = seen(person)
    await person.command("C0OPS", "/jit stg-web-01 22 1h from 203.0.113.7 because x")
    await answer(stage, person, "2", before)
    await stage.slack.wait_message("C0JA", containing="承認")


@pytest.mark.proves("C088", "N1", "N2")
async def test_dates_have_a_readable_fallback_and_stay_out_of_plain_text(stage: Stage) -> None:
    """Through a whole job, in both languages, in every message and form that was sent."""
    yamada, sato, ito = (stage.slack.person(who) for who in ("yamada", "sato", "ito"))
    line = "/jit stg-web-01 ２２ ９０分 ２０３．０．１１３．７から 理由：証明書の更新"
    await yamada.command("C0OPS", line)
    await answer(stage, yamada, "受け付けました")
    card = await stage.slack.wait_message("C0JA", containing="承認")
    await sato.click(card, "jit_approve_less")
    await sato.close(await sato.wait_view())
    await sato.click(card, "jit_approve")
    request = await stage.wait_state(State.ACTIVE)
    assert request.justification == "証明書の更新"
    assert request.terms.source == "203.0.113.7"
    await yamada.wait_dm("ssh ")
    await yamada.open_home()
    stage.advance(minutes=81)
    warning = await yamada.wait_dm("あと")
    await yamada.click(warning, "jit_extend_30")
    await yamada.close(await yamada.wait_view())
    await ito.command("C0AUDIT", "/audit stg-web-01 1d")
    await answer(stage, ito, "stg-web-01")
    seen_dates = 0
    for sent in everything_sent(stage.slack):
        for text in _texts(sent.view or sent.blocks):
            is_plain = text.get("type") == "plain_text"
            assert not (is_plain and "<!date" in text["text"]), text
            for _stamp, fallback in _DATE.findall(text["text"]):
                seen_dates += 1
                assert _FALLBACK.fullmatch(fallback), fallback
        assert not (sent.blocks and "<!date" in (sent.text or "")), sent
    assert seen_dates > 5


def _texts(part: object) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    match part:
        case {"type": "mrkdwn" | "plain_text" as kind, "text": str(text)}:
            found.append({"type": kind, "text": text})
        case dict():
            for value in part.values():
                found += _texts(value)
        case list():
            for each in part:
                found += _texts(each)
        case _:
            pass
    return found
