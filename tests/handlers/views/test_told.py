"""Private messages and lines in the thread: each step told once, where it belongs."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from approvals.entry import SEKISHO
from approvals.events import (
    Approved,
    Cancelled,
    Closing,
    Denied,
    EndCause,
    Event,
    Failed,
    Lapsed,
    Length,
    Opened,
    Opening,
    PersonId,
    Postponed,
    Retried,
    StillOpen,
    Terms,
    Warned,
)
from approvals.request import Request
from handlers.locale import Language, Locale
from handlers.views import direct, thread
from tests.handlers.views import samples
from tests.handlers.views.checks import assert_inert, assert_message, buttons, texts

REQUEST = samples.filed()
STATES = samples.all_states(REQUEST)


@pytest.mark.proves("N1")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_line_to_connect_is_alone_in_a_box(
    language: Language, shared: Path, schemas: Path
) -> None:
    made = direct.dm_open(STATES["open"], samples.locale(language))
    drawn = json.loads((shared / f"ux/jit/dm-open.{language}.json").read_text("utf-8"))
    assert_message(made, schemas)
    assert texts(made.blocks)[:2] == texts(drawn["blocks"])[:2]
    assert buttons(made.blocks) == buttons(drawn["blocks"])
    assert made.text == drawn["text"] or "ssh -p 50022 203.0.113.40" in made.text


@pytest.mark.proves("C1")
@pytest.mark.parametrize(
    ("ports", "address", "mapped", "wanted"),
    [
        ((22,), "203.0.113.40", {}, ["ssh 203.0.113.40"]),
        ((22,), "203.0.113.40", {22: 50022}, ["ssh -p 50022 203.0.113.40"]),
        ((3389,), "203.0.113.40", {}, ["mstsc /v:203.0.113.40"]),
        ((3389,), "203.0.113.40", {3389: 53389}, ["mstsc /v:203.0.113.40:53389"]),
        ((5432,), "203.0.113.40", {}, ["203.0.113.40:5432"]),
        ((22, 5432), "2001:db8::4", {}, ["ssh 2001:db8::4", "[2001:db8::4]:5432"]),
        ((22,), "", {}, []),
    ],
)
def test_lines_to_connect(
    ports: tuple[int, ...], address: str, mapped: dict[int, int], wanted: list[str]
) -> None:
    request = samples.applying(samples.filed(terms=Terms(ports, "203.0.113.7", Length(7200))))
    shown = Opening(samples.at(18, 16), samples.at(20, 16), address, mapped)
    opened = samples.then(request, Opened(shown), SEKISHO, samples.at(18, 16))
    assert direct.connect_lines(opened) == wanted


def test_no_address_is_said(locale: Locale, schemas: Path) -> None:
    shown = Opening(samples.at(18, 16), samples.at(20, 16))
    opened = samples.then(samples.applying(REQUEST), Opened(shown), SEKISHO, samples.at(18, 16))
    assert_message(direct.dm_open(opened, locale), schemas)


@pytest.mark.proves("N1", "C3")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_warning_is_the_layout(language: Language, shared: Path, schemas: Path) -> None:
    made = direct.dm_ending(
        STATES["open"],
        samples.locale(language),
        now=samples.at(20, 6),
        group_names=samples.NAMES,
        left_in_all=timedelta(hours=2),
    )
    drawn = json.loads((shared / f"ux/jit/dm-ending.{language}.json").read_text("utf-8"))
    assert_message(made, schemas)
    wanted = [label for _, label in buttons(drawn["blocks"])]
    got = [label.replace("1 h", "1 hour") for _, label in buttons(made.blocks)]
    assert got == wanted
    line, drawn_line = texts(made.blocks)[0], texts(drawn["blocks"])[0]
    assert line.replace("10 min", "10 minutes").split("again")[0] == drawn_line.split("again")[0]


def test_the_warning_offers_no_extension_that_the_rule_forbids(locale: Locale) -> None:
    made = direct.dm_ending(
        STATES["open"],
        locale,
        now=samples.at(20, 6),
        group_names=samples.NAMES,
        left_in_all=timedelta(minutes=30),
    )
    ids = [action for action, _ in buttons(made.blocks)]
    assert ids == ["jit_done", "jit_extend_30"]


LESS = Terms((22,), "203.0.113.7", Length(3600))
YES = samples.approval(samples.SUZUKI, samples.at(18, 14), samples.TERMS)
YES_LESS = samples.approval(samples.SUZUKI, samples.at(18, 14), LESS, "Enough for a renewal")

STEPS: dict[str, tuple[Request, Event, PersonId]] = {
    "denied": (
        STATES["denied"],
        Denied("Look first", "S0SECURITY", "production", "v1", samples.at(18, 14)),
        samples.SATO,
    ),
    "lapsed": (STATES["lapsed"], Lapsed(), SEKISHO),
    "failed": (STATES["failed"], Failed("ScopeLocked", "", True), SEKISHO),
    "less": (samples.approved_once(REQUEST, LESS), Approved(YES_LESS), samples.SUZUKI),
    "revoked": (
        STATES["closing-revoked"],
        Closing(EndCause.REVOKED, "An alert is open"),
        samples.SATO,
    ),
    "still-open": (STATES["still-open"], StillOpen("no_right", "", samples.at(20, 16)), SEKISHO),
}


@pytest.mark.proves("N1", "B6")
@pytest.mark.parametrize("name", STEPS)
def test_the_requester_is_told_what_became_of_it(name: str, locale: Locale, schemas: Path) -> None:
    request, event, _ = STEPS[name]
    made = direct.dm_outcome(request, event, locale, now=samples.at(18, 20))
    assert made is not None
    assert_message(made, schemas)


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("pending-1of2", Approved(YES)),
        ("cancelled", Cancelled()),
        ("closing-done", Closing(EndCause.DONE)),
        ("open", Warned()),
        ("approved", Retried()),
    ],
)
def test_what_is_no_news_to_the_requester_is_not_sent(
    name: str, event: Event, locale: Locale
) -> None:
    assert direct.dm_outcome(STATES[name], event, locale, now=samples.at(18, 20)) is None


def test_an_approval_taken_back_is_told_with_its_reason(locale: Locale, schemas: Path) -> None:
    event = Cancelled("The change is off")
    after = samples.then(samples.approved(REQUEST), event, samples.SATO, samples.at(18, 20))
    made = direct.dm_outcome(after, event, locale, now=samples.at(18, 20))
    assert made is not None
    assert_message(made, schemas)
    assert "The change is off" in made.text


@pytest.mark.proves("B1", "B5")
def test_a_narrower_approval_says_the_difference() -> None:
    request, event, actor = STEPS["less"]
    line = thread.thread_line(request, event, actor, samples.locale("en"))
    assert line == (
        "<@U0SUZUKI> approved: 1 of 2. For less: 1 hour instead of 2 hours. "
        "Comment: Enough for a renewal"
    )


@pytest.mark.proves("B1", "N1")
@pytest.mark.parametrize("name", STEPS)
def test_each_step_is_a_line_of_the_thread(name: str, locale: Locale) -> None:
    line = thread.thread_line(*STEPS[name], locale)
    assert line
    assert_inert(line)


@pytest.mark.proves("B1")
def test_steps_of_sekisho_mention_nobody(locale: Locale) -> None:
    postponed = Postponed(1, samples.at(18, 17), "TooManyRequests", "")
    line = thread.thread_line(STATES["postponed"], postponed, SEKISHO, locale)
    assert line
    assert "<@" not in line


@pytest.mark.proves("K6")
def test_the_first_step_and_the_warning_have_no_line(locale: Locale) -> None:
    assert thread.thread_line(STATES["open"], Warned(), SEKISHO, locale) is None


def test_dropped_ports_are_named() -> None:
    before = Terms((22, 8443), "203.0.113.7", Length(3600))
    after = structs.replace(before, ports=(22,))
    assert thread.less(before, after, samples.locale("en")) == "without port 8443"
    assert thread.less(before, after, samples.locale("ja")) == "ポート8443を除外"
