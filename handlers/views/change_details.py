"""Every change of a burst, page by page: path, what was done, who; the dangerous ones first."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from defender.file_change_decode import FileChange
from feeds.file_change_records import Weighed
from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views import change_words as words
from handlers.views.alert_words import short_id
from handlers.views.blocks import Block, Message, View
from handlers.views.change_words import ChangeView

#: Three lines each: what a phone shows beside the heading.
PAGE_SIZE: Final = 4
VALUE_MAX: Final = 60
#: Characters of the text to copy; the form's limit is 3,000 for one block.
COPY_MAX: Final = 2_800


def details_form(view: ChangeView, first: int, locale: Locale) -> View:
    """`view.rows` are the page's changes, `first` the place of the first one."""
    burst = view.burst
    rows = view.rows[:PAGE_SIZE]
    return blocks.modal(
        "fim_details",
        locale.text("fim.details.title"),
        _head(view, first, len(rows), locale),
        {"type": "divider"},
        *[_row(row, view, locale) for row in rows],
        _turning(view, first, locale),
        blocks.context(
            locale.text(
                "fim.details.source",
                table=safe.code(burst.facts.table or safe.EMPTY, 60),
                workspace=safe.code(burst.facts.workspace or safe.EMPTY, 64),
            )
        ),
        metadata=burst.id,
        close=locale.text("fim.details.close"),
    )


def copy_form(view: ChangeView, locale: Locale) -> View:
    """The same as text for a ticket; `view.rows` are all that fit."""
    lines = [_copied(row.change, locale) for row in view.rows]
    title = safe.one_line(words.machine(view, locale))
    text = "\n".join([f"{_id(view)} {title}", *lines])
    return blocks.modal(
        "fim_details",
        locale.text("fim.details.copied"),
        blocks.box(text, COPY_MAX),
        blocks.actions(
            blocks.button(locale.text("fim.button.previous"), "fim_page", f"{view.burst.id}.0")
        ),
        metadata=view.burst.id,
        close=locale.text("fim.details.close"),
    )


def details_text(view: ChangeView, locale: Locale) -> Message:
    """The page as a message, for whoever's form could not be opened any more."""
    rows = [_row(row, view, locale) for row in view.rows[:PAGE_SIZE]]
    head = _head(view, 0, len(rows), locale)
    plain = f"{_id(view)} {safe.escape_mrkdwn(words.machine(view, locale))}"
    return blocks.message(plain, head, *rows)


def _id(view: ChangeView) -> str:
    """What people call it; the changes of an alert's story have no name of their own."""
    kind, _, key = view.burst.id.partition(":")
    return short_id(key) if kind == "alert" else view.burst.id


def _head(view: ChangeView, first: int, shown: int, locale: Locale) -> Block:
    burst = view.burst
    title = locale.plural(
        "fim.details.head",
        burst.count,
        machine=words.machine_code(view, locale),
        **({} if _is_single(burst.count, locale) else {"first": first + 1, "last": first + shown}),
    )
    when = words.span(burst.first_at, burst.last_at, locale)
    said = [when]
    if view.sessions:
        session = view.sessions[0]
        who = words.name(session.person, view.names, locale)
        ports = words.ports(session.ports, locale)
        said.append(locale.text("fim.details.session", who=who, ports=ports))
    elif view.is_azure_vm:
        said.append(locale.text("fim.no_session").strip("*"))
    joined = ". ".join(said) if locale.language == "en" else "。".join(said)
    return blocks.section(title.strip(), joined)


def _is_single(count: int, locale: Locale) -> bool:
    return locale.language == "en" and count == 1


def _row(row: Weighed, view: ChangeView, locale: Locale) -> Block:
    """Path, what was done, who; then old and new where Azure has both."""
    change = row.change
    path = safe.code(safe.cut_middle(safe.one_line(change.path) or safe.EMPTY, 250), 300)
    danger = locale.text("fim.details.danger") if row.danger.is_dangerous else ""
    at = change.changed_at or change.seen_at
    line = locale.text(
        "fim.details.line",
        danger=danger,
        act=act(change, locale),
        when=_when(at, view, locale),
        size=_size(change, locale),
    )
    who = [part for part in (_who(change, locale), _hash(change, locale)) if part]
    more = [_remote(change, locale), _renamed(change, locale), _value(change, locale),
            _rights(change, locale), _sources(change, locale), _fate(row, locale)]  # fmt: skip
    comma = locale.text("fim.details.comma")
    return blocks.section(path, line, comma.join(who), *more)


