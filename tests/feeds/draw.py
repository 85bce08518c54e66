"""Draws for tests of the feeds: a line per alert, so that everything told can be counted."""

from __future__ import annotations

from collections.abc import Sequence

from defender.alert import Alert
from delivery.outbox import ChannelId
from feeds.storm import Detail

#: All text of one message.
TEXT_MAX = 9_000


def line_of(alert: Alert) -> str:
    return f"{alert.key} {alert.severity} {alert.machine} {alert.title}"


def details(channel: ChannelId, alerts: Sequence[Alert]) -> list[Detail]:
    """Full messages of lines, one block of plain text per 3,000 characters, in no language."""
    del channel
    drawn: list[Detail] = []
    lines: list[str] = []
    size = 0
    for alert in alerts:
        line = line_of(alert)
        if size + len(line) + 1 > TEXT_MAX:
            drawn.append(_detail(lines))
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    return [*drawn, _detail(lines)] if lines else drawn


def _detail(lines: list[str]) -> Detail:
    blocks: list[list[str]] = [[]]
    for line in lines:
        if sum(map(len, blocks[-1])) + len(blocks[-1]) + len(line) > 2_900:
            blocks.append([])
        blocks[-1].append(line)
    shown = [
        {"type": "section", "text": {"type": "plain_text", "text": "\n".join(part)}}
        for part in blocks
    ]
    return Detail(f"{len(lines)} alerts", shown, len(lines))
