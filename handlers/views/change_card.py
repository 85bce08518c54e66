"""The card of a burst of file changes: one message, edited from the first word to the last.

The first line says how bad; then machine, time and who, the dangerous paths by name, and whose port
was open. Without a session there is nobody to ask, so it is an owned item.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from feeds.file_change_records import Weighed
from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views import change_parts as parts
from handlers.views import change_words as words
from handlers.views.blocks import Block, Element, Message
from handlers.views.change_answered import not_me_card, settled_card, suspicious_card
from handlers.views.change_quiet import silent_card, window_card
from handlers.views.change_words import ChangeView

#: Paths that a card names; the rest are counted.
NAMED_MAX: Final = 3


def change_card(view: ChangeView, locale: Locale) -> Message:
    """The card as it should look now."""
    if view.burst.kind == "window":
        return window_card(view, locale)
    if view.burst.kind == "silent":
        return silent_card(view, locale)
    case = view.case
    listed = paths_block(view, locale)
    if case.is_closed:
        state = "resolved" if view.is_resolved else "expected"
        return settled_card(view, headline(view, locale, state), locale)
    if case.answer == "not_me":
        return not_me_card(view, listed, locale)
    if case.state == "inprogress":
        title = headline(view, locale, "suspicious")
        return suspicious_card(view, title, listed, locale)
    return _new_card(view, listed, locale)


def _new_card(view: ChangeView, listed: Block, locale: Locale) -> Message:
    title = headline(view, locale)
    asked = view.sessions and not view.case.owner
    return blocks.message(
        _text(view, title, locale),
        blocks.header(title),
        blocks.section(parts.taken(view, locale), *_facts(view, locale)),
        listed,
        parts.question(view, locale) if view.sessions else None,
        _asked_buttons(view, locale) if asked else _owned_buttons(view, locale),
        blocks.context(foot(view, locale)),
    )


def headline(view: ChangeView, locale: Locale, state: str = "") -> str:
    """`Dangerous: 2 file changes on web-01` (plain)."""
    burst = view.burst
    count = burst.count
    if not state:
        state = "plain"
        if view.is_flood:
            state = "flood"
        elif not view.sessions:
            state = "unexplained"
        elif burst.dangerous:
            state, count = "dangerous", burst.dangerous
    key = f"fim.head.{state}.{words.noun(view)}"
    return locale.plural(key, count, machine=words.machine(view, locale))


def _facts(view: ChangeView, locale: Locale) -> list[str]:
    burst = view.burst
    when = words.span(burst.first_at, burst.last_at, locale)
    who, late = words.who_line(view, locale), words.late_line(view, locale)
    if view.sessions:
        is_part = 0 < burst.dangerous < burst.count and not view.is_flood
        key = "fim.out_of" if is_part else "fim.all_at"
        at = locale.text(key, n=burst.count, span=when)
        return [words.start(at), who, late]
    on = locale.text("fim.on", machine=words.machine_code(view, locale), span=when)
    return [who, on.strip(), late, *_no_session(view, locale)]


def _no_session(view: ChangeView, locale: Locale) -> list[str]:
    if not view.is_azure_vm:
        return [locale.text("fim.session_unknown")]
    lines = [locale.text("fim.no_session_flood" if view.is_flood else "fim.no_session")]
    last = view.last_session
    if last is not None:
        who = words.name(last.person, view.names, locale)
        lines.append(locale.text("fim.last_session", who=who, when=locale.when(last.ends_at)))
    return lines


# --- which paths ------------------------------------------------------------------------------


def paths_block(view: ChangeView, locale: Locale) -> Block:
    """The dangerous ones by name and why, the rest as counts of their kinds."""
    named = named_rows(view)
    items: list[list[Element]] = []
    for row in named:
        runs = [words.code_run(words.short_path(row.change.path))]
        if row.danger.is_dangerous and row.danger.why is not None:
            why = locale.text(f"fim.why.{row.danger.why.value}")
            key = "fim.row.named" if view.sessions else "fim.row.dangerous"
            runs.append(blocks.run(locale.text(key, why=why)))
        items.append(runs)
    if view.burst.count == 1 and named:
        items += _values(named[0], locale)
    left = view.burst.count - len(named)
    if left > 0:
        kinds = Counter(view.burst.kinds)
        kinds.subtract(row.kind for row in named)
        said = words.kind_counts(kinds, locale)
        items.append([blocks.run(locale.plural("fim.row.others", left, kinds=said))])
    return words.bullets(items or [[blocks.run(safe.EMPTY)]])


def named_rows(view: ChangeView) -> list[Weighed]:
    """The dangerous ones, else the first few."""
    dangerous = [row for row in view.rows if row.danger.is_dangerous]
    return (dangerous or list(view.rows))[:NAMED_MAX]


def _values(row: Weighed, locale: Locale) -> list[list[Element]]:
    """Of a single registry change: what it is now and was before."""
    change = row.change
    if not change.new_value and not change.old_value:
        return []
    new, old = _value(change.new_value), _value(change.old_value)
    before = locale.text("fim.row.before")
    end = "）" if before.startswith("（") else ""
    runs = [blocks.run(locale.text("fim.row.new_value")), words.code_run(new or safe.EMPTY)]
    if old:
        runs += [blocks.run(before), words.code_run(old), *([blocks.run(end)] if end else [])]
    else:
        runs.append(blocks.run(before + locale.text("fim.row.before_none") + end))
    return [runs]


def _value(text: str) -> str:
    """A REG_MULTI_SZ is parted by NULs, which Slack never gets."""
    return safe.cut_middle(safe.one_line(text.replace("\0", " ")), words.PATH_MAX) if text else ""


# --- asking -----------------------------------------------------------------------------------


def _asked_buttons(view: ChangeView, locale: Locale) -> Block:
    """Equal answers: the layout must not lean to yes."""
    return blocks.actions(
        blocks.button(locale.text("fim.button.mine"), "fim_mine", view.value),
        blocks.button(locale.text("fim.button.not_mine"), "fim_not_mine", view.value),
        parts.details(view, locale),
        parts.more(view, locale, "expected", "suspicious", "mute"),
    )


def _owned_buttons(view: ChangeView, locale: Locale) -> Block:
    if view.case.owner:
        expected = locale.text("fim.button.expected")
        return blocks.actions(
            blocks.button(expected, "fim_expected", view.value, style="primary"),
            parts.details(view, locale),
            parts.more(view, locale, "suspicious", "mute"),
        )
    return blocks.actions(
        parts.take(view, locale),
        parts.details(view, locale),
        parts.more(view, locale, "expected", "suspicious", "mute"),
    )


# --- foot and fallback ------------------------------------------------------------------------


def foot(view: ChangeView, locale: Locale) -> str:
    burst = view.burst
    is_risk = view.is_azure_vm and not view.sessions
    said = [
        burst.id,
        "" if is_risk and burst.count == 1 else words.act_counts(view, locale),
        locale.text("fim.risk") if is_risk else "",
        words.place(view, locale),
    ]
    return locale.text("fim.sep").join(each for each in said if each)


def _text(view: ChangeView, title: str, locale: Locale) -> str:
    """Says it all in one go: how bad, which paths, whose port."""
    burst = view.burst
    paths = safe.escape_mrkdwn(
        locale.join([words.short_path(row.change.path) for row in named_rows(view)]), 400
    )
    said = locale.text(
        "fim.text.new",
        headline=safe.escape_mrkdwn(title),
        when=words.plain_span(burst.first_at, burst.last_at, locale),
        paths=f"{paths}. " if locale.language == "en" else f"{paths}。",
    )
    if not view.is_azure_vm:
        return said + locale.text("fim.text.unknown")
    if not view.sessions:
        return said + locale.text("fim.text.none")
    session = view.sessions[0]
    return said + locale.text(
        "fim.text.session",
        who=words.name(session.person, view.names, locale),
        ports=words.ports(session.ports, locale),
        asked=words.name(session.person, view.names, locale),
    )
