"""The audit log as administrators see it: pages of entries, anchors, alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from approvals.changes import ChangeRecord
from approvals.deeds import FOREIGN, Deed, DeedKind
from approvals.entry import AdminEvent, Archived, Entry, FoundOpening, Resumed
from approvals.events import (
    Applied,
    Applying,
    Approved,
    Cancelled,
    Closing,
    Denied,
    Ended,
    Event,
    Failed,
    Lapsed,
    Opened,
    PersonId,
    Postponed,
    Refused,
    Retried,
    StillOpen,
    Submitted,
    Undone,
    Warned,
)
from handlers.locale import Locale
from handlers.views import alert_words, blocks, safe, words
from handlers.views.alert_closed import finding
from handlers.views.blocks import Message
from handlers.views.change_request import what_changes

#: Entries of a page: a line or two each, well inside a message.
PAGE_SIZE = 15


def audit_page(
    entries: Sequence[Entry],
    locale: Locale,
    *,
    query: str,
    next_value: str = "",
) -> Message:
    """Newest first. `query` is what was searched for; `next_value` is the next page's button."""
    about = safe.escape_mrkdwn(query, 200)
    if not entries:
        text = locale.text("audit.none", query=about or safe.EMPTY)
        return blocks.message(text, blocks.section(text))
    shown = entries[:PAGE_SIZE]
    headline = locale.plural("audit.headline", len(shown), query=about)
    more = blocks.button(locale.text("audit.next"), "audit_page", next_value)
    return blocks.message(
        locale.text(
            "audit.text", headline=headline, first=shown[-1].sequence, last=shown[0].sequence
        ),
        blocks.section(f"*{headline}*"),
        *[blocks.section(entry_line(entry, locale)) for entry in shown],
        blocks.actions(more) if next_value else None,
    )


def entry_line(entry: Entry, locale: Locale) -> str:
    """`12 today 18:14 @sato, request 1042: approved …` (mrkdwn)."""
    key = "audit.line" if entry.request else "audit.line_admin"
    return locale.text(
        key,
        sequence=entry.sequence,
        when=locale.when(entry.at),
        who=locale.person(entry.actor),
        id=entry.request or "",
        what=event_words(entry.event, locale),
    )


def event_words(  # noqa: C901 (one arm an event)
    event: Event | AdminEvent, locale: Locale
) -> str:
    """What an entry says, without who and when (mrkdwn)."""
    match event:
        case Submitted(change=ChangeRecord() as change):
            return locale.text(
                "change.audit_submitted",
                thing=what_changes(change, locale),
                reason=_words(event.justification),
            )
        case Submitted():
            return locale.text(
                "audit.submitted",
                thing=words.thing_code(event.terms, event.target, locale),
                window=words.window_token(event.terms.window, locale),
                source=safe.escape_mrkdwn(event.terms.source),
                reason=_words(event.justification),
            )
        case Approved(approval=approval) if approval.terms.change:
            rule = safe.escape_mrkdwn(approval.rule, 80)
            return locale.text("change.audit_approved", rule=rule)
        case Approved(approval=approval):
            return locale.text(
                "audit.approved",
                ports=words.ports(approval.terms.ports, locale),
                window=words.window_token(approval.terms.window, locale),
                rule=safe.escape_mrkdwn(approval.rule, 80),
            )
        case Denied(reason=reason):
            return locale.text("audit.denied", reason=_words(reason))
        case Cancelled(reason=reason):
            return locale.text("audit.cancelled", reason=_words(reason))
        case Lapsed(cause=cause):
            return locale.text("audit.lapsed", cause=_words(cause))
        case Applying(attempt=attempt):
            return locale.text(
                "audit.applying", n=attempt.number, when=locale.when(attempt.ends_at)
            )
        case Opened(opening=opening):
            return locale.text("audit.opened", when=locale.when(opening.ends_at))
        case Applied(outcome=outcome):
            done, total = len(outcome.done), len(outcome.results)
            return locale.text("change.audit_applied", n=done, total=total)
        case Undone(by=by):
            return locale.text("change.audit_undone", id=by)
        case Failed(code=code):
            return locale.text("audit.failed", code=_words(code))
        case Postponed(code=code, retry_at=retry_at):
            return locale.text("audit.postponed", code=_words(code), when=locale.when(retry_at))
        case Retried():
            return locale.text("audit.retried")
        case Closing(cause=cause, reason=reason):
            return locale.text("audit.closing", cause=_cause(cause, locale), reason=_words(reason))
        case StillOpen(code=code, until=until):
            return locale.text("audit.still_open", code=_words(code), when=locale.when(until))
        case Ended(cause=cause, proof=proof):
            return locale.text("audit.ended", cause=_cause(cause, locale), proof=_words(proof))
        case Warned():
            return locale.text("audit.warned")
        case Refused(what=what, why=why):
            return locale.text("audit.refused", what=_words(what), why=_words(why))
        case FoundOpening():
            return _found(event, locale)
        case Resumed():
            return locale.text(
                "audit.resumed",
                n=event.accepted_loss_after,
                people=locale.people(tuple(event.administrators)),
                reason=_words(event.reason),
            )
        case Archived():
            return locale.text("audit.archived", first=event.first, through=event.through)
        case Deed():
            return _deed(event, locale)
        case _:
            assert_never(event)