def _when(at: datetime | None, view: ChangeView, locale: Locale) -> str:
    """The time alone where the heading bears the day."""
    if at is None:
        return safe.EMPTY
    burst = view.burst
    is_near = words.same_day(burst.first_at, at, locale) and words.same_day(
        burst.first_at, burst.last_at, locale
    )
    return words.clock_token(at, locale) if is_near else locale.when(at)


def act(change: FileChange, locale: Locale) -> str:
    if change.act in words.ACTS:
        return locale.text(f"fim.details.act.{change.act}")
    said = safe.escape_mrkdwn(change.act or safe.EMPTY, 40)
    return locale.text("fim.details.act.other", act=said)


def _size(change: FileChange, locale: Locale) -> str:
    if change.new_size is None:
        return ""
    new = f"{change.new_size:,}"
    if change.old_size is None or change.old_size == change.new_size:
        return locale.text("fim.details.size.now", new=new)
    return locale.text("fim.details.size.both", old=f"{change.old_size:,}", new=new)


def _who(change: FileChange, locale: Locale) -> str:
    account = safe.code(change.account, words.NAME_MAX) if change.account else ""
    process = safe.code(change.process, words.NAME_MAX) if change.process else ""
    if account and process:
        return locale.text("fim.details.by", account=account, process=process)
    if account:
        return locale.text("fim.details.by_account", account=account)
    return locale.text("fim.details.by_process", process=process) if process else ""


def _sources(change: FileChange, locale: Locale) -> str:
    return locale.text("fim.details.both_sources") if change.twin else ""


def _hash(change: FileChange, locale: Locale) -> str:
    new, old = _short(change.new_hash), _short(change.old_hash)
    if new and old and new != old:
        return locale.text("fim.details.hash_both", old=old, new=new)
    return locale.text("fim.details.hash", new=new) if new else ""


def _short(digest: str) -> str:
    """`9f2c…77e1` as code."""
    shown = safe.one_line(digest)
    return safe.code(f"{shown[:4]}…{shown[-4:]}" if len(shown) > 12 else shown) if shown else ""


def _remote(change: FileChange, locale: Locale) -> str:
    if not change.remote:
        return ""
    return locale.text("fim.details.remote", address=safe.code(change.remote, 60))


def _renamed(change: FileChange, locale: Locale) -> str:
    if not change.old_path or change.old_path == change.path:
        return ""
    return locale.text("fim.details.renamed", path=safe.code(change.old_path, 250))


def _value(change: FileChange, locale: Locale) -> str:
    old, new = _shown(change.old_value), _shown(change.new_value)
    if old and new:
        return locale.text("fim.details.value", old=old, new=new)
    if new:
        return locale.text("fim.details.value_new", new=new)
    return locale.text("fim.details.value_gone", old=old) if old else ""


def _rights(change: FileChange, locale: Locale) -> str:
    old, new = _shown(change.old_rights), _shown(change.new_rights)
    return locale.text("fim.details.rights", old=old, new=new) if old and new else ""


def _shown(text: str) -> str:
    return (
        safe.code(safe.cut_middle(text.replace("\0", " "), VALUE_MAX)) if text.strip("\0 ") else ""
    )


def _fate(row: Weighed, locale: Locale) -> str:
    if row.fate.startswith("muted:"):
        return locale.text("fim.details.muted")
    return locale.text("fim.details.ignored") if row.fate == "ignored" else ""


def _turning(view: ChangeView, first: int, locale: Locale) -> Block:
    burst = view.burst
    left = burst.count - first - PAGE_SIZE
    back = max(0, first - PAGE_SIZE)
    return blocks.actions(
        blocks.button(locale.text("fim.button.previous"), "fim_page_1", f"{burst.id}.{back}")
        if first
        else None,
        blocks.button(
            locale.text("fim.button.next", n=min(left, PAGE_SIZE)),
            "fim_page",
            f"{burst.id}.{first + PAGE_SIZE}",
        )
        if left > 0
        else None,
        blocks.button(locale.text("fim.button.copy"), "fim_text", f"{burst.id}.0"),
    )


def _copied(change: FileChange, locale: Locale) -> str:
    at = change.changed_at or change.seen_at
    parts = [
        locale.plain_when(at) if at else safe.EMPTY,
        change.act or safe.EMPTY,
        safe.one_line(change.path),
        safe.one_line(change.account),
        safe.one_line(change.process),
        safe.one_line(change.new_hash),
    ]
    return "\t".join(part for part in parts if part)
