"""What the feeds say of themselves: nobody took it, Azure is silent, something was not readable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from feeds.correlation import Session
from feeds.escalation_steps import Reminder, Step
from feeds.reading import Stored
from feeds.voice import SetAside, Stall
from handlers.locale import Locale
from handlers.views import alert_words as say
from handlers.views import blocks, safe
from handlers.views.blocks import Element, Message

#: Sentences, or alerts, that one notice lists.
LISTED_MAX = 5
SENTENCE_MAX = 300
DEFENDER = "https://security.microsoft.com/alerts"

#: Azure's codes, by what a person can do about them; others are shown as they came.
_BUSY = frozenset({"429", "toomanyrequests", "ratelimiting", "paced", "http429"})
_FORBIDDEN = frozenset({"authorizationfailed", "forbidden", "http403", "linkedauthorizationfailed"})
_UNREACHABLE = frozenset({"notconnected", "noanswer", "timedout", "notsent", "timeouterror"})
_BAD = frozenset({"unreadable", "unreadablepage"})


def reminder(
    stored: Stored,
    found: Reminder,
    names: dict[str, str],
    now: datetime,
    locale: Locale,
    *,
    session: Session | None = None,
    link: str = "",
) -> Message:
    """The one place where a group is called; it says what follows, and that taking it stops it.

    `session`: whose port is open there now. `link`: to the alert's card.
    """
    alert = stored.alert
    raised = alert.started_at or alert.generated_at or stored.first_at
    waited = locale.duration(timedelta(minutes=max(1, (now - found.since) // timedelta(minutes=1))))
    machine = safe.code(say.machine(alert))
    line = locale.text("alert.remind.line", machine=machine, when=say.when(raised, locale))
    lines = [line + (_port(session, locale) if session else "")]
    if found.whom:
        lines.append(locale.text("alert.remind.call", who=_called(found, locale)))
    ref = say.reference(alert.key)
    square = say.square(alert.severity, locale)
    return blocks.message(
        locale.text(
            "alert.remind.text",
            minutes=waited,
            severity=say.severity(alert, locale),
            title=safe.escape_mrkdwn(say.title(alert)),
            machine=safe.escape_mrkdwn(say.machine(alert)),
            when=say.plain_when(raised, locale),
        ),
        blocks.section(locale.text("alert.remind.headline", minutes=waited)),
        blocks.rich_text(
            {
                "type": "rich_text_section",
                "elements": [blocks.run(f"{square} {say.headline(alert, locale)}")],
            }
        ),
        blocks.section(*lines),
        blocks.actions(*_reminder_buttons(ref, link, locale)),
        blocks.context(_what_follows(found, names, locale)),
    )


def _port(session: Session, locale: Locale) -> str:
    key = "alert.remind.port" if session.is_certain else "alert.remind.port_maybe"
    ports, until = say.words_of(session.ports, locale), say.clock(session.ends_at, locale)
    return locale.plural(key, len(session.ports), ports=ports, until=until)


def _reminder_buttons(ref: str, link: str, locale: Locale) -> list[Element]:
    found: list[Element] = [
        blocks.button(locale.text("alert.button.take"), "alert_take", ref, style="primary"),
        blocks.button(locale.text("alert.button.story"), "alert_story", ref),
    ]
    if link:
        found.append(blocks.button(locale.text("alert.remind.open"), "alert_open", ref))
        found[-1]["url"] = link
    return found


def _called(found: Reminder, locale: Locale) -> str:
    if found.step is Step.GROUP and found.whom.startswith("S"):
        return f"<!subteam^{found.whom}>"
    return locale.person(found.whom)


def _what_follows(found: Reminder, names: dict[str, str], locale: Locale) -> str:
    stops = locale.text("alert.remind.stops")
    second = locale.text("alert.remind.second") if found.is_repeated else ""
    if found.next_step is None or found.next_at is None:
        return (second or locale.text("alert.remind.last")) + stops
    if found.next_step is Step.PERSON:
        key, who = "alert.remind.next_person", say.name(found.next_whom, names, locale)
    elif found.next_step is Step.GROUP:
        handle = names.get(found.next_whom, found.next_whom)
        key, who = "alert.remind.next_group", f"@{safe.escape_mrkdwn(handle, 60)}"
    else:
        return (second + stops).strip()
    said = locale.text(key, when=say.clock(found.next_at, locale), who=who)
    return f"{second}{said}{stops}".strip()


def stalled(found: Stall, locale: Locale) -> Message:
    """Silence of the feed is said: since when, why, what happens next."""
    where = locale.text("feed.everything")
    lines = [
        locale.text("stalled.headline"),
        locale.text(
            "stalled.since", where=where, when=locale.when(found.since), why=_why(found, locale)
        ),
        locale.text("stalled.lost"),
    ]
    small = []
    if found.next_try_at is not None:
        small.append(locale.text("stalled.next", when=say.clock(found.next_try_at, locale)))
    text = locale.text("stalled.text", where=where, when=locale.plain_when(found.since))
    link: Element = blocks.button(locale.text("stalled.portal"), "feeds_portal", "portal")
    link["url"] = DEFENDER
    return blocks.message(
        text,
        blocks.section(*lines),
        blocks.actions(
            blocks.button(locale.text("stalled.affected"), "feeds_health", "stall"), link
        ),
        blocks.context(*small) if small else None,
    )


def recovered(found: Stall, at: datetime, locale: Locale) -> Message:
    """Azure answers again, and what was missed has been told."""
    where = locale.text("feed.everything")
    since = locale.when(found.since)
    text = locale.text(
        "stalled.over_text",
        where=where,
        when=locale.plain_when(found.since),
        until=locale.plain_when(at),
    )
    return blocks.message(
        text,
        blocks.section(
            locale.text("stalled.over_headline"),
            locale.text("stalled.over", where=where, when=since, until=locale.when(at)),
        ),
    )


def _why(found: Stall, locale: Locale) -> str:
    code = found.code.casefold()
    for word, codes in (
        ("busy", _BUSY),
        ("forbidden", _FORBIDDEN),
        ("unreachable", _UNREACHABLE),
        ("bad", _BAD),
    ):
        if code in codes:
            return locale.text(f"stalled.why.{word}", service=service(found.source, locale))
    shown = safe.escape_mrkdwn(found.code or safe.EMPTY, 80)
    return locale.text("stalled.why.other", service=service(found.source, locale), code=shown)


def service(source: str, locale: Locale) -> str:
    """What people call a source."""
    return locale.text(f"feed.source.{source}")


def set_aside(found: SetAside, locale: Locale) -> Message:
    """For the audit channel: what could not be read, in the decoder's own words."""
    name, n = service(found.source, locale), len(found.sentences)
    shown = [safe.one_line(sentence)[:SENTENCE_MAX] for sentence in found.sentences[:LISTED_MAX]]
    return blocks.message(
        locale.plural("feed.aside.text", n, service=name),
        blocks.section(
            locale.plural("feed.aside.headline", n), locale.text("feed.aside.line", service=name)
        ),
        blocks.quote(blocks.run(safe.plain("\n".join(shown), 2_000))),
        blocks.context(locale.plural("feed.missed.left", n - LISTED_MAX))
        if n > LISTED_MAX
        else None,
    )


def missed(source: str, found: Sequence[Stored], locale: Locale) -> Message:
    """For the audit channel: alerts that only the cross-check has found."""
    name, n = service(source, locale), len(found)
    rows = [
        f"{safe.code(say.short_id(stored.alert.key))} "
        f"{safe.escape_mrkdwn(say.headline(stored.alert, locale), 120)} "
        f"{safe.code(say.machine(stored.alert))}"
        for stored in found[:LISTED_MAX]
    ]
    return blocks.message(
        locale.plural("feed.missed.text", n, service=name),
        blocks.section(
            locale.plural("feed.missed.headline", n, service=name),
            locale.text("feed.missed.line"),
            *rows,
        ),
        blocks.context(locale.plural("feed.missed.left", n - LISTED_MAX))
        if n > LISTED_MAX
        else None,
    )
