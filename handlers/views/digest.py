"""The morning's digest: what was held back overnight, by severity and kind. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from defender.alert import Alert
from feeds.reading import Stored
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.blocks import Element, Message

#: Kinds with a line of their own, and machines named on one.
KINDS_MAX = 12
MACHINES_MAX = 4


def digest(held: Sequence[Stored], channel: str, locale: Locale, *, muted: int = 0) -> Message:
    """One message. It says first that High and Medium were not held back, last what is muted."""
    alerts = [stored.alert for stored in held]
    machines = {say.machine(alert) for alert in alerts}
    first = min(stored.first_at for stored in held)
    last = max(stored.first_at for stored in held)
    on = locale.plural("storm.machines", len(machines))
    ref = reference(channel, held)
    return blocks.message(
        locale.plural("digest.text", len(alerts), machines=on),
        blocks.section(
            locale.plural("digest.headline", len(alerts)),
            locale.text(
                "digest.line",
                machines=on,
                from_when=locale.when(first),
                until=locale.when(last),
            ),
        ),
        blocks.rich_text(
            {
                "type": "rich_text_list",
                "style": "bullet",
                "indent": 0,
                "elements": _kinds(alerts, locale),
            }
        ),
        blocks.actions(
            blocks.button(locale.text("digest.show", n=len(alerts)), "digest_show", ref),
            blocks.button(locale.text("digest.dismiss"), "digest_dismiss", ref),
        ),
        blocks.context(locale.text("digest.muted", n=say.number(muted))) if muted else None,
    )


def reference(channel: str, held: Sequence[Stored]) -> str:
    """What the buttons carry: the channel, and when the first and the last of them came (ms)."""
    times = [int(stored.first_at.timestamp() * 1000) for stored in held]
    return f"{channel}.{min(times)}.{max(times) + 1}"


def _kinds(alerts: Sequence[Alert], locale: Locale) -> list[Element]:
    counts = Counter(
        (alert.rank, say.severity(alert, locale), say.title(alert)) for alert in alerts
    )
    ordered = sorted(counts.items(), key=lambda item: (item[0][0], -item[1], item[0][2]))
    lines = []
    for (_, severity, title), n in ordered[:KINDS_MAX]:
        names = dict.fromkeys(say.machine(a) for a in alerts if say.title(a) == title)
        lines.append(_line(n, severity, title, list(names), locale))
    left = len(ordered) - KINDS_MAX
    if left > 0:
        said = locale.plural("digest.kinds_left", left)
        lines.append({"type": "rich_text_section", "elements": [blocks.run(said)]})
    return lines


def _line(n: int, severity: str, title: str, machines: list[str], locale: Locale) -> Element:
    elements: list[Element] = [
        blocks.run(locale.text("digest.kind", n=say.number(n), severity=severity), bold=True),
        blocks.run(safe.plain(safe.one_line(title), 120)),
        blocks.run(locale.text("digest.kind_on")),
    ]
    for place, name in enumerate(machines[:MACHINES_MAX]):
        if place:
            elements.append(blocks.run(locale.text("list.comma")))
        elements.append({"type": "text", "text": name or safe.EMPTY, "style": {"code": True}})
    if len(machines) > MACHINES_MAX:
        more = locale.plural("feed.missed.left", len(machines) - MACHINES_MAX)
        elements.append(blocks.run(f"{locale.text('list.comma')}{more}"))
    return {"type": "rich_text_section", "elements": elements}
