"""Pages of alerts and of mutes, as `/alerts open`, `mine`, `machine`, `search`, `muted` show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from feeds.mutes import Mute
from feeds.reading import SEARCH_MAX
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.alert_buttons import take_or_open
from handlers.views.alert_route import spaced
from handlers.views.alert_view import AlertView
from handlers.views.blocks import Block, Element, Message, Option

#: `more`: older alerts hold the words, too; `cut`: older alerts were not read.
Bound = Literal["", "more", "cut"]
Kind = Literal["open", "unowned", "mine", "high", "machine", "search"]

#: Rows of three lines and a button each.
PAGE_SIZE = 5
#: Those between which the menu changes, in its order; "open" is the whole of them.
FILTERS: tuple[Kind, ...] = ("unowned", "mine", "high")
_FILTER_TEXTS: Mapping[Kind, str] = {
    "open": "all",
    "unowned": "unowned",
    "mine": "mine_only",
    "high": "high_only",
}
_TEXTS: Mapping[Kind, str] = {"unowned": "unowned_list"}


@dataclass(frozen=True, slots=True)
class AlertPage:
    """One page of `total` rows; `number` counts from 1. `about`: a machine, or words."""

    kind: Kind
    number: int
    total: int
    unowned: int = 0
    about: str = ""
    bound: Bound = ""

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE_SIZE + 1

    @property
    def left(self) -> int:
        return max(0, self.total - self.number * PAGE_SIZE)


def alert_page(rows: Sequence[AlertView], page: AlertPage, locale: Locale) -> Message:
    """A headline, a row per alert with its one button, and the way to the others."""
    headline = _headline(page, locale)
    if not rows:
        return blocks.message(
            _bare(headline),
            blocks.section(f"*{headline}*", _bound(page, locale)),
            _moves(page, locale, rows=rows),
        )
    shown = rows[:PAGE_SIZE]
    return blocks.message(
        _text(headline, shown[0], locale),
        blocks.section(f"*{headline}*", _span(page, len(shown), locale), _bound(page, locale)),
        *[_row(view, page.first + at, locale) for at, view in enumerate(shown)],
        _moves(page, locale, rows=shown),
        blocks.context(locale.text("alerts.also", id=say.short_id(shown[0].alert.key))),
    )


def muted_page(
    mutes: Sequence[Mute], page: AlertPage, names: Mapping[str, str], locale: Locale
) -> Message:
    """What is muted where, until when, by whom, and how much it has kept quiet."""
    if not mutes:
        headline = locale.text("alerts.muted.none")
        hint = locale.text("alert_lists.mute_hint")
        text = locale.text("sentence", headline=headline, rest=hint)
        return blocks.message(text, blocks.section(f"*{headline}*", hint))
    headline = locale.plural("alerts.muted.count", page.total)
    shown = mutes[:PAGE_SIZE]
    first = locale.text("alert_lists.muted_first", name=safe.escape_mrkdwn(shown[0].name, 120))
    return blocks.message(
        locale.text("sentence", headline=headline, rest=first),
        blocks.section(
            f"*{headline}*", _span(page, len(shown), locale, key="alert_lists.muted_span")
        ),
        *[_mute_row(mute, page.first + at, names, locale) for at, mute in enumerate(shown)],
        _row_of(_back(page, "muted", locale), _next(page, "muted", locale)),
        blocks.context(locale.text("alert_lists.muted_small")),
    )


def _headline(page: AlertPage, locale: Locale) -> str:
    key = _TEXTS.get(page.kind, page.kind)
    about = safe.code(page.about, 120) if page.about else ""
    if not page.total:
        return locale.text(f"alerts.{key}.none", about=about)
    return locale.plural(f"alerts.{key}.count", page.total, unowned=page.unowned, about=about)


def _bound(page: AlertPage, locale: Locale) -> str:
    """What a search did not show; nothing where it shows all."""
    match page.bound:
        case "more":
            return locale.text("alert_lists.found_more", n=say.number(page.total))
        case "cut":
            return locale.text("alert_lists.found_cut", n=say.number(SEARCH_MAX))
        case _:
            return ""


def _bare(headline: str) -> str:
    """For a notification, which shows marks as they are."""
    return headline.replace("`", "").strip()


def _text(headline: str, first: AlertView, locale: Locale) -> str:
    return locale.text(
        "alerts.open.text",
        headline=_bare(headline),
        severity=safe.escape_mrkdwn(say.severity(first.alert, locale), 40),
        title=safe.escape_mrkdwn(say.title(first.alert), 200),
        machine=safe.escape_mrkdwn(say.machine(first.alert), 80),
    )


def _span(page: AlertPage, shown: int, locale: Locale, *, key: str = "alerts.span") -> str:
    if page.total <= PAGE_SIZE:
        return ""
    last = page.first + shown - 1
    return locale.text(key, first=page.first, last=last, total=page.total)


def _row(view: AlertView, number: int, locale: Locale) -> Block:
    """How bad and whose, or how it ended; the title; where and when."""
    severity = safe.escape_mrkdwn(say.severity(view.alert, locale), 60)
    args = {
        "severity": severity,
        "title": safe.code(say.title(view.alert), 300),
        "machine": safe.code(say.machine(view.alert), 200),
        "when": say.when(view.at, locale),
    }
    if view.is_closed:
        state = locale.text(f"alerts.state.{view.phase}")
        said = locale.text("alerts.row_closed", state=state, **args)
    else:
        owner = view.case.owner
        who = say.name(owner, view.names, locale) if owner else locale.text("alerts.no_owner")
        said = locale.text("alerts.row", owner=who, **args)
    return blocks.section(said, accessory=take_or_open(view, number, locale))


def _mute_row(mute: Mute, number: int, names: Mapping[str, str], locale: Locale) -> Block:
    name = mute.name or mute.kind
    where = locale.text("alerts.muted.everywhere")
    if mute.machine:
        where = safe.code(mute.machine.rpartition("/")[2], 120)
    said = locale.plural(
        "alert_lists.mute_row",
        mute.count,
        name=safe.escape_mrkdwn(name, 160),
        where=where,
        channel=f"<#{mute.channel}>",
        when=locale.when(mute.until),
        who=say.name(mute.by, names, locale),
        count=say.number(mute.count),
    )
    spoken = locale.text("alert.button.unmute_spoken", name=safe.cut(safe.one_line(name), 60))
    end = blocks.button(
        locale.text("alert.button.unmute"), f"alerts_unmute_{number}", mute.id, spoken=spoken
    )
    return blocks.section(*spaced(said.splitlines(), locale), accessory=end)


def _moves(page: AlertPage, locale: Locale, *, rows: Sequence[AlertView]) -> Block | None:
    """Back, next, and the menu that changes what is listed."""
    has_menu = page.kind == "open" or page.kind in FILTERS
    menu = _filter(page, locale) if has_menu and (rows or page.kind != "open") else None
    return _row_of(_back(page, page.kind, locale), _next(page, page.kind, locale), menu)


def _row_of(*elements: Element | None) -> Block | None:
    return blocks.actions(*elements) if any(elements) else None


def _filter(page: AlertPage, locale: Locale) -> Element:
    offered: list[Kind] = [kind for kind in FILTERS if kind != page.kind]
    if page.kind != "open":
        offered.insert(0, "open")
    choices = [Option(kind, locale.text(f"alerts.{_FILTER_TEXTS[kind]}")) for kind in offered]
    placeholder = blocks.plain_text(locale.text("alerts.filter"), blocks.PLACEHOLDER_MAX)
    return {
        "type": "static_select",
        "action_id": "alerts_filter",
        "placeholder": placeholder,
        "options": blocks.options(choices),
    }


def _next(page: AlertPage, kind: str, locale: Locale) -> Element | None:
    """`open.2.`: what, the page, and what it is of."""
    if not page.left:
        return None
    said = locale.text("alerts.next", n=min(page.left, PAGE_SIZE))
    return blocks.button(said, "alerts_page", _value(page, kind, page.number + 1))


def _back(page: AlertPage, kind: str, locale: Locale) -> Element | None:
    if page.number < 2:
        return None
    value = _value(page, kind, page.number - 1)
    return blocks.button(locale.text("alerts.previous"), "alerts_back", value)


def _value(page: AlertPage, kind: str, number: int) -> str:
    return f"{kind}.{number}.{safe.echo(page.about, 200)}"
