"""The phrases that all views of alerts share: severity, people, times, names, links."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from approvals.deeds import FOREIGN
from approvals.entry import SEKISHO
from defender.alert import SEVERITIES, Alert
from handlers.locale import Locale
from handlers.views import safe
from handlers.views.reason import is_web_address

#: Crockford's letters: none that is read as another.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SHORT_LETTERS = 7
_PLAIN_KEY = re.compile(r"[\x21-\x7e]{1,100}")
_NOT_IN_LINK = re.compile(r"[<>|\s\x00-\x1f\x7f-\uffff\U00010000-\U0010ffff]")

TITLE_MAX = 120
MACHINE_MAX = 80
SMALL_MAX = 120


def short_id(key: str) -> str:
    """What people call an alert: `A-7K2Q9ZD`, made of its key alone."""
    number = int.from_bytes(hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=5).digest())
    letters = []
    for _ in range(_SHORT_LETTERS):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    return f"A-{''.join(letters)}"


def reference(key: str) -> str:
    """What a button carries: the key, or its short form where an option has no room for it."""
    return key if _PLAIN_KEY.fullmatch(key) else short_id(key)


def severity(alert: Alert, locale: Locale) -> str:
    """`High`; one that Azure has not told us of as it came. Plain."""
    return severity_word(alert.severity, locale)


def severity_word(given: str, locale: Locale) -> str:
    found = given.strip().casefold()
    if found in SEVERITIES:
        return locale.text(f"alert.severity.{found}")
    if not found:
        return locale.text("alert.severity.none")
    return locale.text("alert.severity.unknown", given=safe.cut(safe.one_line(given), 30))


def square(given: str, locale: Locale) -> str:
    """Only beside the word; closed cards lose it."""
    found = given.strip().casefold()
    return locale.text(f"alert.square.{found if found in SEVERITIES else 'unknown'}")


def title(alert: Alert, limit: int = TITLE_MAX) -> str:
    """As Defender sent it, on one line. Plain."""
    return safe.cut(safe.one_line(alert.title or alert.alert_type), limit)


def headline(alert: Alert, locale: Locale, limit: int = TITLE_MAX) -> str:
    """`High: Possible reverse shell`. Plain."""
    said = severity(alert, locale)
    return locale.text("alert.headline", severity=said, title=title(alert, limit))


def machine(alert: Alert) -> str:
    """Its name, or the last part of its id. Plain."""
    return safe.cut(safe.one_line(alert.machine or alert.resource_id.rpartition("/")[2]), 80)


def name(person: str, names: Mapping[str, str], locale: Locale) -> str:
    """`@sato` as plain text that calls nobody; for mrkdwn, escaped."""
    return _name("alert.at_name", person, names, locale)


def bare_name(person: str, names: Mapping[str, str], locale: Locale) -> str:
    """The name for a fallback or a dialogue: `sato`, `satoさん`."""
    return _name("alert.bare_name", person, names, locale)


def _name(key: str, person: str, names: Mapping[str, str], locale: Locale) -> str:
    if not person or person == SEKISHO:
        return locale.text("sekisho")
    if person.startswith(FOREIGN):
        return _foreign(person.removeprefix(FOREIGN), locale)
    return locale.text(key, name=safe.escape_mrkdwn(names.get(person) or person, 60))


def _foreign(given: str, locale: Locale) -> str:
    """Somebody whom Defender XDR names, or nobody by name: then Defender XDR itself."""
    if not given.strip():
        return locale.text("xdr.somebody")
    return locale.text("xdr.name", name=safe.escape_mrkdwn(safe.one_line(given), 60))


def people(persons: Iterable[str], names: Mapping[str, str], locale: Locale) -> str:
    return locale.join([name(person, names, locale) for person in persons])


def when(instant: datetime | None, locale: Locale) -> str:
    return locale.when(instant) if instant is not None else locale.text("alert.not_given")


def plain_when(instant: datetime | None, locale: Locale) -> str:
    return locale.plain_when(instant) if instant is not None else locale.text("alert.not_given")


def clock(instant: datetime, locale: Locale) -> str:
    """The time of day alone, as a token: beside a date that is said already."""
    zone = locale.plain_when(instant).rpartition(" ")[2]
    return f"<!date^{int(instant.timestamp())}^{{time}}|{locale.clock(instant)} {zone}>"


def ports(numbers: tuple[int, ...], locale: Locale, *, start: bool = False) -> str:
    key = "alert.ports_start" if start else "alert.ports"
    return locale.plural(key, len(numbers), ports=words_of(numbers, locale))


def words_of(numbers: tuple[int, ...], locale: Locale) -> str:
    shown = [str(number) for number in numbers[:6]]
    return locale.text("list.comma").join(shown) or safe.EMPTY


def tactic(alert: Alert, locale: Locale) -> str:
    """Those that Azure knows in the reader's words, others as they came. For mrkdwn."""
    found = [part.strip() for part in alert.intent.split(",")]
    known = [_tactic(part, locale) for part in found if part and part.casefold() != "unknown"]
    said = locale.text("list.comma").join(known[:3])
    return safe.escape_mrkdwn(said, 100) if said else locale.text("alert.not_given")


def _tactic(given: str, locale: Locale) -> str:
    key = f"alert.tactic.{''.join(given.split()).casefold()}"
    return locale.text(key) if key in locale.catalogue else given


def dotted(parts: Iterable[str], locale: Locale) -> str:
    """Small print in a row; code has blanks around it also where the separator has none."""
    dot = locale.text("alert.dot")
    said = dot.join(part for part in parts if part)
    if dot.startswith(" "):
        return said
    return said.replace(f"`{dot}", f"` {dot}").replace(f"{dot}`", f"{dot} `")


def link(url: str, label: str) -> str:
    """`<url|label>`, or nothing where it is no web address that Slack would keep whole."""
    if not is_web_address(url) or _NOT_IN_LINK.search(url):
        return ""
    return f"<{safe.escape(url)}|{safe.link_label(label)}>"


def address(text: str) -> str:
    """A plain address as it is, everything else as code. For mrkdwn."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return safe.code(text, SMALL_MAX)


def cut_code(text: str, limit: int, locale: Locale) -> str:
    """Code, and where it was cut, how long it is in all. For mrkdwn."""
    said = safe.one_line(text)
    if safe.length(said) <= limit:
        return safe.code(said, limit + 200)  # escaping makes it longer
    head = safe.code(safe.cut(said, limit), limit + 200)
    return locale.text("alert.cut", value=head, n=number(len(said)))


def number(n: int) -> str:
    """`10,000`."""
    return f"{n:,}"
