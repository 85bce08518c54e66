"""Acts on a burst of file changes: who may, what is recorded, what is answered.

Every act reads the case, decides, and records on that version; whoever was slower reads what the
faster one did.
"""

from __future__ import annotations

from dataclasses import dataclass

from approvals.deeds import Deed, DeedKind, Stale, Subject
from approvals.events import PersonId
from feeds.cases import Case, after, write_case
from feeds.windows import meant
from handlers.caller import Caller
from handlers.change_show import CHANGES, ChangeShow
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import change_words as words
from handlers.views import safe
from handlers.views.blocks import Message
from handlers.views.change_forms import note
from handlers.views.change_words import ChangeView

#: A burst that changes so often under one click is not decided by it.
TRIES_MAX = 8

ANSWERS = (DeedKind.YES, DeedKind.NOT_ME)
#: Acts that make changes quieter need a say about the machine.
QUIETING = (DeedKind.EXPECTED, DeedKind.RESOLVED, DeedKind.PATH_MUTED)
#: After "Not me" these need other eyes than those of who was asked.
FOUR_EYES = (DeedKind.YES, *QUIETING)


@dataclass(frozen=True, slots=True)
class Done:
    """Recorded now, or by an earlier delivery of the same click."""

    view: ChangeView


class ChangeDeeds:
    """The way from a click to the ledger."""

    def __init__(self, services: Services, show: ChangeShow) -> None:
        self._s = services
        self._show = show

    async def act(
        self, caller: Caller, burst_id: str, kind: DeedKind, locale: Locale, *, reason: str = ""
    ) -> Done | Message:
        """Record it, or say why not. Raises LedgerError."""
        for _ in range(TRIES_MAX):
            view = await self._show.view(burst_id)
            if view is None:
                return note(locale.text("fim.gone", id=safe.escape_mrkdwn(burst_id, 40)))
            if kind is DeedKind.EXPECTED and self.is_asked(view, caller.person):
                kind = DeedKind.YES  # the same answer, by the other way
            refused = await self.refusal(view, kind, caller, locale)
            if refused is not None:
                return refused
            deed = Deed(
                kind=kind,
                subject=Subject(f"{CHANGES}{burst_id}"),
                name=view.burst.facts.machine or burst_id,
                reason=reason,
            )
            case = after(view.case, deed, actor=caller.person, at=self._s.ledger.instant)
            done = await self._s.ledger.do(
                deed,
                actor=caller.person,
                op_id=caller.op,
                version=view.case_version,
                body=write_case(case),
            )
            if not isinstance(done, Stale):
                return Done(view)
        return note(locale.text("fim.refused.stale_none"))

    async def refusal(
        self, view: ChangeView, kind: DeedKind, caller: Caller, locale: Locale
    ) -> Message | None:
        """Why this person can't do that now. A repeated delivery of a success is no refusal."""
        said = self._why_not(view, kind, caller.person, locale)
        if said is None or await self._s.ledger.find_op(caller.op) is not None:
            return None
        return note(said)

    def _why_not(
        self, view: ChangeView, kind: DeedKind, person: PersonId, locale: Locale
    ) -> str | None:
        if kind in ANSWERS and not self.is_asked(view, person):
            asked = words.people((s.person for s in view.sessions), view.names, locale)
            return locale.text("fim.refused.not_asked", people=asked or safe.EMPTY)
        if kind in FOUR_EYES and self.is_disowned_by(view, person):
            return locale.text("fim.refused.own_not_me")
        if not _is_open_for(view.case, kind):
            return stale_text(view, locale)
        if kind in QUIETING and not self.has_a_say(view, person):
            machine = safe.escape_mrkdwn(words.machine(view, locale))
            return locale.text("fim.refused.approvers_only", machine=machine)
        return None

    def is_asked(self, view: ChangeView, person: PersonId) -> bool:
        """Whether one of the sessions was this person's, by any of their ids."""
        same = self._s.policy().same_person(person)
        return any(session.person in same for session in view.sessions)

    def is_disowned_by(self, view: ChangeView, person: PersonId) -> bool:
        """Whether "Not me" stands and this person answered it, or was asked beside who did.

        Who answered is in the case: the session may be too old to be found again.
        """
        case = view.case
        if case.is_closed or case.answer != "not_me":
            return False
        is_who = case.answered_by in self._s.policy().same_person(person)
        return is_who or self.is_asked(view, person)

    def has_a_say(self, view: ChangeView, person: PersonId) -> bool:
        """Askers and approvers of the machine's rule; where no rule is, administrators."""
        machine = self._s.estate.index.by_id(view.burst.facts.resource_id)
        policy, membership = self._s.policy(), self._s.membership()
        name = machine.name if machine else ""
        found = meant(
            name or "\0",
            [machine] if machine else [],
            person=person,
            policy=policy,
            membership=membership,
        )
        return found.is_allowed


def _is_open_for(case: Case, kind: DeedKind) -> bool:
    """Whether the case is still in a state in which this act means something."""
    match kind:
        case DeedKind.TAKEN:
            return not case.owner and not case.is_closed
        case DeedKind.YES | DeedKind.NOT_ME:
            return not case.is_closed and not case.answer
        case DeedKind.EXPECTED | DeedKind.RESOLVED:
            return not case.is_closed
        case DeedKind.SUSPICIOUS:
            return not case.is_closed and case.state != "inprogress"
        case DeedKind.REOPENED:
            return case.is_closed
        case _:
            return True


def stale_text(view: ChangeView, locale: Locale) -> str:
    """Who was faster, and what they did."""
    case = view.case
    key = case.state
    who, at = case.decided_by, case.decided_at
    if case.answer == "not_me" and not case.is_closed:
        key, who, at = "not_me", case.answered_by, case.decided_at
    elif case.state == "active" and case.owner:
        key, who, at = "taken", case.owner, case.owned_at
    if not who or at is None:
        return locale.text("fim.refused.stale_none")
    state = locale.text(
        f"fim.state.{key}", who=words.name(who, view.names, locale), when=locale.when(at)
    )
    return locale.text("fim.refused.stale", state=state)
