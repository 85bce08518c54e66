"""A language and a time zone: texts of the catalogue, durations, instants and people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, cast
from zoneinfo import ZoneInfo

from babel.core import Locale as BabelLocale
from babel.dates import format_skeleton

Language = Literal["en", "ja"]

#: A text, or a text per plural category (CLDR: en `one`, `other`; ja `other`).
Text = str | Mapping[str, str]
Catalogue = Mapping[str, Text]

#: Ids of people in Slack; the ledger's own actor has another form.
_PERSON = re.compile(r"[UW][A-Z0-9]+")

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def language_of(slack_locale: object, fallback: Language) -> Language:
    """The language for what Slack calls `locale` (`ja-JP`, `en-GB`, null, absent)."""
    if isinstance(slack_locale, str):
        primary = slack_locale.replace("_", "-").split("-")[0].lower()
        if primary in ("en", "ja"):
            return cast(Language, primary)
    return fallback


@dataclass(frozen=True, slots=True)
class Locale:
    """What one reader (or one channel) reads. Texts come from `catalogue`, never from code."""

    language: Language
    tz: ZoneInfo
    catalogue: Catalogue = field(repr=False)

    def text(self, key: str, **args: object) -> str:
        """The text of `key`. KeyError for an unknown key or a missing argument."""
        template = self.catalogue[key]
        if not isinstance(template, str):
            raise KeyError(f"{key} has plural forms: ask with a number")
        return template.format_map(args)

    def plural(self, key: str, n: int, **args: object) -> str:
        """The text of `key` for `n` things; `{n}` is the number."""
        template = self.catalogue[key]
        if isinstance(template, str):
            raise KeyError(f"{key} has no plural forms")
        category = BabelLocale.parse(self.language).plural_form(n)
        return template[category].format_map({"n": n, **args})

    def inflected(self, key: str, n: int, **args: object) -> str:
        """The text of `key`, in its form for `n` things where the language has several."""
        if isinstance(self.catalogue[key], str):
            return self.text(key, **args)
        return self.plural(key, n, **args)

    def duration(self, length: timedelta) -> str:
        """`1 hour 30 minutes`, `1時間30分`: whole minutes, seconds only under a minute."""
        return self._duration(length, "duration")

    def short_duration(self, length: timedelta) -> str:
        """`1 h 30 min`, `1時間30分`: beside a time, where room is short."""
        return self._duration(length, "duration_short")

    def _duration(self, length: timedelta, family: str) -> str:
        seconds = max(0, int(length.total_seconds()))
        if 0 < seconds < _MINUTE:
            return self.plural(f"{family}.seconds", seconds)
        days, rest = divmod(seconds, _DAY)
        hours, rest = divmod(rest, _HOUR)
        units = (("days", days), ("hours", hours), ("minutes", rest // _MINUTE))
        parts = [self.plural(f"{family}.{unit}", n) for unit, n in units if n]
        return self.text("duration.join").join(parts) or self.plural(f"{family}.minutes", 0)

    def when(self, instant: datetime) -> str:
        """A token that Slack shows in each reader's own zone. For mrkdwn alone (C088)."""
        stamp = int(instant.timestamp())
        return f"<!date^{stamp}^{{date_short_pretty}} {{time}}|{self.plain_when(instant)}>"

    def plain_when(self, instant: datetime) -> str:
        """`2026-11-25 18:30 JST`: for fallbacks and plain_text, where tokens stay raw."""
        there = instant.astimezone(self.tz)
        zone = there.strftime("%Z")
        if not zone[:1].isalpha():
            zone = f"UTC{there.strftime('%z')[:3]}:{there.strftime('%z')[3:5]}"
        return f"{there:%Y-%m-%d %H:%M} {zone}"

    def day(self, instant: datetime) -> str:
        """`Nov 20`, `11月20日`."""
        return format_skeleton("MMMd", instant.astimezone(self.tz), locale=self.language)

    def clock(self, instant: datetime) -> str:
        """`18:30`, where the date and the zone stand beside it."""
        return f"{instant.astimezone(self.tz):%H:%M}"

    def person(self, person: str) -> str:
        """The mention, in Japanese with さん; steps that no person made are Sekisho's."""
        if not _PERSON.fullmatch(person):
            return self.text("sekisho")
        return self.text("person", mention=f"<@{person}>")

    def people(self, persons: tuple[str, ...]) -> str:
        """`@a`, `@a and @b`, `@a, @b and @c`."""
        return self.join([self.person(person) for person in persons])

    def join(self, parts: list[str]) -> str:
        """A list as the language writes it: `a, b and c`, `a、b、c`."""
        if len(parts) < 2:
            return "".join(parts)
        head = self.text("list.comma").join(parts[:-1])
        return self.text("list.last", head=head, last=parts[-1])

    def with_tz(self, tz: ZoneInfo) -> Locale:
        """The same language in another zone."""
        return replace(self, tz=tz)
