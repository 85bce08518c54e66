"""Lists, the Home tab and the audit log."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from approvals.deeds import Deed, DeedKind, Subject
from approvals.entry import SEKISHO, AdminEvent, Archived, Entry, FoundOpening, Resumed
from approvals.events import Event, OpId, RequestId, Warned
from approvals.people import PersonRecord, SavedSource
from approvals.request import Request
from handlers.locale import Language, Locale
from handlers.views import audit, home, lists
from tests.handlers.views import samples
from tests.handlers.views.checks import assert_message, assert_view, buttons, texts

REQUEST = samples.filed()
STATES = samples.all_states(REQUEST)
NOW = samples.at(18, 12)


def numbered(name: str, count: int) -> list[Request]:
    return [replace(STATES[name], id=RequestId(str(1030 + n))) for n in range(count)]


@pytest.mark.proves("N1", "N4")
@pytest.mark.parametrize("kind", ["mine", "pending", "active", "history"])
@pytest.mark.parametrize("count", [0, 1, 3, 10])
def test_slack_takes_every_list(
    kind: lists.ListKind, count: int, locale: Locale, schemas: Path
) -> None:
    items = numbered("open" if kind == "active" else "pending", count)
    page = lists.Page(1, count, about="web-01")
    assert_message(lists.list_page(kind, items, page, locale, now=NOW), schemas)


@pytest.mark.proves("N1")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_open_ports_look_like_the_layout(language: Language, shared: Path) -> None:
    locale = samples.locale(language)
    made = lists.list_page("active", numbered("open", 8), lists.Page(1, 12), locale, now=NOW)
    drawn = json.loads((shared / f"ux/jit/active.{language}.json").read_text("utf-8"))
    assert texts(made.blocks)[0].splitlines()[0] == texts(drawn["blocks"])[0].splitlines()[0]
    assert [label for _, label in buttons(made.blocks)] == [
        label for _, label in buttons(drawn["blocks"])
    ]
    menu = made.blocks[-1]["elements"][0]  # type: ignore[index]
    wanted = drawn["blocks"][-1]["elements"][0]["options"][4]["text"]["text"]
    assert menu["options"][5]["text"]["text"] == wanted


def test_a_row_of_an_open_port() -> None:
    locale = samples.locale("en")
    made = lists.list_page("active", numbered("open", 1), lists.Page(1, 1), locale, now=NOW)
    [closes, who] = texts(made.blocks)[1].splitlines()
    assert closes.startswith("*web-01:22* closes <!date^")
    assert closes.endswith("(2 h 4 min)")
    assert who == "<@U0YAMADA> from 203.0.113.7, by <@U0SUZUKI> and <@U0SATO>"


def test_rows_of_all_states_have_words(locale: Locale, schemas: Path) -> None:
    for request in STATES.values():
        page = lists.Page(1, 1, about="<@U0YAMADA>")
        assert_message(lists.list_page("history", [request], page, locale, now=NOW), schemas)


@pytest.mark.parametrize("count", [0, 1, 12])
def test_vms_that_one_may_ask_for(count: int, locale: Locale, schemas: Path) -> None:
    rows = [lists.VmRow(str(n), f"web-{n:02}", "rg-shop", "Shop", (22, 8443)) for n in range(count)]
    assert_message(lists.vm_page(rows, lists.Page(1, count), locale), schemas)


PERSON = PersonRecord(
    sources=(SavedSource("203.0.113.7", "home"), SavedSource("203.0.113.64/28", "office"))
)


def facts(count: int) -> home.HomeFacts:
    return home.HomeFacts(
        waiting=tuple(numbered("pending", count)),
        open=tuple(numbered("open", count)),
        pending=tuple(numbered("pending-1of2", count)),
        open_count=12,
        person=PERSON,
        now=NOW,
    )


@pytest.mark.proves("K1", "N1")
@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_slack_takes_the_home_tab(count: int, locale: Locale, schemas: Path) -> None:
    assert_view(home.home(facts(count), locale), schemas)


@pytest.mark.proves("K1", "N1")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_waits_for_me_is_first(language: Language, shared: Path) -> None:
    made = home.home(facts(1), samples.locale(language))
    drawn = json.loads((shared / f"ux/jit/home.{language}.json").read_text("utf-8"))["view"]
    assert texts(made)[0] == texts(drawn)[0]


@pytest.mark.proves("K1")
def test_an_empty_part_is_left_out(locale: Locale) -> None:
    said = texts(home.home(facts(0), locale))
    assert locale.text("home.open") not in said
    assert locale.text("home.pending") not in said


@pytest.mark.proves("K3", "N1")
def test_slack_takes_the_settings(locale: Locale, schemas: Path) -> None:
    for person in (
        PersonRecord(),
        PERSON,
        PersonRecord(language="ja", time_zone="Asia/Tokyo", dms_off=frozenset(home.DM_KINDS)),
    ):
        assert_view(home.settings_form(person, locale), schemas)
        assert_view(home.home(replace(facts(1), person=person), locale), schemas)


FOUND = FoundOpening(
    "/subscriptions/1/x/web-01", (22,), "0.0.0.0/0", samples.at(20, 0), "someone@corp", ""
)
EVENTS: list[Event | AdminEvent] = [
    *(Deed(kind, Subject("alert:a1"), "Suspicious PowerShell", "tested <b>") for kind in DeedKind),
    Warned(),
    FOUND,
    Resumed(7, "restored", (samples.SATO, samples.SUZUKI), 9, "aa", 7, "bb"),
    Archived(1, 90, "aa", "bb", "cc", "a.jsonl"),
]


def entry(event: Event | AdminEvent, sequence: int = 12) -> Entry:
    return Entry(
        sequence=sequence,
        at=samples.at(18, 14),
        actor=SEKISHO,
        request=RequestId("1042") if isinstance(event, Warned) else None,
        op=OpId("op"),
        event=event,
        version=1,
        previous_mac="aa",
        mac="bb",
        key_id="k1",
    )


@pytest.mark.proves("J5", "N1")
def test_slack_takes_a_page_of_the_audit_log(locale: Locale, schemas: Path) -> None:
    entries = [entry(event, 12 - at) for at, event in enumerate(EVENTS)]
    made = audit.audit_page(entries, locale, query="web-01", next_value="q.8")
    assert_message(made, schemas)
    assert buttons(made.blocks)[-1][0] == "audit_page"
    assert_message(audit.audit_page([], locale, query="web-01"), schemas)
    assert_message(audit.audit_page([entry(Warned())] * 30, locale, query=""), schemas)


@pytest.mark.proves("N1")
def test_slack_takes_anchors_and_alarms(locale: Locale, schemas: Path) -> None:
    for message in (
        audit.anchor_message(4711, "ab" * 32, locale),
        audit.frozen_alarm("the head went backwards", locale),
        audit.broken_alarm(7, "its MAC does not match", locale),
        audit.proof_alarm("1042", "entry 7 is missing", locale),
        audit.found_opening_alarm(FOUND, locale),
        audit.foreign_instance_alarm("staging", locale),
    ):
        assert_message(message, schemas)


def test_every_event_of_a_request_has_words(locale: Locale) -> None:
    for event in samples.all_events():
        said = audit.event_words(event, locale)
        assert said
        assert "{" not in said.replace("{date_short_pretty} {time}", "")
