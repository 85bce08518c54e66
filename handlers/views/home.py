"""The Home tab: what waits for me, what I have open, what I asked for, and my settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from approvals.people import PersonRecord
from approvals.request import Request
from handlers.locale import Locale
from handlers.views import alert_words, blocks, safe, words
from handlers.views.alert_view import AlertView
from handlers.views.blocks import Block, Option, View
from handlers.views.open_card import done_button

#: Rows of a part; more are counted. A Home tab holds 100 blocks.
ROWS_MAX = 10

#: Kinds of private message that can be turned off (`PersonRecord.dms_off`).
DM_KINDS = ("open", "ending", "outcome")

#: A select's value for "as Slack says".
FOLLOW_SLACK = "slack"


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """`waiting` oldest first, `alerts` most urgent first; `now` is when it is drawn."""

    waiting: tuple[Request, ...]
    open: tuple[Request, ...]
    pending: tuple[Request, ...]
    open_count: int
    person: PersonRecord
    now: datetime
    #: those that the reader has taken.
    alerts: tuple[AlertView, ...] = ()
    #: open alerts that nobody has taken; None where alerts are not read.
    unowned: int | None = None


def home(facts: HomeFacts, locale: Locale) -> View:
    """A part with nothing in it is left out; what waits for me is first."""
    parts = [
        *_waiting(facts.waiting, locale),
        *_open(facts.open, facts.now, locale),
        *_pending(facts.pending, locale),
        *_alerts(facts.alerts, locale),
        *_estate(facts.open_count, facts.unowned, locale),
        *_settings(facts.person, locale),
        blocks.context(locale.text("home.as_of", when=locale.when(facts.now))),
    ]
    return {"type": "home", "blocks": parts}


def _waiting(requests: Sequence[Request], locale: Locale) -> list[Block]:
    if not requests:
        return [blocks.header(locale.text("home.nothing_waits"))]
    parts = [blocks.header(locale.plural("home.waits", len(requests)))]
    for request in requests[:ROWS_MAX]:
        line = locale.text(
            "home.waits_row",
            who=locale.person(request.requester),
            given=len(request.approvals),
            quorum=request.rule.quorum,
            when=locale.when(request.lapses_at),
        )
        review = blocks.button(
            locale.text("button.review"),
            "home_review",
            words.reference(request),
            style="primary" if request is requests[0] else "",
            spoken=locale.text("home.review_spoken", id=request.id),
        )
        parts += [
            blocks.section(f"*{words.whole_start(request, locale)}*", line),
            blocks.actions(review),
        ]
    return parts + _rest(requests, locale)


def _open(requests: Sequence[Request], now: datetime, locale: Locale) -> list[Block]:
    if not requests:
        return []
    parts = [blocks.header(locale.text("home.open"))]
    for request in requests[:ROWS_MAX]:
        closes = words.ends_at(request)
        title = safe.escape_mrkdwn(words.thing_start(request.terms, request.target, locale))
        left = words.left(max(closes - now, timedelta()), locale)
        parts += [
            blocks.section(
                f"*{title}*", locale.text("home.closes", when=locale.when(closes), left=left)
            ),
            blocks.actions(
                done_button(request, locale, primary=False),
                blocks.button(
                    locale.text("button.extend"), "home_extend", words.reference(request)
                ),
            ),
        ]
    return parts + _rest(requests, locale)


def _pending(requests: Sequence[Request], locale: Locale) -> list[Block]:
    if not requests:
        return []
    parts = [blocks.header(locale.text("home.pending"))]
    for request in requests[:ROWS_MAX]:
        cancel = blocks.button(
            locale.text("button.cancel_request"),
            "jit_cancel",
            words.reference(request),
            spoken=locale.text("home.cancel_spoken", id=request.id),
        )
        line = locale.text(
            "home.pending_row",
            given=len(request.approvals),
            quorum=request.rule.quorum,
            when=locale.when(request.lapses_at),
        )
        title = words.whole_start(request, locale)
        parts.append(blocks.section(f"*{title}*", line, accessory=cancel))
    return parts + _rest(requests, locale)


def _alerts(alerts: Sequence[AlertView], locale: Locale) -> list[Block]:
    if not alerts:
        return []
    parts = [blocks.header(locale.text("alert_home.title"))]
    for at, view in enumerate(alerts[:ROWS_MAX], start=1):
        title = safe.escape_mrkdwn(alert_words.headline(view.alert, locale))
        machine = safe.escape_mrkdwn(alert_words.machine(view.alert), 80)
        when = alert_words.when(view.at, locale)
        spoken = locale.text("alert_home.show_spoken", title=alert_words.title(view.alert, 60))
        show = blocks.button(
            locale.text("alert_home.show"),
            f"alert_show_{at}",
            alert_words.reference(view.alert.key),
            spoken=spoken,
        )
        line = locale.text("alert_home.line", machine=machine, when=when)
        parts.append(blocks.section(f"*{title}*", line, accessory=show))
    more = len(alerts) - ROWS_MAX
    return [*parts, blocks.context(locale.plural("alert_home.more", more))] if more > 0 else parts


def _rest(requests: Sequence[Request], locale: Locale) -> list[Block]:
    more = len(requests) - ROWS_MAX
    return [blocks.context(locale.plural("home.more", more))] if more > 0 else []


def _estate(open_count: int, unowned: int | None, locale: Locale) -> list[Block]:
    free = None
    if unowned is not None:
        said = locale.plural("alert_home.unowned", unowned)
        free = blocks.button(said, "alerts_page", "unowned.1.")
    return [
        blocks.header(locale.text("home.all")),
        blocks.actions(
            blocks.button(locale.text("button.ask"), "jit_form", "new"),
            blocks.button(locale.plural("home.open_count", open_count), "home_active", "active"),
            free,
        ),
    ]


def _settings(person: PersonRecord, locale: Locale) -> list[Block]:
    comma = locale.text("list.comma")
    saved = [
        locale.text("home.address", label=source.label, address=source.address).strip()
        for source in person.sources
    ]
    wanted = [locale.text(f"dms.{kind}") for kind in DM_KINDS if kind not in person.dms_off]
    if len(wanted) == len(DM_KINDS):
        dms = locale.text("dms.all")
    else:
        dms = comma.join(wanted) or locale.text("dms.none")
    change = blocks.button(locale.text("button.change"), "home_settings", "settings")
    return [
        blocks.header(locale.text("home.settings")),
        blocks.section(
            locale.text("home.reads", zone=safe.escape_mrkdwn(str(locale.tz), 60)),
            locale.text(
                "home.addresses",
                addresses=safe.escape_mrkdwn(comma.join(saved), 600) if saved else safe.EMPTY,
            ),
            locale.text("home.dms", dms=dms),
            accessory=change,
        ),
    ]


def settings_form(person: PersonRecord, locale: Locale) -> View:
    """Language, time zone, addresses and private messages of the reader."""
    languages = [
        Option(FOLLOW_SLACK, locale.text("settings_form.as_slack")),
        Option("en", locale.text("settings_form.english")),
        Option("ja", locale.text("settings_form.japanese")),
    ]
    kinds = [Option(kind, locale.text(f"dms.{kind}")) for kind in DM_KINDS]
    wanted = [kind for kind in DM_KINDS if kind not in person.dms_off]
    addresses = "\n".join(f"{source.address} {source.label}".strip() for source in person.sources)
    return blocks.modal(
        "home_settings",
        locale.text("settings_form.title"),
        blocks.field(
            "language",
            locale.text("settings_form.language"),
            blocks.choices(
                "static_select", "language", languages, [person.language or FOLLOW_SLACK]
            ),
        ),
        blocks.field(
            "time_zone",
            locale.text("settings_form.time_zone"),
            blocks.text_input(
                "time_zone", value=person.time_zone, placeholder="Asia/Tokyo", max_length=60
            ),
            hint=locale.text("settings_form.time_zone_hint"),
            optional=True,
        ),
        blocks.field(
            "addresses",
            locale.text("settings_form.addresses"),
            blocks.text_input(
                "addresses", value=addresses, multiline=True, max_length=blocks.HINT_MAX
            ),
            hint=locale.text("settings_form.addresses_hint"),
            optional=True,
        ),
        blocks.field(
            "dms",
            locale.text("settings_form.dms"),
            blocks.choices("checkboxes", "dms", kinds, wanted),
            optional=True,
        ),
        metadata="",
        submit=locale.text("button.save"),
        close=locale.text("button.cancel"),
    )
