"""`/fim windows`, `/fim status` and the help: what is announced, what is read, what to type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from defender.file_change_decode import MDE
from feeds.file_change_records import WorkspaceState
from feeds.windows import ChangeWindow, PathMute
from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views import change_words as words
from handlers.views.blocks import Block, Message

ROWS_MAX: Final = 10
_PROBLEMS: Final = frozenset(
    {"partial", "refused", "forbidden", "busy", "not_found", "unavailable", "no_tables"}
)


def windows_list(
    windows: Sequence[ChangeWindow],
    mutes: Sequence[PathMute],
    counts: Mapping[str, int],
    names: Mapping[str, str],
    locale: Locale,
) -> Message:
    """What is announced, each with its end; then what is not told, so that nothing is forgotten."""
    example = safe.code(locale.text("fim.help.example_window"), 120)
    head = locale.plural("fim.windows.head", len(windows))
    if not windows:
        head = locale.text("fim.windows.none")
    return blocks.message(
        locale.text("fim.windows.text", n=len(windows)),
        blocks.section(head, locale.text("fim.windows.how", example=example)),
        *[_window(each, counts, names, locale) for each in windows[:ROWS_MAX]],
        _mutes(mutes, names, locale),
    )


def _window(
    window: ChangeWindow, counts: Mapping[str, int], names: Mapping[str, str], locale: Locale
) -> Block:
    row = locale.text(
        "fim.windows.row",
        pattern=safe.code(window.pattern, 60),
        until=locale.when(window.ends_at),
        who=words.name(window.opened_by, names, locale),
        reason=safe.code(window.reason, 120),
    )
    spoken = locale.text("fim.button.end_window_spoken", pattern=safe.one_line(window.pattern))
    end = blocks.button(
        locale.text("fim.button.end_window"), "fim_end_window", window.id, spoken=spoken
    )
    said = locale.plural("fim.windows.count", counts.get(window.id, 0))
    return blocks.section(row, said, accessory=end)


def _mutes(mutes: Sequence[PathMute], names: Mapping[str, str], locale: Locale) -> Block | None:
    if not mutes:
        return None
    lines = [
        locale.text(
            "fim.windows.mute",
            pattern=safe.code(mute.pattern, 100),
            machine=safe.code(mute.machine or safe.EMPTY, words.NAME_MAX),
            until=locale.when(mute.until),
            who=words.name(mute.muted_by, names, locale),
        )
        for mute in mutes[:ROWS_MAX]
    ]
    return blocks.section(locale.plural("fim.windows.mutes", len(mutes)), *lines)


def status(states: Sequence[WorkspaceState], now: datetime, locale: Locale) -> Message:
    """Each workspace: on or not, which generation, the last row, how far it was read."""
    if not states:
        text = locale.text("fim.status.none")
        return blocks.message(text, blocks.section(text))
    bad = sum(1 for state in states if state.problem or state.is_silent)
    return blocks.message(
        locale.text("fim.status.text", n=len(states), bad=bad),
        blocks.section(locale.text("fim.status.head")),
        *[_state(state, now, locale) for state in states[:40]],
    )


def _state(state: WorkspaceState, now: datetime, locale: Locale) -> Block:
    is_problem = state.problem in _PROBLEMS
    detail = safe.escape_mrkdwn(state.detail or safe.EMPTY, 200)
    said = locale.text("fim.status.on")
    if is_problem and state.problem in ("busy", "no_tables"):
        said = locale.text(f"fim.status.{state.problem}")
    elif is_problem:
        said = locale.text(f"fim.status.{state.problem}", detail=detail)
    elif not state.tables:
        said = locale.text("fim.status.never_read")
    last = locale.text("fim.status.no_row")
    if state.last_row_at is not None:
        last = locale.text("fim.status.last_row", when=locale.when(state.last_row_at))
    read = locale.text("fim.status.never_read")
    if state.read_to is not None:
        read = locale.text("fim.status.read_to", when=locale.when(state.read_to))
    name = safe.code(state.name or safe.EMPTY, 64)
    is_waiting = state.wait_until is not None and state.wait_until > now
    again = locale.text("fim.status.again", when=locale.when(state.wait_until or now))
    return blocks.section(
        locale.text("fim.status.row", workspace=name, state=said),
        tables(state, locale),
        locale.text("list.comma").join((last, read)),
        locale.text("fim.status.silent") if state.is_silent else "",
        locale.text("fim.status.no_beats") if state.has_beats is False else "",
        again if is_waiting else "",
    )


def tables(state: WorkspaceState, locale: Locale) -> str:
    """Which generation answers, so that nobody takes one for the other."""
    shown = [
        f"{locale.text('fim.status.mde' if table == MDE else 'fim.status.tracking')} "
        f"({safe.code(table, 60)})"
        if locale.language == "en"
        else f"{locale.text('fim.status.mde' if table == MDE else 'fim.status.tracking')}"
        f"（ {safe.code(table, 60)} ）"
        for table in state.tables
    ]
    return locale.join(shown)


def help_message(locale: Locale, unknown: str = "") -> Message:
    """One line each; a line that was not understood is named first."""
    lines = [
        locale.text(f"fim.help.{each}")
        for each in ("list", "machine", "path", "window", "windows", "status")
    ]
    said = (
        locale.text("fim.help.unknown", line=safe.code(f"/fim {unknown}", 200)) if unknown else ""
    )
    text = locale.text("fim.help.text")
    if unknown:
        plain = safe.escape_mrkdwn(f"/fim {unknown}", 200)
        text = locale.text("fim.help.unknown", line=plain)
    return blocks.message(text, blocks.section(said, locale.text("fim.help.head"), *lines))
