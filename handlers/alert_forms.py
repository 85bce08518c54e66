"""What a sent form of an alert does: dismiss, resolve, reopen, hand over, mute."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from approvals.events import PersonId
from approvals.operations import op_id
from handlers import alert_deciding as deciding
from handlers.alert_clicks import AlertClicks
from handlers.alert_facts import AlertFacts
from handlers.alert_many import ManyAlerts
from handlers.alert_mutes import mute, until_of
from handlers.caller import Caller
from handlers.form_state import text, values_of
from handlers.forms import Closed, Errors
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import alert_answers as answers
from handlers.views import alert_forms as views

Outcome = Errors | Closed
Handler = Callable[[Caller, str, Mapping[str, Any], Locale], Awaitable[Outcome]]


class AlertForms:
    """The table of forms, by callback id."""

    def __init__(self, services: Services, clicks: AlertClicks, many: ManyAlerts) -> None:
        self._s = services
        self._clicks = clicks
        self._many = many
        self._facts: AlertFacts = clicks.facts
        self._table: Mapping[str, Handler] = {
            "alert.dismiss": self._dismiss,
            "alert.resolve": self._resolve,
            "alert.reopen": self._reopen,
            "alert.assign": self._assign,
            "alert.mute": self._mute,
            "storm.machine": self._machine,
            "digest.dismiss": self._dismiss_digest,
        }

    async def run(self, caller: Caller, body: Mapping[str, Any], locale: Locale) -> Outcome:
        """Raises LedgerError: nothing was recorded then."""
        handle = self._table.get(str(body["view"].get("callback_id")))
        about = str(body["view"].get("private_metadata") or "")
        return await handle(caller, about, body, locale) if handle else Closed(None)

    async def concerned(self, body: Mapping[str, Any]) -> list[PersonId]:
        """Whose alert it was before a hand-over, and whose it may be then."""
        view = body["view"]
        if view.get("callback_id") != "alert.assign":
            return []
        stored = await self._facts.find(str(view.get("private_metadata") or ""))
        owner = (await self._facts.case(stored.alert.key))[1].owner if stored else ""
        return [PersonId(person) for person in (owner, _chosen_person(body)) if person]

    async def _dismiss(
        self, caller: Caller, ref: str, body: Mapping[str, Any], locale: Locale
    ) -> Outcome:
        """Muting in the same step is a deed of its own, after the first one stands."""
        values = values_of(body)
        wrong = _wrong(values, views.DISMISSALS, locale)
        if wrong:
            return wrong
        reason, verdict = text(values, "reason"), text(values, "why")
        said = await self._clicks.decide(caller, ref, deciding.dismiss(reason, verdict), locale)
        stored = await self._facts.find(ref)
        until = until_of(text(values, "mute"), self._s.ledger.instant, locale.tz)
        if stored is not None and until is not None and self._may_act(caller):
            op = op_id("mute", str(caller.op))
            await mute(self._s, stored, actor=caller.person, op=op, until=until, reason=reason)
        return Closed(said, stored.channel if stored else "")

    async def _resolve(
        self, caller: Caller, ref: str, body: Mapping[str, Any], locale: Locale
    ) -> Outcome:
        values = values_of(body)
        wrong = _wrong(values, views.RESOLUTIONS, locale)
        if wrong:
            return wrong
        decide = deciding.resolve(text(values, "reason"), text(values, "why"))
        return await self._closed(caller, ref, decide, locale)

    async def _reopen(
        self, caller: Caller, ref: str, body: Mapping[str, Any], locale: Locale
    ) -> Outcome:
        decide = deciding.reopen(text(values_of(body), "reason"))
        return await self._closed(caller, ref, decide, locale)

    async def _assign(
        self, caller: Caller, ref: str, body: Mapping[str, Any], locale: Locale
    ) -> Outcome:
        """To a person of this workspace; a bot or a guest takes nothing. Or to nobody: begun."""
        values = values_of(body)
        if text(values, "what") == views.BEGIN:
            return await self._closed(caller, ref, deciding.in_progress, locale)
        to = _chosen_person(body)
        profile = await self._s.directory.profile(to) if to else None
        if profile is None or profile.is_bot or profile.is_deleted or profile.is_guest:
            return Errors({"to": locale.text("alert.form.error.person")})
        decide = deciding.assign(PersonId(to), text(values, "reason"))
        return await self._closed(caller, ref, decide, locale)

    async def _mute(
        self, caller: Caller, about: str, body: Mapping[str, Any], locale: Locale
    ) -> Outcome:
        values = values_of(body)
        reason = text(values, "reason")
        if not _says_something(reason):
            return Errors({"reason": locale.text("alert.form.error.reason")})
        stored = await self._facts.find(about.partition(" ")[0])
        until = until_of(text(values, "until"), self._s.ledger.instant, locale.tz)
        if stored is None:
            return Closed(answers.unknown(about, locale))
        if until is None:
            return Errors({"until": locale.text("alert.form.error.choose")})
        if not self._may_act(caller):
            return Closed(answers.sentence("guest", locale), stored.channel)
        made = await mute(
            self._s,
            stored,
            actor=caller.person,
            op=caller.op,
            until=until,
            this_machine=text(values, "where") != views.ALL,
            reason=reason,
        )
        said = answers.sentence(
            "muted", locale, when=locale.when(made.until), name=answers.named(made.name)
        )
        return Closed(said, stored.channel)

    async def _machine(
        self, caller: Caller, storm_id: str, body: Mapping[str, Any], locale: Locale
    ) -> Outcome:
        place = text(values_of(body), "machine")
        return Closed(await self._many.take_machine(caller, storm_id, place, locale))

    async def _dismiss_digest(
        self, caller: Caller, digest: str, body: Mapping[str, Any], locale: Locale
    ) -> Outcome:
        values = values_of(body)
        wrong = _wrong(values, views.DISMISSALS, locale)
        if wrong:
            return wrong
        reason, verdict = text(values, "reason"), text(values, "why")
        said = await self._many.dismiss_digest(caller, digest, reason, verdict, locale)
        return Closed(said, digest.partition(".")[0])

    async def _closed(
        self, caller: Caller, ref: str, decide: deciding.Decide, locale: Locale
    ) -> Outcome:
        said = await self._clicks.decide(caller, ref, decide, locale)
        stored = await self._facts.find(ref)
        return Closed(said, stored.channel if stored else "")

    def _may_act(self, caller: Caller) -> bool:
        return caller.person not in self._s.membership().guests


def _wrong(values: Any, kinds: tuple[str, ...], locale: Locale) -> Errors | None:
    """What Slack should have made sure of is looked at again."""
    found: dict[str, str] = {}
    if text(values, "why") not in kinds:
        found["why"] = locale.text("alert.form.error.choose")
    if not _says_something(text(values, "reason")):
        found["reason"] = locale.text("alert.form.error.reason")
    return Errors(found) if found else None


def _says_something(reason: str) -> bool:
    return any(sign.isalnum() for sign in reason)


def _chosen_person(body: Mapping[str, Any]) -> str:
    element = values_of(body).get("to", {}).get("to", {})
    return str(element.get("selected_user") or "")
