"""A storm's card: how bad, where, what is still to come. One message that is edited."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from defender.alert import SEVERITIES
from feeds.storm import Storm
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.blocks import Block, Element, Message, Option

#: Machines with a row of their own; the rest is one row.
ROWS_MAX = 4
CELL_MAX = 40


def storm_card(storm: Storm, now: datetime, locale: Locale) -> Message:
    """High ones lead, not the total. One click takes all."""
    return blocks.message(
        _text(storm, locale),
        blocks.header(_headline(storm, locale)),
        blocks.section(_lead(storm, locale)),
        _buttons(storm, locale),
        _table(storm, locale),
        blocks.context(*_small(storm, now, locale)),
    )


def _headline(storm: Storm, locale: Locale) -> str:
    worst = min(storm.by_rank, default=len(SEVERITIES))
    args = {"total": say.number(storm.total), "minutes": _minutes(storm, locale)}
    name = SEVERITIES[worst] if worst < len(SEVERITIES) else ""
    square = say.square(name, locale)
    if not name or storm.by_rank[worst] == storm.total:
        return locale.text("storm.headline_all", square=square, **args)
    return locale.text(
        "storm.headline",
        square=square,
        worst=say.number(storm.by_rank[worst]),
        severity=say.severity_word(name, locale),
        **args,
    )


def _minutes(storm: Storm, locale: Locale) -> str:
    """Rounded up, so that half a minute is one."""
    length = max(storm.last_at - storm.opened_at, timedelta())
    return locale.plural("storm.minutes", max(1, -(-length // timedelta(minutes=1))))


def _lead(storm: Storm, locale: Locale) -> str:
    kind, most = storm.by_kind.most_common(1)[0] if storm.by_kind else ("", 0)
    args: dict[str, object] = {
        "machines": _machine_count(storm, locale),
        "when": locale.when(storm.opened_at),
        "share": 100 * most // max(1, storm.total),
        "kind": safe.code(kind, 150),
    }
    if storm.over_at is None:
        return locale.text("storm.rising", **args)
    return locale.text("storm.over", until=locale.when(storm.over_at), **args)


def _machine_count(storm: Storm, locale: Locale) -> str:
    count = len({machine for machine, _ in storm.by_machine})
    return locale.plural("storm.machines", count)


def _buttons(storm: Storm, locale: Locale) -> Block:
    offered = [
        Option(f"machine:{storm.id}", locale.text("storm.machine")),
        Option(f"mute:{storm.id}", locale.text("storm.mute")),
    ]
    menu: Element = {
        "type": "overflow",
        "action_id": "storm_more",
        "options": blocks.options(offered),
    }
    return blocks.actions(
        blocks.button(locale.text("storm.take"), "storm_take", storm.id, style="primary"),
        blocks.button(locale.text("storm.high"), "storm_high", storm.id),
        menu,
    )


# --- the table ----------------------------------------------------------------------------------


def _table(storm: Storm, locale: Locale) -> Block:
    """Machines by severity, the worst first; four narrow columns for a phone."""
    machines = storm.machines()
    shown = machines[:ROWS_MAX]
    rows = [[_bold(locale.text("storm.column")), *map(_bold, _columns(locale))]]
    rows += [_row(name, _counts(storm, name)) for name in shown]
    rest = len(machines) - len(shown)
    if rest:
        text = locale.text("storm.others", n=say.number(rest))
        rows.append(_row(text, _others(storm, frozenset(shown))))
    rows.append(_row(locale.text("storm.all"), _by_column(storm.by_rank)))
    right = {"align": "right", "is_wrapped": True}
    return {
        "type": "table",
        "column_settings": [{"align": "left", "is_wrapped": True}, right, right, right],
        "rows": rows,
    }


def _columns(locale: Locale) -> list[str]:
    return [say.severity_word(name, locale) for name in SEVERITIES[:3]]


def _counts(storm: Storm, machine: str) -> Counter[int]:
    ranks = range(len(SEVERITIES) + 1)
    return _by_column(Counter({rank: storm.by_machine[machine, rank] for rank in ranks}))


def _others(storm: Storm, shown: frozenset[str]) -> Counter[int]:
    """Hundreds of machines, each 2 s: counted in one go."""
    found = Counter[int]()
    for (machine, rank), n in storm.by_machine.items():
        if machine not in shown:
            found[rank] += n
    return _by_column(found)


def _by_column(by_rank: Counter[int]) -> Counter[int]:
    """What is below Low is counted with it: there is room for three."""
    found = Counter[int]()
    for rank, n in by_rank.items():
        found[min(rank, 2)] += n
    return found


def _row(name: str, counts: Counter[int]) -> list[Element]:
    numbers = [_cell(say.number(counts[column])) for column in range(3)]
    return [_cell(safe.plain(safe.one_line(name), CELL_MAX)), *numbers]


def _cell(text: str) -> Element:
    return {"type": "raw_text", "text": text or safe.EMPTY}


def _bold(text: str) -> Element:
    section: Element = {"type": "rich_text_section", "elements": [blocks.run(text, bold=True)]}
    return blocks.rich_text(section)


# --- the rest -----------------------------------------------------------------------------------


def _small(storm: Storm, now: datetime, locale: Locale) -> list[str]:
    """What follows, and that nothing is lost: the storm's own figures add up to its total."""
    if storm.over_at is None:
        lines = [locale.text("storm.small_rising", when=say.clock(now, locale))]
    else:
        lines = [locale.text("storm.small_over", when=say.clock(storm.over_at, locale))]
    figures = {
        "total": say.number(storm.total),
        "told": say.number(storm.total - storm.waiting),
        "waiting": say.number(storm.waiting),
        "muted": say.number(0),
    }
    return [*lines, locale.text("storm.proof", **figures)]


def figures(by_rank: Counter[int], locale: Locale) -> str:
    """`412 High, 9,266 Medium`."""
    named = {rank: say.severity_word(name, locale) for rank, name in enumerate(SEVERITIES)}
    said = [
        locale.text("storm.figure", n=say.number(n), severity=named[rank])
        for rank, n in sorted(by_rank.items())
        if n and rank in named
    ]
    unknown = sum(n for rank, n in by_rank.items() if rank not in named)
    if unknown:
        word = locale.text("alert.severity.none")
        said.append(locale.text("storm.figure", n=say.number(unknown), severity=word))
    return locale.text("list.comma").join(said)


def _text(storm: Storm, locale: Locale) -> str:
    machines = storm.machines()
    return locale.text(
        "storm.text",
        total=say.number(storm.total),
        machines=_machine_count(storm, locale),
        minutes=_minutes(storm, locale),
        figures=figures(storm.by_rank, locale),
        machine=safe.escape_mrkdwn(machines[0] if machines else "", 80),
    )
