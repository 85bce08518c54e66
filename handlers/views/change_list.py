"""What `/fim` answers: machines with changes, one machine, one path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from feeds.cases import Case
from feeds.file_change_records import MachineCount, SilentMachine, Weighed
from handlers.locale import Locale
from handlers.views import blocks, safe
from handlers.views import change_words as words
from handlers.views.blocks import Block, Element, Message, Option
from handlers.views.change_details import act

#: Rows of one answer; the rest is counted.
PAGE_SIZE: Final = 5
ROWS_SHOWN: Final = 8
PERIODS: Final = {"24h": "last_day", "7d": "last_week", "30d": "last_month"}


@dataclass(frozen=True, slots=True)
class ListRow:
    """A machine with what people think of its newest burst."""

    machine: MachineCount
    case: Case = field(default_factory=Case)
    #: whose session was open then; "" for nobody's.
    session_of: str = ""
    #: the reason of the change window that announced it.
    window_reason: str = ""
    is_known_vm: bool = True


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that `/fim` says."""

    rows: tuple[ListRow, ...]
    machines: int
    silent: tuple[SilentMachine, ...]
    #: machines by the table they were read from, in our words.
    sources: tuple[str, ...]
    since: datetime
    period: str
    names: Mapping[str, str] = field(default_factory=dict)


def overview(found: Overview, locale: Locale) -> Message:
    """A silent machine is a row of its own, never `0 changes`."""
    shown = found.rows[:PAGE_SIZE]
    changed = len(found.rows)
    total = max(found.machines, changed)
    if shown:
        head = locale.plural("fim.list.head", total, changed=changed)
        rest = locale.text("fim.list.since", when=locale.when(found.since))
        most = shown[0].machine
        text = locale.text(
            "fim.list.text",
            when=locale.plain_when(found.since),
            changed=changed,
            n=total,
            machine=safe.escape_mrkdwn(most.machine, words.NAME_MAX),
            count=locale.plural("fim.list.count", most.count),
        )
    else:
        head = locale.text("fim.list.none", when=locale.when(found.since))
        rest = locale.text("fim.list.none_rest", n=total - len(found.silent))
        text = locale.text("fim.list.text_none", when=locale.plain_when(found.since))
    return blocks.message(
        text,
        blocks.section(head, rest),
        *[_row(number, row, found, locale) for number, row in enumerate(shown, start=1)],
        _silent(found, locale),
        blocks.actions(
            period_menu(found.period, locale),
            blocks.button(locale.text("fim.button.windows"), "fim_windows", "list"),
        ),
        blocks.context(*_foot(found, total, changed, locale)),
    )


def _row(number: int, row: ListRow, found: Overview, locale: Locale) -> Block:
    machine = row.machine
    name = safe.one_line(machine.machine) or safe.EMPTY
    line = locale.text(
        "fim.list.row",
        machine=safe.code(name, words.NAME_MAX),
        count=locale.plural("fim.list.count", machine.count),
        dangerous=_dangerous(machine, locale),
    )
    latest = locale.text(
        "fim.list.latest", when=locale.when(machine.latest_at), state=_state(row, found, locale)
    )
    button = blocks.button(
        locale.text("fim.button.open"),
        f"fim_machine_{number}",
        safe.cut_middle(name, 150),
        spoken=locale.text("fim.button.open_spoken", machine=name),
    )
    return blocks.section(line, latest, accessory=button)


def _dangerous(machine: MachineCount, locale: Locale) -> str:
    if not machine.dangerous:
        return ""
    if machine.dangerous == machine.count == 1:
        return locale.text("fim.list.only_dangerous")
    return locale.plural("fim.list.dangerous", machine.dangerous)


def _state(row: ListRow, found: Overview, locale: Locale) -> str:
    """What people think of the newest burst."""
    case = row.case

    def who(person: str) -> str:
        return words.name(person, found.names, locale)

    if row.window_reason:
        reason = safe.code(row.window_reason, 60)
        return locale.text("fim.list.state_window", reason=reason)
    if case.answer == "not_me":
        return locale.text("fim.list.state_not_me", who=who(case.answered_by))
    if case.answer == "yes":
        return locale.text("fim.list.state_yes", who=who(case.answered_by))
    if case.state == "resolved":
        return locale.text("fim.list.state_expected", reason=safe.code(case.reason, 60))
    if case.state == "inprogress":
        return locale.text("fim.list.state_suspicious", who=who(case.decided_by))
    if case.owner:
        return locale.text("fim.list.state_taken", who=who(case.owner))
    if row.session_of:
        return locale.text("fim.list.state_session", who=who(row.session_of))
    return locale.text("fim.list.state_unexplained") if row.is_known_vm else ""


