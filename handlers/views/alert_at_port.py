"""A High alert where a port is open: what was found, whose port it is, and how to close it now."""

from __future__ import annotations

from enum import StrEnum

from approvals.events import State
from approvals.request import Request
from defender.alert import Alert
from handlers.locale import Locale
from handlers.views import blocks, reason, safe, words
from handlers.views.blocks import Element, Message
from handlers.views.risk import TITLE_MAX, severity_word


class Reader(StrEnum):
    """Who reads it decides what the button does."""

    CHANNEL = "channel"
    APPROVER = "approver"
    REQUESTER = "requester"


def alert_at_port(alert: Alert, request: Request, reader: Reader, locale: Locale) -> Message:
    """The alert's title stays as Defender sent it."""
    title = locale.text(
        "port_alert.headline",
        severity=safe.escape_mrkdwn(severity_word(alert.severity, locale)),
        thing=safe.escape_mrkdwn(words.thing(request.terms, request.target, locale)),
    )
    name = safe.escape_mrkdwn(alert.title or safe.EMPTY, TITLE_MAX)
    at = alert.started_at or alert.generated_at
    small = "closing" if request.state is State.CLOSING else reader
    found = locale.text("port_alert.found", when=locale.when(at)) if at else ""
    return blocks.message(
        locale.text(
            "port_alert.text",
            headline=title,
            title=name,
            whose=_whose(request, reader, locale, tokens=False),
        ),
        blocks.section(f":rotating_light: *{title}*"),
        blocks.quote(blocks.run(safe.plain(alert.title or safe.EMPTY, TITLE_MAX), bold=True)),
        blocks.section(found, _whose(request, reader, locale, tokens=True)),
        blocks.actions(*_buttons(request, reader, locale), _link(alert, locale)),
        blocks.context(
            locale.text(f"port_alert.small_{small}"),
            locale.text("port_alert.not_cut"),
            words.number(request, locale),
        ),
    )


def _whose(request: Request, reader: Reader, locale: Locale, *, tokens: bool) -> str:
    show = locale.when if tokens else locale.plain_when
    return locale.text(
        f"port_alert.whose_{reader}",
        who=locale.person(request.requester),
        source=safe.escape_mrkdwn(request.terms.source),
        when=show(words.ends_at(request)),
        people=words.approvers(request, locale),
    )


def _buttons(request: Request, reader: Reader, locale: Locale) -> list[Element]:
    """Approvers revoke with a reason; the requester is done. In the thread, each has their own."""
    spoken = locale.text(
        "button.done_spoken", thing=words.thing(request.terms, request.target, locale)
    )
    value = words.reference(request)
    if request.state is State.CLOSING:
        return [blocks.button(locale.text("button.close_retry"), "jit_close_retry", value)]
    close = locale.text("port_alert.close_now")
    if reader is Reader.REQUESTER:
        return [blocks.button(close, "jit_done", value, style="primary", spoken=spoken)]
    by_approver = blocks.button(close, "jit_revoke", value, style="primary", spoken=spoken)
    if reader is Reader.APPROVER:
        return [by_approver]
    return [by_approver, blocks.button(locale.text("port_alert.done"), "jit_done", value)]


def _link(alert: Alert, locale: Locale) -> Element | None:
    if not reason.is_web_address(alert.link):
        return None
    label = locale.text("port_alert.open_defender")
    return blocks.button(label, "open_portal", "port_alert", url=alert.link)
