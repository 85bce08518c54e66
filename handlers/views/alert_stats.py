"""`/alerts stats 7d`: how many alerts a day and of which severity, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from defender.alert import SEVERITIES
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.blocks import Message

#: Days that are listed line by line; the picture holds all.
LINES_MAX = 14
#: What Slack keeps of a picture's description.
ALT_MAX = 1_000
#: Ranks: those that Azure names, and one for all others.
RANKS = len(SEVERITIES) + 1


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the reader's zone; `counts` by rank, High first."""

    day: date
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Figures:
    """Every day of the span, the oldest first."""

    days: tuple[Day, ...]

    @property
    def total(self) -> int:
        return sum(day.total for day in self.days)

    @property
    def by_rank(self) -> tuple[int, ...]:
        return tuple(sum(day.counts[rank] for day in self.days) for rank in range(RANKS))


def figures_of(rows: Sequence[tuple[datetime, int]], days: Sequence[date], zone: Locale) -> Figures:
    """Alerts by when they were generated and how urgent they are, per day of the reader's zone."""
    counts = {day: [0] * RANKS for day in days}
    for at, rank in rows:
        found = counts.get(at.astimezone(zone.tz).date())
        if found is not None:
            found[min(max(rank, 0), RANKS - 1)] += 1
    return Figures(tuple(Day(day, tuple(counts[day])) for day in days))


def stats_message(figures: Figures, locale: Locale) -> Message:
    """The sum, then a line per day; the picture comes after the words."""
    n, days = figures.total, len(figures.days)
    if not n:
        headline = locale.text("alert_stats.none", days=days)
        line = locale.text("alert_stats.none_line", day=_day(figures.days[0].day, locale))
        text = locale.text("sentence", headline=headline, rest=line)
        return blocks.message(text, blocks.section(f"*{headline}*", line))
    total = _said(figures.by_rank, locale)
    shown = figures.days[-LINES_MAX:]
    older = locale.text("alert_stats.older") if len(shown) < days else ""
    return blocks.message(
        locale.text("alerts.stats.headline_text", n=say.number(n), days=days, figures=total),
        blocks.section(
            locale.text("alerts.stats.headline", n=say.number(n), days=days),
            locale.text("alert_stats.total", figures=total),
        ),
        blocks.section(*(_line(day, locale) for day in shown)),
        blocks.context(" ".join(filter(None, (locale.text("alerts.stats.picture"), older)))),
    )


def caption(figures: Figures, locale: Locale) -> str:
    """What stands beside the picture."""
    return locale.text("alerts.stats.caption", figures=_said(figures.by_rank, locale))


def alt_text(figures: Figures, locale: Locale) -> str:
    """All figures of the picture for who hears it; quiet days are left out of a long span."""
    lines = [_line(day, locale) for day in figures.days if day.total or len(figures.days) <= 7]
    said = locale.text("alerts.stats.alt", days=locale.text("alert_stats.between").join(lines))
    return safe.cut(said, ALT_MAX)


def _line(day: Day, locale: Locale) -> str:
    name = _day(day.day, locale)
    if not day.total:
        return locale.text("alerts.stats.quiet", day=name)
    return locale.text("alerts.stats.day", day=name, figures=_said(day.counts, locale))


def _said(counts: Sequence[int], locale: Locale) -> str:
    """`3 High, 2 Low`; severities without alerts are left out."""
    return locale.text("list.comma").join(
        locale.text("alerts.stats.figure", n=say.number(n), severity=_severity(rank, locale))
        for rank, n in enumerate(counts)
        if n
    )


def _severity(rank: int, locale: Locale) -> str:
    if rank < len(SEVERITIES):
        return locale.text(f"alert.severity.{SEVERITIES[rank]}")
    return locale.text("alert_stats.other")


def _day(day: date, locale: Locale) -> str:
    """`Nov 20`, `11月20日`."""
    return locale.day(datetime.combine(day, time(12), locale.tz))
