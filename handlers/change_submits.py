"""What the sent forms of file changes do: it was me, it is expected, this path is not told here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from approvals.deeds import REASON_MAX, Deed, DeedKind, Stale, Subject
from approvals.window import parse_length
from feeds.danger import ROOT_HOME, comparable
from feeds.file_change_store import FileChangeStore
from feeds.windows import MUTE_MAX, PathMute, globs
from handlers.caller import Caller
from handlers.change_clicks import burst_of, done_note
from handlers.change_deeds import ChangeDeeds, Done
from handlers.change_show import MUTE, ChangeShow
from handlers.form_state import text, values_of
from handlers.forms import Closed, Errors, Outcome
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import change_words as words
from handlers.views import safe
from handlers.views.change_forms import note
from handlers.views.change_words import ChangeView

#: No pattern may hide these, whatever else it is for.
ALWAYS_TOLD = (
    "/etc/sudoers",
    f"{ROOT_HOME}/.ssh/authorized_keys",
    "/etc/passwd",
    "/etc/shadow",
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\x",
)


class ChangeSubmits:
    """The table of forms."""

    def __init__(
        self, services: Services, store: FileChangeStore, show: ChangeShow, deeds: ChangeDeeds
    ) -> None:
        self._s = services
        self._store = store
        self._show = show
        self._deeds = deeds

    async def run(self, caller: Caller, body: Mapping[str, Any], locale: Locale) -> Outcome:
        """Raises LedgerError."""
        match body["view"].get("callback_id"):
            case "fim_yes":
                return await self._reasoned(caller, body, DeedKind.YES, "yes", locale)
            case "fim_expected":
                return await self._reasoned(caller, body, DeedKind.EXPECTED, "expected", locale)
            case "fim_resolved":
                return await self._reasoned(caller, body, DeedKind.RESOLVED, "resolved", locale)
            case "fim_mute":
                return await self._mute(caller, body, locale)
            case _:
                return Closed(None)

    async def _reasoned(
        self,
        caller: Caller,
        body: Mapping[str, Any],
        kind: DeedKind,
        said: str,
        locale: Locale,
    ) -> Outcome:
        reason = text(values_of(body), "reason").strip()[:REASON_MAX]
        if not any(sign.isalnum() for sign in reason):
            return Errors({"reason": locale.text("fim.form.reason_missing")})
        burst_id = burst_of(str(body["view"].get("private_metadata") or ""))
        done = await self._deeds.act(caller, burst_id, kind, locale, reason=reason)
        if not isinstance(done, Done):
            return Closed(done)
        return Closed(done_note(burst_id, done, said, locale), done.view.burst.channel)

    async def _mute(self, caller: Caller, body: Mapping[str, Any], locale: Locale) -> Outcome:
        values = values_of(body)
        burst_id = burst_of(str(body["view"].get("private_metadata") or ""))
        view = await self._show.view(burst_id)
        if view is None:
            return Closed(note(locale.text("fim.gone", id=safe.escape_mrkdwn(burst_id, 40))))
        pattern = text(values, "pattern").strip()
        reason = text(values, "reason").strip()[:REASON_MAX]
        wrong = mute_errors(pattern, reason, view, locale)
        if wrong:
            return Errors(wrong)
        refused = await self._deeds.refusal(view, DeedKind.PATH_MUTED, caller, locale)
        if refused is not None:
            return Closed(refused, view.burst.channel)
        length = min(parse_length(text(values, "length")) or timedelta(days=7), MUTE_MAX)
        mute = await self._record(caller, view, pattern, reason, length)
        said = locale.text(
            "fim.done.muted",
            pattern=safe.code(mute.pattern, 120),
            machine=safe.escape_mrkdwn(words.machine(view, locale)),
            until=locale.when(mute.until),
        )
        return Closed(note(said), view.burst.channel)

    async def _record(
        self, caller: Caller, view: ChangeView, pattern: str, reason: str, length: timedelta
    ) -> PathMute:
        """A mute is a deed with a subject of its own; the click's op-id makes it one."""
        now = self._s.ledger.instant
        change = view.rows[0].change if view.rows else None
        mute = PathMute(
            id=await self._store.next_id("M"),
            place=change.place if change else "",
            machine=view.burst.facts.machine,
            pattern=pattern,
            muted_by=caller.person,
            until=now + length,
            reason=reason,
        )
        deed = Deed(
            kind=DeedKind.PATH_MUTED,
            subject=Subject(f"{MUTE}{mute.id}"),
            name=mute.machine,
            reason=reason,
            until=mute.until,
            pattern=pattern,
            verdict=view.burst.id,
        )
        done = await self._s.ledger.do(
            deed, actor=caller.person, op_id=caller.op, version=0, body=msgspec.json.encode(mute)
        )
        if not isinstance(done, Stale) and isinstance(done.event, Deed):
            _, body = await self._s.ledger.subject(done.event.subject)
            if body is not None:
                mute = msgspec.json.decode(body, type=PathMute)
        await self._store.put_mute(mute)
        return mute


def mute_errors(pattern: str, reason: str, view: ChangeView, locale: Locale) -> dict[str, str]:
    """Errors by field: a mute is narrow, says why, and never hides what is dangerous."""
    found: dict[str, str] = {}
    if not pattern:
        found["pattern"] = locale.text("fim.form.pattern_missing")
    elif not any(sign.isalnum() for sign in pattern):
        found["pattern"] = locale.text("fim.form.pattern_wide")
    else:
        hidden = _hides(pattern, view)
        if hidden:
            path = words.short_path(hidden)
            found["pattern"] = locale.text("fim.form.pattern_dangerous", path=path)
    if not any(sign.isalnum() for sign in reason):
        found["reason"] = locale.text("fim.form.reason_missing")
    return found


def _hides(pattern: str, view: ChangeView) -> str:
    """The first dangerous path that this pattern would hide, else ""."""
    wanted = globs(comparable(pattern))
    dangerous = [row.change.path for row in view.rows if row.danger.is_dangerous]
    return next((path for path in (*dangerous, *ALWAYS_TOLD) if wanted.match(comparable(path))), "")
