"""The lines of a storm, packed: machines with their alerts, repeats folded into one line. Pure.

Everything is rich text, where nothing foreign is parsed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from defender.alert import Alert
from feeds.storm import Detail
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.blocks import Element

#: UTF-16 units of one message: what Slack takes (C019), less the headline and small print.
ROOM = 8_400
#: What a line costs beside its title: time, id, punctuation.
LINE_COST = 40
MACHINE_COST = 24
TITLE_MAX = 90


@dataclass(slots=True)
class _Line:
    """One kind of alert on one machine."""

    title: str
    first: Alert
    times: list[datetime] = field(default_factory=list)
    count: int = 0


@dataclass(slots=True)
class _Machine:
    name: str
    lines: dict[tuple[int, str], _Line] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(line.count for line in self.lines.values())


@dataclass(slots=True)
class _Pack:
    """One message while it is filled. Machines keep the order in which they came."""

    machines: dict[str, _Machine] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    size: int = 0

    def cost(self, alert: Alert) -> int:
        machine = self.machines.get(_name(alert))
        if machine is None:
            return MACHINE_COST + safe.length(_name(alert)) + LINE_COST + safe.length(_title(alert))
        if (alert.rank, _title(alert)) in machine.lines:
            return 0  # a line with a number has room for one more
        return LINE_COST + safe.length(_title(alert))

    def add(self, alert: Alert) -> None:
        self.size += self.cost(alert)
        machine = self.machines.setdefault(_name(alert), _Machine(_name(alert)))
        line = machine.lines.setdefault(
            (alert.rank, _title(alert)), _Line(_title(alert), first=alert)
        )
        line.count += 1
        at = alert.started_at or alert.generated_at
        if at is not None:
            line.times.append(at)
        self.alerts.append(alert)


def storm_details(alerts: Sequence[Alert], locale: Locale) -> list[Detail]:
    """Each of the alerts, in their order, in one of the messages."""
    packs = [_Pack()]
    for alert in alerts:
        if packs[-1].alerts and packs[-1].size + packs[-1].cost(alert) > ROOM:
            packs.append(_Pack())
        packs[-1].add(alert)
    return [_drawn(pack, locale) for pack in packs if pack.alerts]


def _drawn(pack: _Pack, locale: Locale) -> Detail:
    first = pack.alerts[0]
    elements: list[Element] = []
    for machine in pack.machines.values():
        elements += _of_machine(machine, locale)
    n = len(pack.alerts)
    text = locale.text(
        "storm.detail.text",
        n=say.number(n),
        machine=safe.escape_mrkdwn(say.machine(first)),
        title=safe.escape_mrkdwn(_title(first)),
        id=say.short_id(first.key),
    )
    small = locale.text("storm.detail.small", id=say.short_id(first.key))
    said = blocks.message(
        text,
        blocks.section(_headline(pack, locale)),
        blocks.rich_text(*elements),
        blocks.context(small.split("·")[0].strip()),
    )
    return Detail(said.text, said.blocks, n)


def _headline(pack: _Pack, locale: Locale) -> str:
    return locale.text("storm.detail.headline_plain", n=say.number(len(pack.alerts)))


def _of_machine(machine: _Machine, locale: Locale) -> list[Element]:
    name: Element = {"type": "text", "text": machine.name, "style": {"code": True}}
    count = locale.plural("storm.detail.count", machine.count)
    return [
        {
            "type": "rich_text_section",
            "elements": [name, blocks.run(f"  {count}", bold=True)],
        },
        {
            "type": "rich_text_list",
            "style": "bullet",
            "indent": 0,
            "elements": [_item(line, locale) for line in machine.lines.values()],
        },
    ]


def _item(line: _Line, locale: Locale) -> Element:
    severity = say.severity(line.first, locale)
    if line.count == 1:
        said = locale.text("storm.detail.one", title=line.title, id=say.short_id(line.first.key))
        when = [] if not line.times else [_time(line.times[0], locale), blocks.run("  ")]
    else:
        said = locale.text(
            "storm.detail.many",
            title=line.title,
            n=say.number(line.count),
            first=say.short_id(line.first.key),
            last="…",
        )
        when = _span(line.times, locale)
    elements = [blocks.run(f"{severity}  "), *when, blocks.run(said)]
    return {"type": "rich_text_section", "elements": elements}


def _span(times: Sequence[datetime], locale: Locale) -> list[Element]:
    if not times:
        return []
    first, last = min(times), max(times)
    if first == last:
        return [_time(first, locale), blocks.run("  ")]
    return [_time(first, locale), blocks.run("–"), _time(last, locale), blocks.run("  ")]


def _time(at: datetime, locale: Locale) -> Element:
    return {
        "type": "date",
        "timestamp": int(at.timestamp()),
        "format": "{time}",
        "fallback": locale.plain_when(at).partition(" ")[2],
    }


def _title(alert: Alert) -> str:
    return safe.cut(safe.one_line(say.title(alert)), TITLE_MAX)


def _name(alert: Alert) -> str:
    return say.machine(alert)


def file_line(alert: Alert) -> str:
    """One line of the file that ends a storm: tab-separated, foreign text on one line."""
    at = alert.started_at or alert.generated_at
    fields = (
        at.isoformat() if at else "",
        alert.severity,
        say.machine(alert),
        safe.one_line(alert.title),
        say.short_id(alert.key),
        alert.key,
    )
    return "\t".join(field.replace("\t", " ") for field in fields)
