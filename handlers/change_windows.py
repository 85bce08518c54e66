"""Announcing changes: `/fim window web-* 2h because patching`, recorded before anything follows."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from approvals.deeds import REASON_MAX, Deed, DeedKind, Stale, Subject
from approvals.events import Until
from approvals.verdict import Refusal
from approvals.window import parse_window
from feeds.file_change_store import FileChangeStore
from feeds.windows import WINDOW_MAX, WINDOW_MIN, ChangeWindow, is_machine_pattern, meant
from handlers.caller import Caller
from handlers.change_show import WINDOW
from handlers.file_integrity_line import FimLine
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import safe
from handlers.views.blocks import Message
from handlers.views.change_forms import note

#: Machines that a refusal names.
NAMED_MAX = 5


class ChangeWindows:
    """Opening and ending, both deeds."""

    def __init__(self, services: Services, store: FileChangeStore) -> None:
        self._s = services
        self._store = store

    async def open(self, caller: Caller, line: FimLine, locale: Locale) -> Message:
        """Raises LedgerError."""
        example = safe.code(locale.text("fim.help.example_window"), 120)
        reason = line.reason.strip()[:REASON_MAX]
        if not is_machine_pattern(line.name) or not line.window:
            return note(locale.text("fim.refused.window_missing", example=example))
        length = self._length(line.window, locale)
        if length is None:
            return note(locale.text("fim.refused.window_length", example=example))
        if not any(sign.isalnum() for sign in reason):
            return note(locale.text("fim.refused.window_reason", example=example))
        refused = self._right(caller, line.name, locale)
        if refused:
            return note(refused)
        window = await self._record(caller, line.name, length, reason)
        return note(
            locale.text(
                "fim.done.window",
                pattern=safe.code(window.pattern, 100),
                until=locale.when(window.until),
            )
        )

    def _length(self, typed: str, locale: Locale) -> timedelta | None:
        """Of `2h` or `until 22:00`; None for what is no such length, or too long."""
        now = self._s.ledger.instant
        found = parse_window(typed, now=now, tz=locale.tz)
        if isinstance(found, Refusal):
            return None
        length = found.at - now if isinstance(found, Until) else found.duration
        return length if WINDOW_MIN <= length <= WINDOW_MAX else None

    def _right(self, caller: Caller, pattern: str, locale: Locale) -> str:
        """Through policy: who has a say about every machine that is meant. "" for allowed."""
        found = meant(
            pattern,
            self._s.estate.index.machines,
            person=caller.person,
            policy=self._s.policy(),
            membership=self._s.membership(),
        )
        if found.is_allowed:
            return ""
        if not found.machines:
            return locale.text("fim.refused.window_nobody", pattern=safe.code(pattern, 100))
        names = [safe.code(each, 40) for each in found.not_yours[:NAMED_MAX]]
        if len(found.not_yours) > NAMED_MAX:
            names.append(safe.ELLIPSIS)
        return locale.text("fim.refused.window_rights", machines=locale.join(names))

    async def _record(
        self, caller: Caller, pattern: str, length: timedelta, reason: str
    ) -> ChangeWindow:
        now = self._s.ledger.instant
        window = ChangeWindow(
            id=await self._store.next_id("W"),
            pattern=pattern,
            opened_by=caller.person,
            opened_at=now,
            until=now + length,
            reason=reason,
        )
        deed = Deed(
            kind=DeedKind.WINDOW_OPENED,
            subject=Subject(f"{WINDOW}{window.id}"),
            name=window.id,
            reason=reason,
            until=window.until,
            pattern=pattern,
        )
        done = await self._s.ledger.do(
            deed, actor=caller.person, op_id=caller.op, version=0, body=msgspec.json.encode(window)
        )
        if not isinstance(done, Stale) and isinstance(done.event, Deed):
            _, body = await self._s.ledger.subject(done.event.subject)
            if body is not None:  # a repeated command finds the window of its first delivery
                window = msgspec.json.decode(body, type=ChangeWindow)
        await self._store.put_window(window)
        return window

    async def end(self, caller: Caller, line: FimLine, locale: Locale) -> Message:
        """By whoever might have opened it. Raises LedgerError."""
        subject = Subject(f"{WINDOW}{line.name}")
        version, body = await self._s.ledger.subject(subject)
        if body is None:
            name = safe.escape_mrkdwn(line.name, 40)
            return note(locale.text("fim.refused.window_unknown", id=name))
        window = msgspec.json.decode(body, type=ChangeWindow)
        now = self._s.ledger.instant
        is_repeated = await self._s.ledger.find_op(caller.op) is not None
        if not is_repeated and not window.is_open(now):
            return note(locale.text("fim.refused.window_closed", id=window.id))
        refused = self._right(caller, window.pattern, locale)
        if refused and caller.person != window.opened_by:
            return note(refused)
        closed = msgspec.structs.replace(window, closed_at=window.closed_at or now)
        deed = Deed(
            kind=DeedKind.WINDOW_CLOSED, subject=subject, name=window.id, pattern=window.pattern
        )
        done = await self._s.ledger.do(
            deed,
            actor=caller.person,
            op_id=caller.op,
            version=version,
            body=msgspec.json.encode(closed),
        )
        if isinstance(done, Stale):
            return note(locale.text("fim.refused.window_closed", id=window.id))
        await self._store.put_window(closed)
        pattern = safe.escape_mrkdwn(window.pattern, 60)
        return note(locale.text("fim.done.window_ended", id=window.id, pattern=pattern))
