"""Lists, routes and figures of alerts say what the layouts say, and nothing foreign acts."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from approvals.events import PersonId
from approvals.people import PersonRecord
from approvals.scope import compile_globs
from delivery.outbox import ChannelId
from feeds.cases import Case
from feeds.facts import Facts
from feeds.mutes import Mute
from feeds.routing import Escalation, Mentions, Route, Routing
from handlers.alert_line import parse
from handlers.alert_listing import by_urgency
from handlers.alert_verbs import AlertVerb
from handlers.locale import Locale
from handlers.views import alert_help, home
from handlers.views.alert_lists import AlertPage, Kind, alert_page, muted_page
from handlers.views.alert_picture import picture, scale_of
from handlers.views.alert_route import RouteAsked, route_answer
from handlers.views.alert_stats import (
    ALT_MAX,
    Day,
    Figures,
    alt_text,
    caption,
    figures_of,
    stats_message,
)
from handlers.views.alert_view import AlertView
from handlers.views.blocks import Message
from tests.handlers.views import alert_samples as sample
from tests.handlers.views import samples
from tests.handlers.views.checks import assert_message, assert_view, buttons, texts
from tests.handlers.views.samples import JST, SATO, SUZUKI

HOSTILE = "*<!channel>* `<https://evil.example|x>` <@U0SATO> \u202egnp.exe :smile: _a_" + "y" * 900


def row(title: str, machine: str, severity: str, at: datetime, owner: str = "") -> AlertView:
    alert = structs.replace(
        sample.SHELL, key=f"{title}{machine}".casefold().replace(" ", "-"), title=title,
        machine=machine, severity=severity, started_at=at,
    )  # fmt: skip
    return AlertView(alert=alert, case=Case(owner=PersonId(owner)), names=sample.NAMES)


def listed() -> list[AlertView]:
    """The five of the layout, out of order, and two more."""
    early = datetime(2026, 11, 24, 9, 15, tzinfo=JST)
    return by_urgency(
        [
            row("Suspicious PHP execution detected", "gcp-build-1", "Medium", early, SUZUKI),
            row("Suspicious authentication activity", "web-02", "Medium", sample.at(15, 2)),
            row("Possible reverse shell", "web-01", "High", sample.at(18, 21)),
            row("Traffic from a bad address", "web-03", "Low", early, SUZUKI),
            row("Suspicious PowerShell command line", "db-02", "High", sample.at(18, 21)),
            row("Executable found running from a suspicious location", "app-03", "High",
                sample.at(11, 40), SATO),
            row("Process ended", "web-04", "Informational", early, SUZUKI),
        ]
    )  # fmt: skip


def page(kind: Kind = "open", number: int = 1, rows: int = 7, **more: Any) -> AlertPage:
    return AlertPage(kind, number, rows, **({"unowned": 3} | more))


def layout(shared: Path, name: str, language: str) -> Any:
    return json.loads((shared / "ux" / "feeds" / f"{name}.{language}.json").read_text("utf-8"))


def said(node: Any) -> list[str]:
    return [re.sub(r"A-[0-9A-Z]{4,}", "A-0", text).strip() for text in texts(node)]


# --- lists ------------------------------------------------------------------------------------


@pytest.mark.proves("D13", "N1")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_list_of_open_alerts_says_what_the_layout_says(language: str, shared: Path) -> None:
    message = alert_page(listed()[:5], page(), samples.locale(language))  # type: ignore[arg-type]
    wanted = layout(shared, "alerts-open", language)
    assert said(message.blocks) == said(wanted["blocks"])
    assert message.text == wanted["text"]


@pytest.mark.proves("D13")
def test_each_row_has_one_button_that_names_it(locale: Locale, schemas: Path) -> None:
    message = alert_page(listed()[:5], page(), locale)
    assert_message(message, schemas)
    rows = [block["accessory"] for block in message.blocks if "accessory" in block]
    assert [element["action_id"] for element in rows] == [  # type: ignore[index]
        "alert_take_1", "alert_take_2", "alert_take_3", "alert_show_4", "alert_show_5",
    ]  # fmt: skip
    spoken = [str(element["accessibility_label"]) for element in rows]  # type: ignore[index]
    assert "web-01" in spoken[0]
    assert "gcp-build-1" in spoken[4]
    assert not any("style" in element for element in rows)  # type: ignore[operator]


@pytest.mark.proves("D13")
def test_pages_lead_on_and_back(locale: Locale, schemas: Path) -> None:
    second = alert_page(listed()[5:], page(number=2), locale)
    assert_message(second, schemas)
    assert [action for action, _ in buttons(second.blocks)] == [
        "alert_show_6", "alert_show_7", "alerts_back",
    ]  # fmt: skip
    assert "6" in texts(second.blocks)[0]
    found = alert_page(listed()[:5], page("machine", 1, 12, about="web.01"), locale)
    values = [element["value"] for element in moves(found) if element["type"] == "button"]
    assert values == ["machine.2.web.01"]


def moves(message: Message) -> Sequence[dict[str, Any]]:
    row = next(block for block in message.blocks if block["type"] == "actions")
    elements = row["elements"]
    assert isinstance(elements, list)
    return elements


@pytest.mark.proves("D13")
@pytest.mark.parametrize("kind", ["unowned", "mine", "high"])
def test_empty_choice_among_open_ones_leads_back_to_all(
    kind: Kind, locale: Locale, schemas: Path
) -> None:
    message = alert_page([], AlertPage(kind, 1, 0), locale)
    assert_message(message, schemas)
    (menu,) = moves(message)
    offered = [option["value"] for option in menu["options"]]
    assert offered[0] == "open"
    assert kind not in offered


@pytest.mark.proves("D13")
def test_closed_alerts_say_so_and_offer_no_take(locale: Locale, schemas: Path) -> None:
    views = [sample.view(case=sample.RESOLVED), sample.view(case=sample.DISMISSED)]
    message = alert_page(views, page("machine", 1, 2, about="web-01"), locale)
    assert_message(message, schemas)
    assert [action for action, _ in buttons(message.blocks)] == ["alert_show_1", "alert_show_2"]
    assert locale.text("alerts.state.resolved") in texts(message.blocks)[1]
    assert locale.text("alerts.no_owner") not in "".join(texts(message.blocks))


def test_urgent_is_open_then_free_then_high_then_new() -> None:
    order = [
        row("new high", "m", "High", sample.at(18, 0)),
        row("old high", "m", "High", sample.at(9, 0)),
        row("unknown", "m", "Critical", sample.at(19, 0)),
        row("owned", "m", "High", sample.at(19, 0), SATO),
        replace(row("closed", "m", "High", sample.at(19, 0)), case=sample.RESOLVED),
    ]
    assert by_urgency(reversed(order)) == order


@pytest.mark.proves("D13", "O6")
def test_search_says_what_it_left_out(locale: Locale, schemas: Path) -> None:
    odd = row("Odd", "web-01", "High", sample.at(9, 0))
    cut = locale.text("alert_lists.found_cut", n="5,000")
    more = locale.text("alert_lists.found_more", n="100")
    for rows, total, bound, said in (
        ([odd] * 5, 100, "more", more),
        ([odd] * 5, 7, "cut", cut),
        ([], 0, "cut", cut),
    ):
        shown = page("search", 1, total, about="odd", bound=bound)
        message = alert_page(rows, shown, locale)
        assert_message(message, schemas)
        assert said in "\n".join(texts(message.blocks))
        plain = alert_page(rows, replace(shown, bound=""), locale)
        assert said not in "\n".join(texts(plain.blocks))


@pytest.mark.proves("C049", "D13")
def test_foreign_text_in_lists_is_inert(locale: Locale, schemas: Path) -> None:
    odd = row(HOSTILE, HOSTILE, "<Severe|*x*>", sample.at(9, 0), HOSTILE)
    for kind in ("open", "machine", "search"):
        shown = page(kind, 1, 5, about=HOSTILE)
        assert_message(alert_page([odd] * 5, shown, locale), schemas)
        assert_message(alert_page([], AlertPage(kind, 1, 0, 0, HOSTILE), locale), schemas)


# --- mutes ------------------------------------------------------------------------------------


def muted(**changes: Any) -> Mute:
    facts: dict[str, Any] = {
        "id": "a1b2c3", "channel": ChannelId("C0OPS"), "kind": "vm_reverseshell",
        "until": sample.at(20, 0), "machine": "/subscriptions/s/virtualmachines/web-01",
        "by": str(SATO), "name": "Possible reverse shell", "count": 1_204,
    }  # fmt: skip
    return Mute(**(facts | changes))


@pytest.mark.proves("D11")
def test_mutes_say_what_where_until_when_and_how_many(locale: Locale, schemas: Path) -> None:
    message = muted_page(
        [muted(), muted(machine="")], AlertPage("open", 1, 2), sample.NAMES, locale
    )
    assert_message(message, schemas)
    first, second = texts(message.blocks)[1], texts(message.blocks)[3]
    for part in ("Possible reverse shell", "`web-01`", "<#C0OPS>", "sato", "1,204", "20:00"):
        assert part in first
    assert locale.text("alerts.muted.everywhere") in second
    assert buttons(message.blocks)[0] == ("alerts_unmute_1", locale.text("alert.button.unmute"))


@pytest.mark.proves("D11")
def test_mutes_that_are_many_have_pages_and_none_says_how(locale: Locale, schemas: Path) -> None:
    message = muted_page([muted(name=HOSTILE)] * 5, AlertPage("open", 1, 6), {}, locale)
    assert_message(message, schemas)
    assert buttons(message.blocks)[-1][0] == "alerts_page"
    assert_message(muted_page([], AlertPage("open", 1, 0), {}, locale), schemas)


# --- routes -----------------------------------------------------------------------------------

ROUTING = Routing(
    (
        Route("edr", "C0EDR", 10, edr=True),
        Route("db", "C0DB", 20, names=compile_globs(["db-*", "sql-*"])),
        Route(
            "web-high",
            "C0WEB",
            30,
            severities=frozenset({"high"}),
            names=compile_globs(["web-*"]),
            mentions=Mentions(groups=("S0SEC",), people=(str(SATO),)),
            escalation=Escalation(
                remind_after=timedelta(minutes=5),
                group="S0SEC",
                group_after=timedelta(minutes=10),
                person=str(SUZUKI),
                person_after=timedelta(minutes=15),
            ),
        ),
    ),
    "C0OPS",
)


def asked(machine: str = "web-01", severity: str = "High", **changes: Any) -> RouteAsked:
    facts = Facts(severity=severity, machine=machine, is_edr=changes.pop("is_edr", False))
    given: dict[str, Any] = {
        "machine": machine, "severity": severity, "routed": ROUTING.find(facts),
        "group_names": {"S0SEC": "security"}, "names": sample.NAMES,
    }  # fmt: skip
    return RouteAsked(**(given | changes))


@pytest.mark.proves("D2")
def test_route_names_the_rule_and_why_and_who_is_called(schemas: Path) -> None:
    message = route_answer(asked(), samples.locale("en"))
    assert_message(message, schemas)
    everything = "\n".join(texts(message.blocks))
    for part in (
        "*High on `web-01`: <#C0WEB>*", "Rule `web-high` (line 30) catches it.",
        "severity `High`, machine `web-01`", "Not `edr` (line 10): endpoint detection is `no`",
        "Not `db` (line 20): machine is `web-01`, wanted `db-*`, `sql-*`",
        "@security and @sato", "reminder after 5 minutes, @security called after 10 minutes",
        "direct message to @suzuki after 15 minutes", "add `edr`",
    ):  # fmt: skip
        assert part in everything, everything
    assert "<!subteam" not in everything
    assert "<@" not in everything
    assert message.text == "High on web-01 goes to <#C0WEB>."


@pytest.mark.proves("D2", "N1")
def test_japanese_routes_have_blanks_around_code() -> None:
    message = route_answer(asked(), samples.locale("ja"))
    for line in "\n".join(texts(message.blocks)).split("\n"):
        for code in re.finditer("`[^`]+`", line):
            around = line[: code.start()][-1:] + line[code.end() :][:1]
            assert not around.strip(" *"), line
    assert "規則 `web-high` （30行目）" in texts(message.blocks)[0]


@pytest.mark.proves("D2")
def test_route_by_default_held_or_low_says_so(locale: Locale, schemas: Path) -> None:
    default = route_answer(asked("app-03", "Low", is_held=True, is_known=False), locale)
    assert_message(default, schemas)
    everything = "\n".join(texts(default.blocks))
    for key in ("alerts.route.default", "alerts.route.held", "alerts.route.unknown_machine"):
        assert locale.text(key) in everything
    low = Routing((Route("all", "C0OPS", 4, minimum_severity="medium"),), "C0OPS")
    routed = low.find(Facts(severity="Low", machine="web-01"))
    message = route_answer(asked(severity="Low", routed=routed), locale)
    assert_message(message, schemas)
    everything = "\n".join(texts(message.blocks))
    assert locale.text("alerts.route.low") in everything
    assert locale.text("alert_route.for_all") in everything


def test_route_with_foreign_names_and_many_rules_is_inert(locale: Locale, schemas: Path) -> None:
    many = [Route(f"r{n}*_`<", "C0OPS", n, names=compile_globs([HOSTILE] * 9)) for n in range(60)]
    routed = Routing(tuple(many), "C0OPS").find(Facts(severity=HOSTILE, machine=HOSTILE))
    message = route_answer(asked(HOSTILE, HOSTILE, routed=routed, names={}), locale)
    assert_message(message, schemas)


# --- figures ----------------------------------------------------------------------------------

TODAY = date(2026, 11, 25)


def figures(days: int = 7) -> Figures:
    """Two High and one Low today, one of an unknown severity two days ago."""
    span = [TODAY - timedelta(days=days - 1 - at) for at in range(days)]
    rows = [
        (datetime(2026, 11, 25, 0, 5, tzinfo=JST), 0),
        (datetime(2026, 11, 25, 23, 55, tzinfo=JST), 0),
        (datetime(2026, 11, 25, 12, 0, tzinfo=JST), 2),
        (datetime(2026, 11, 23, 12, 0, tzinfo=JST), 4),
        (datetime(2026, 1, 1, 12, 0, tzinfo=JST), 0),
    ]
    return figures_of(rows, span, samples.locale("en"))


def test_figures_are_counted_by_the_readers_days(locale: Locale, schemas: Path) -> None:
    found = figures()
    assert [day.total for day in found.days] == [0, 0, 0, 0, 1, 0, 3]
    assert found.by_rank == (2, 0, 1, 0, 1)
    message = stats_message(found, locale)
    assert_message(message, schemas)
    lines = texts(message.blocks)[1].split("\n")
    assert len(lines) == 7
    assert "2" in lines[-1]
    assert locale.text("alert.severity.high") in lines[-1]
    assert locale.text("alert.severity.low") in alt_text(found, locale)
    assert caption(found, locale)


def test_figures_of_many_days_or_none_fit(locale: Locale, schemas: Path) -> None:
    full = Figures(
        tuple(Day(TODAY - timedelta(days=at), (1_200, 3_400, 56, 7, 8)) for at in range(90))
    )
    assert_message(stats_message(full, locale), schemas)
    assert len(alt_text(full, locale)) <= ALT_MAX
    empty = stats_message(figures_of([], [TODAY], locale), locale)
    assert_message(empty, schemas)
    assert len(empty.blocks) == 1


@pytest.mark.parametrize("days", [1, 7, 90])
def test_picture_is_a_png_of_the_right_size(days: int) -> None:
    drawn = picture(figures(days))
    assert drawn.startswith(b"\x89PNG\r\n")
    assert int.from_bytes(drawn[16:20]) == 1_200
    assert len(drawn) < 100_000


@pytest.mark.parametrize("most", [0, 1, 4, 6, 11, 99, 1_000, 10_001])
def test_axis_has_few_whole_marks(most: int) -> None:
    marks = scale_of(most)
    assert marks[0] == 0
    assert marks[-1] >= most
    assert 2 <= len(marks) <= 7


# --- Home -------------------------------------------------------------------------------------


def home_view(alerts: Sequence[AlertView], unowned: int | None, locale: Locale) -> Any:
    return home.home(
        home.HomeFacts((), (), (), 12, PersonRecord(), sample.at(18, 30), tuple(alerts), unowned),
        locale,
    )


@pytest.mark.proves("K1", "N1")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_home_shows_my_alerts_as_the_layout_does(language: str, shared: Path) -> None:
    shell = row("Possible web shell detected", "web-01", "High", sample.at(18, 1), SATO)
    made = home_view([shell], 3, samples.locale(language))  # type: ignore[arg-type]
    drawn = json.loads((shared / f"ux/jit/home.{language}.json").read_text("utf-8"))["view"]
    wanted = texts(drawn)
    at = next(place for place, text in enumerate(wanted) if "Possible web shell" in text)
    mine = texts(made)
    assert mine[mine.index(wanted[at]) - 1 :][:3] == wanted[at - 1 : at + 2]
    assert next(text for text in wanted if text.startswith(("3 alerts", "担当者のいない"))) in mine


@pytest.mark.proves("K1", "K2")
def test_home_counts_many_alerts_and_leaves_out_none(locale: Locale, schemas: Path) -> None:
    many = [row(f"{HOSTILE}{at}", HOSTILE, "High", sample.at(9, 0), SATO) for at in range(40)]
    assert_view(home_view(many, 1_000, locale), schemas)
    said = texts(home_view([], None, locale))
    assert locale.text("alert_home.title") not in said
    assert not any(
        "alerts_page" in str(action) for action, _ in buttons(home_view([], None, locale))
    )


# --- help, and lines that were not understood -------------------------------------------------


@pytest.mark.proves("K5", "N1")
def test_lines_of_the_help_work_when_pasted(locale: Locale, schemas: Path) -> None:
    message = alert_help.help_message(locale)
    assert_message(message, schemas)
    lines = [line for text in texts(message.blocks) for line in text.splitlines()]
    typed = [line.removeprefix("/alerts ") for line in lines if line.startswith("/alerts ")]
    verbs = [parse(line).verb for line in typed]
    assert set(verbs) == set(AlertVerb) - {AlertVerb.GUESS, AlertVerb.HELP}
    assert not any(parse(line).rest for line in typed)
    assert parse(typed[verbs.index(AlertVerb.DISMISS)]).reason
    assert max(map(len, lines[1:13])) <= 42


@pytest.mark.proves("K5")
def test_answers_to_wrong_lines_name_the_right_one(locale: Locale, schemas: Path) -> None:
    near = ["/alerts machine web-01", "/alerts open"]
    answers = [
        alert_help.unknown_verb(HOSTILE, near, locale),
        alert_help.unknown_machine("wbe-01", near, locale),
        alert_help.missing("/alerts show A-7K2Q9ZD", locale),
        alert_help.reason_missing(f"/alerts dismiss A-1 because {HOSTILE}", locale, can_send=True),
        alert_help.unread_words([HOSTILE], "/alerts open", locale),
        alert_help.bad_severity("hihg", "/alerts route web-01 high", locale),
    ]
    for message in answers:
        assert_message(message, schemas)
        assert "/alerts" in "".join(texts(message.blocks))
    sent = [action for action, _ in buttons(answers[0].blocks)]
    assert sent == ["alerts_run_1", "alerts_run_2"]
    others = [
        alert_help.one_of("2518770965", near, locale),
        alert_help.help_message(locale),
        alert_help.bad_days(locale),
        alert_help.unread(locale),
        alert_help.unknown_verb("x", [], locale),
    ]
    for message in others:
        assert_message(message, schemas)