def _silent(found: Overview, locale: Locale) -> Block | None:
    if not found.silent:
        return None
    names = words.codes([each.machine or each.workspace for each in found.silent[:3]], locale)
    if len(found.silent) > 3:
        names += safe.ELLIPSIS
    first = found.silent[0]
    check = blocks.button(locale.text("fim.button.check"), "fim_silent", first.id)
    head = locale.plural("fim.list.silent", len(found.silent), names=names)
    rest = locale.text("fim.list.silent_rest", when=locale.when(first.since))
    return blocks.section(head, rest, accessory=check)


def _foot(found: Overview, total: int, changed: int, locale: Locale) -> list[str]:
    quiet = max(0, total - changed - len(found.silent))
    lines = []
    if changed > PAGE_SIZE:
        example = safe.escape_mrkdwn(found.rows[PAGE_SIZE].machine.machine, words.NAME_MAX)
        lines.append(locale.text("fim.list.more", n=changed - PAGE_SIZE, example=example))
    sources = locale.text("fim.list.sources", sources=locale.text("list.comma").join(found.sources))
    said = locale.plural("fim.list.quiet", quiet)
    space = " " if locale.language == "en" else ""
    return [*lines, f"{said}{space}{sources}" if found.sources else said]


def period_menu(period: str, locale: Locale) -> Element:
    offered = [Option(key, locale.text(f"fim.list.{name}")) for key, name in PERIODS.items()]
    return blocks.choices("static_select", "fim_period", offered, (period,))


# --- one machine, one path --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of one machine or of one path, newest first. `bursts`: ids of their cards."""

    name: str
    rows: tuple[Weighed, ...]
    since: datetime
    bursts: tuple[str, ...] = ()


def machine_changes(found: Changes, locale: Locale) -> Message:
    name = safe.code(found.name, words.NAME_MAX)
    if not found.rows:
        head = locale.text("fim.machine.none", machine=name, when=locale.when(found.since))
        return blocks.message(head, blocks.section(head, locale.text("fim.machine.none_rest")))
    count = len(found.rows)
    head = locale.plural("fim.machine.head", count, machine=name)
    details = None
    if found.bursts:
        details = blocks.button(locale.text("fim.button.details"), "fim_details", found.bursts[0])
    left = count - ROWS_SHOWN
    return blocks.message(
        locale.text(
            "fim.machine.text",
            n=count,
            machine=safe.escape_mrkdwn(found.name, words.NAME_MAX),
            when=locale.plain_when(found.since),
        ),
        blocks.section(
            head, locale.text("fim.machine.since", when=locale.when(found.since)), accessory=details
        ),
        *[_change(row, "fim.machine.row", locale) for row in found.rows[:ROWS_SHOWN]],
        blocks.context(
            locale.text("fim.machine.left", n=left) if left > 0 else "",
            locale.text("fim.machine.bursts", ids=locale.text("list.comma").join(found.bursts[:8]))
            if found.bursts
            else "",
        )
        if left > 0 or found.bursts
        else None,
    )


def path_changes(found: Changes, locale: Locale) -> Message:
    path = safe.code(found.name, 250)
    plain = safe.escape_mrkdwn(found.name, 250)
    if not found.rows:
        head = locale.text("fim.path.none", path=path, when=locale.when(found.since))
        return blocks.message(head, blocks.section(head, locale.text("fim.path.none_rest")))
    count = len(found.rows)
    head = locale.plural("fim.path.head", count, path=path)
    text = locale.text("fim.path.text", n=count, path=plain, when=locale.plain_when(found.since))
    shown = [_change(row, "fim.path.row", locale) for row in found.rows[:ROWS_SHOWN]]
    return blocks.message(text, blocks.section(head), *shown)


def _change(row: Weighed, key: str, locale: Locale) -> Block:
    change = row.change
    at = change.changed_at or change.seen_at
    said = {"act": act(change, locale), "when": locale.when(at) if at else safe.EMPTY}
    account = safe.code(change.account, words.NAME_MAX) if change.account else ""
    process = safe.code(change.process, words.NAME_MAX) if change.process else ""
    by = ""
    if account and process:
        by = locale.text("fim.machine.by", account=account, process=process)
    elif account or process:
        by = locale.text("fim.machine.by_one", who=account or process)
    if key == "fim.path.row":
        machine = safe.code(change.machine or change.agent_id or safe.EMPTY, words.NAME_MAX)
        return blocks.section(locale.text(key, machine=machine, by=by, **said))
    path = safe.code(safe.cut_middle(safe.one_line(change.path) or safe.EMPTY, 250))
    return blocks.section(locale.text(key, path=path, by=by, **said))
