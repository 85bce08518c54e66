"""The card: what it says first, what its buttons carry, and that it agrees with the layouts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from approvals.events import Length, RequestId, State, Terms
from handlers.locale import Language, Locale
from handlers.views.blocks import Message
from handlers.views.request_card import CardFacts, request_card
from tests.handlers.views import samples
from tests.handlers.views.checks import assert_message, buttons, texts

STATES = samples.all_states(samples.filed())

#: Layout drawn by hand → our state with the same facts.
LAYOUTS = {
    "card-pending": "pending",
    "card-pending-1of2": "pending-1of2",
    "card-opening": "applying",
    "card-open": "open",
    "card-closed-early": "closed-early",
    "card-ended": "ended",
    "card-denied": "denied",
    "card-lapsed": "lapsed",
    "card-cancelled": "cancelled",
    "card-failed": "failed",
    "card-still-open": "still-open",
}


def card(name: str, language: Language) -> Message:
    return request_card(STATES[name], samples.FACTS, samples.locale(language))


@pytest.mark.proves("N1", "N3", "FAULT-28")
@pytest.mark.parametrize("name", STATES)
def test_every_state_is_drawn_and_slack_takes_it(name: str, locale: Locale, schemas: Path) -> None:
    assert_message(request_card(STATES[name], samples.FACTS, locale), schemas)


@pytest.mark.proves("N1", "N4", "B1")
@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_headline_and_second_line_are_those_of_the_layout(
    layout: str, language: Language, shared: Path
) -> None:
    drawn = json.loads((shared / f"ux/jit/{layout}.{language}.json").read_text("utf-8"))
    wanted = drawn["blocks"][0]["text"]["text"]
    got = texts(card(LAYOUTS[layout], language).blocks)[0]
    lines = 4 if layout in ("card-open", "card-opening") else 2
    if layout == "card-failed":
        lines = 1  # the layout knows that the lock is read-only, Azure's code does not say
    assert got.splitlines()[:lines] == wanted.splitlines()[:lines]


@pytest.mark.proves("N1", "N4")
@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_buttons_are_those_of_the_layout(layout: str, language: Language, shared: Path) -> None:
    drawn = json.loads((shared / f"ux/jit/{layout}.{language}.json").read_text("utf-8"))
    wanted = [label for _, label in buttons(drawn["blocks"])]
    assert [label for _, label in buttons(card(LAYOUTS[layout], language).blocks)] == wanted


@pytest.mark.proves("O3")
@pytest.mark.parametrize("name", STATES)
def test_buttons_carry_number_and_version_only(name: str) -> None:
    for element in re.findall(r'"value": "([^"]*)"', json.dumps(card(name, "en").blocks)):
        assert re.fullmatch(r"1042\.\d+", element)


@pytest.mark.proves("B1")
def test_box_says_vm_port_source_and_time() -> None:
    box = texts(card("pending", "en").blocks)[1]
    assert box.splitlines() == [
        "VM    web-01 (rg-shop-prod)",
        "Port  22 (SSH)",
        "From  203.0.113.7 (home)",
        "For   2 hours from opening",
    ]


@pytest.mark.proves("B4")
def test_small_print_says_why_one_can_approve_and_what_was_asked_before() -> None:
    small = texts(card("pending", "en").blocks)[-1]
    assert small.splitlines() == [
        "Can approve: members of <!subteam^S0SECURITY> by rule production, 2 of 6 needed.",
        "Last 5 by the same person for this VM: 4 approved, 1 denied.",
        "Linux, running, Shop production, japaneast, env=prod. Request 1042.",
    ]


@pytest.mark.proves("B4")
def test_small_print_in_japanese() -> None:
    small = texts(card("pending", "ja").blocks)[-1]
    assert small.splitlines() == [
        "承認できる人：<!subteam^S0SECURITY>のメンバー（ルール「production」、6名のうち2名の承認が必要）",
        "同じ申請者・同じVMの直近5件：承認4件、却下1件",
        "Linux、実行中、Shop production、japaneast、env=prod。申請1042",
    ]


@pytest.mark.proves("K6")
def test_the_group_is_mentioned_once_in_blocks_and_never_in_the_fallback() -> None:
    message = card("pending", "en")
    assert "\n".join(texts(message.blocks)).count("<!subteam^") == 1
    assert "<!subteam^" not in message.text


def test_risk_is_always_answered(locale: Locale) -> None:
    said = texts(request_card(STATES["pending"], samples.FACTS, locale).blocks)
    assert locale.text("card.risk.unknown") in said


def test_another_session_on_the_port_is_said(locale: Locale) -> None:
    other = replace(samples.opened(samples.filed()), id=RequestId("1036"))
    facts = replace(samples.FACTS, shared_with=other)
    said = "\n".join(texts(request_card(STATES["pending"], facts, locale).blocks))
    assert "1036" in said
    assert ":warning:" in said


@pytest.mark.proves("N4")
def test_long_reason_is_cut_with_its_hidden_lines_and_show_all() -> None:
    request = samples.filed(reason="Move the settlement job to the new queue. " * 20)
    message = request_card(request, samples.FACTS, samples.locale("en"))
    reason = texts(message.blocks)[2]
    assert re.search(r"… \(\d+ more lines\)", reason)
    assert buttons(message.blocks)[-1] == ("jit_more", "Show all")


@pytest.mark.proves("N4")
def test_long_names_wrap_and_are_never_cut() -> None:
    name, group = "payments-gateway-blue-replica-0007", "rg-payments-prod-japaneast"
    target = structs.replace(samples.TARGET, name=name, resource_group=group)
    request = samples.filed(
        target=target, terms=Terms((22, 8080, 8443), "203.0.113.64/28", Length(10800))
    )
    box = texts(request_card(request, samples.FACTS, samples.locale("en")).blocks)[1]
    assert box.splitlines()[:3] == [
        f"VM    {name}",
        f"      ({group})",
        "Port  22 (SSH), 8080, 8443",
    ]


@pytest.mark.proves("N3")
@pytest.mark.parametrize("name", STATES)
def test_fallback_says_outcome_and_thing(name: str, locale: Locale) -> None:
    message = request_card(STATES[name], samples.FACTS, locale)
    headline = texts(message.blocks)[0].splitlines()[0].split("*")[1]
    start = headline if STATES[name].state not in (State.APPLYING, State.APPROVED) else ""
    assert "web-01" in message.text
    assert message.text.startswith(start.split("（")[0])


@pytest.mark.proves("N3")
@pytest.mark.parametrize("name", STATES)
def test_no_icon_stands_alone(name: str, locale: Locale) -> None:
    for text in texts(request_card(STATES[name], samples.FACTS, locale).blocks):
        assert not re.fullmatch(r"\s*:[a-z_]+:\s*", text)


def test_a_narrowed_request_shows_what_was_asked() -> None:
    less = Terms((22,), "203.0.113.7", Length(3600))
    request = samples.approved_once(samples.filed(), less)
    box = texts(request_card(request, samples.FACTS, samples.locale("en")).blocks)[1]
    assert box.splitlines()[3:] == ["For   1 hour from opening", "Asked 22 (SSH), 2 hours"]


def test_an_extension_that_comes_to_nothing_says_that_the_session_goes_on(locale: Locale) -> None:
    states = samples.all_states(samples.filed(extends=RequestId("1040")))
    for name in ("denied", "lapsed", "cancelled"):
        said = "\n".join(texts(request_card(states[name], samples.FACTS, locale).blocks))
        assert locale.text("unchanged.extension", id="1040") in said
        assert locale.text("unchanged.closed") not in said


def test_an_until_window_is_named_with_its_zone() -> None:
    request = samples.until(samples.filed(), 20)
    box = texts(request_card(request, samples.FACTS, samples.locale("en")).blocks)[1]
    assert "Until 2026-11-25 20:00 JST" in box


def test_a_failure_that_may_not_be_tried_again_offers_a_new_request(locale: Locale) -> None:
    message = request_card(STATES["failed-for-good"], samples.FACTS, locale)
    assert buttons(message.blocks)[0][0] == "jit_again"


def test_retry_is_gone_when_the_approval_is_over(locale: Locale) -> None:
    facts = replace(samples.FACTS, now=samples.at(19, 15))
    message = request_card(STATES["failed"], facts, locale)
    assert [action for action, _ in buttons(message.blocks)] == ["jit_again", "jit_more"]


def test_unknown_facts_are_called_unknown(locale: Locale) -> None:
    bare = CardFacts(group_names={}, approver_count=1, now=samples.at(18, 12))
    message = request_card(samples.filed(label="", ticket=""), bare, locale)
    assert_message(message)
    assert locale.text("power.unknown") in texts(message.blocks)[-1]
    assert locale.text("card.history.first") in texts(message.blocks)[-1]