def _deed(deed: Deed, locale: Locale) -> str:
    """What a person did with an alert or a file change."""
    what = locale.text(
        f"audit.deed.{deed.kind}",
        name=_words(deed.name or deed.subject),
        to=_person(deed.to, locale),
        pattern=safe.code(deed.pattern or safe.EMPTY, 120),
        when=locale.when(deed.until) if deed.until else safe.EMPTY,
    )
    if deed.kind is DeedKind.CLASSIFIED:
        what = locale.text("audit.deed.because", what=what, reason=finding(deed, locale))
    if deed.by:
        what = locale.text("audit.deed.in_xdr", what=what, who=_person(deed.by, locale))
    if not deed.reason:
        return what
    return locale.text("audit.deed.because", what=what, reason=_words(deed.reason))


def _person(person: PersonId, locale: Locale) -> str:
    """Who is known from Defender XDR alone is text and no mention."""
    if person.startswith(FOREIGN):
        return alert_words.name(person, {}, locale)
    return locale.person(person) if person else safe.EMPTY


def _found(event: FoundOpening, locale: Locale) -> str:
    return locale.text(
        "audit.found",
        ports=words.ports(event.ports, locale),
        vm=safe.code(event.resource_id.rsplit("/", 1)[-1]),
        source=safe.escape_mrkdwn(event.source or safe.EMPTY),
        when=locale.when(event.ends_at),
        requestor=safe.escape_mrkdwn(event.requestor or safe.EMPTY),
    )


def _cause(cause: str, locale: Locale) -> str:
    return locale.text(f"end_cause.{cause}")


def _words(text: str) -> str:
    return safe.escape_mrkdwn(text or safe.EMPTY, 200)


# --- the audit channel ------------------------------------------------------------------------


def anchor_message(sequence: int, mac: str, locale: Locale) -> Message:
    """A copy of the log's end outside of Redis; the same facts are in the message's metadata."""
    text = locale.text("audit.anchor", sequence=sequence, mac=safe.code(mac, 80))
    return blocks.message(text, blocks.context(text))


def frozen_alarm(why: str, locale: Locale) -> Message:
    """The audit log is not what it was: what stops, what goes on, what to do."""
    return _alarm("audit.frozen", why, locale)


def broken_alarm(sequence: int, why: str, locale: Locale) -> Message:
    """One entry is not what was written."""
    return _alarm("audit.broken", why, locale, sequence=sequence)


def proof_alarm(request_id: str, why: str, locale: Locale) -> Message:
    """An approval that the audit log does not prove: nothing was sent to Azure."""
    return _alarm("audit.proof", why, locale, id=safe.escape_mrkdwn(request_id, 40))


def found_opening_alarm(event: FoundOpening, locale: Locale) -> Message:
    """A port that Azure shows open and Sekisho did not open."""
    headline = locale.text("audit.found_headline")
    line = _found(event, locale)
    return blocks.message(f"{headline} {line}", blocks.section(f":warning: *{headline}*", line))


def foreign_instance_alarm(instance: str, locale: Locale) -> Message:
    """Clicks of another installation arrive here: two share one app token (C013)."""
    headline = locale.text("audit.foreign_headline")
    line = locale.text("audit.foreign_line", instance=safe.escape_mrkdwn(instance, 80))
    return blocks.message(f"{headline} {line}", blocks.section(f":warning: *{headline}*", line))


def _alarm(key: str, why: str, locale: Locale, **args: object) -> Message:
    headline = locale.text(f"{key}.headline", **args)
    line = locale.text(f"{key}.line", **args)
    return blocks.message(
        locale.text("sentence", headline=headline, rest=line),
        blocks.section(f":rotating_light: *{headline}*", line),
        blocks.quote(blocks.run(safe.plain(why, 600))),
    )
