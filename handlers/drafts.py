"""What a person has typed so far: kept for an hour, so that nothing typed is ever lost."""

from __future__ import annotations

import logging
import secrets

import msgspec

from approvals.asking import REASON_MAX
from approvals.events import PersonId, RequestId
from approvals.ledger import Ledger
from handlers.command_line import CommandLine, Verb

log = logging.getLogger(__name__)


class Draft(msgspec.Struct, frozen=True):
    """A request in the making. Everything is as typed; `vm` is a resource id once it is chosen."""

    id: str
    channel: str = ""
    thread: str = ""
    vm: str = ""
    vm_typed: str = ""
    ports: tuple[str, ...] = ()
    source: str = ""
    window: str = ""
    reason: str = ""
    ticket: str = ""
    extends: RequestId | None = None

    def line(self, vm_name: str = "") -> CommandLine:
        """The same as a typed line, to be shown corrected."""
        return CommandLine(
            Verb.ASK,
            vm=vm_name or self.vm_typed or None,
            ports=self.ports,
            window=self.window or None,
            source=self.source or None,
            reason=self.reason or None,
            ticket=self.ticket or None,
        )


_DRAFT = msgspec.json.Decoder(Draft)


def new_draft_id() -> str:
    return f"d-{secrets.token_hex(6)}"


def draft_of(line: CommandLine, *, channel: str, thread: str = "") -> Draft:
    """A fresh draft from a typed line."""
    return Draft(
        id=new_draft_id(),
        channel=channel,
        thread=thread,
        vm_typed=line.vm or "",
        ports=line.ports,
        source=line.source or "",
        window=line.window or "",
        reason=line.reason or "",
        ticket=line.ticket or "",
    )


async def save(ledger: Ledger, person: PersonId, draft: Draft) -> None:
    await ledger.put_draft(person, draft.id, msgspec.json.encode(draft))


async def load(ledger: Ledger, person: PersonId, draft_id: str) -> Draft | None:
    """The draft of this very person, or None when it is gone (after an hour) or somebody else's."""
    raw = await ledger.get_draft(person, draft_id)
    if raw is None:
        return None
    try:
        return _DRAFT.decode(raw)
    except msgspec.MsgspecError as error:
        log.warning("draft %s can't be read: %s", draft_id, error)
        return None


def empty(channel: str) -> Draft:
    """A form with nothing in it."""
    return Draft(id=new_draft_id(), channel=channel)


def with_machine(draft: Draft, resource_id: str, name: str) -> Draft:
    """The same words for the chosen VM."""
    return msgspec.structs.replace(draft, vm=resource_id, vm_typed=name)


def with_reason(draft: Draft, reason: str) -> Draft:
    """The same with a reason, cut to what the form's field takes."""
    return msgspec.structs.replace(draft, reason=reason.strip()[:REASON_MAX])
