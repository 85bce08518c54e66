"""Lists that only their reader sees: mine, pending, active, history, the VMs, one request."""

from __future__ import annotations

from collections.abc import Sequence

from approvals.events import PersonId, RequestId
from approvals.policy import askable
from approvals.request import Request
from defender.search import short_key
from handlers.cards import Cards
from handlers.command_line import CommandLine, Verb
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import answers
from handlers.views.blocks import Message
from handlers.views.details import details_message
from handlers.views.lists import PAGE_SIZE, ListKind, Page, VmRow, list_page, vm_page

KINDS: dict[Verb, ListKind] = {
    Verb.MINE: "mine",
    Verb.PENDING: "pending",
    Verb.ACTIVE: "active",
    Verb.HISTORY: "history",
}
#: A list that long is searched, not read.
ROWS_MAX = 200


async def show(s: Services, request_id: RequestId, locale: Locale) -> Message:
    request = await s.ledger.read(request_id)
    if request is None:
        return answers.no_such_request(request_id, locale)
    # A command waits 3 s for its answer, so only what is known of the machine's power is shown.
    return details_message(request, await Cards(s).facts(request, with_power=False), locale)


async def page(s: Services, person: PersonId, line: CommandLine, locale: Locale) -> Message:
    """One page of the list that `line` names."""
    if line.verb is Verb.LIST:
        return vms(s, person, line, locale)
    found = await _all(s, person, line)
    start = (line.page - 1) * PAGE_SIZE
    about = f"<@{_person(s, line.person)}>" if line.person else line.vm or f"<@{person}>"
    ports = sum(len(request.terms.ports) for request in found) if line.verb is Verb.ACTIVE else 0
    return list_page(
        KINDS.get(line.verb, "history"),
        found[start : start + PAGE_SIZE],
        Page(line.page, len(found), about if line.verb is Verb.HISTORY else "", ports),
        locale,
        now=s.ledger.instant,
    )


async def _all(s: Services, person: PersonId, line: CommandLine) -> Sequence[Request]:
    match line.verb:
        case Verb.MINE:
            return await s.ledger.by_person(person, ROWS_MAX)
        case Verb.PENDING:
            return await s.ledger.pending()
        case Verb.ACTIVE:
            return sorted(await s.ledger.active(), key=_end)
        case _:
            return await _history(s, person, line)


async def _history(s: Services, person: PersonId, line: CommandLine) -> Sequence[Request]:
    if line.person:
        return await s.ledger.by_person(_person(s, line.person), ROWS_MAX)
    if not line.vm:
        return await s.ledger.by_person(person, ROWS_MAX)
    found: list[Request] = []
    for machine in s.estate.index.by_name(line.vm):
        found += await s.ledger.by_vm(str(machine.resource_id), ROWS_MAX)
    return sorted(found, key=lambda request: request.submitted_at, reverse=True)


def _person(s: Services, typed: str) -> PersonId:
    """An id as Slack sends it, or the name of somebody seen before."""
    return PersonId(s.directory.id_of(typed) or typed)


def _end(request: Request) -> float:
    return request.opening.ends_at.timestamp() if request.opening else 0.0


def vms(s: Services, person: PersonId, line: CommandLine, locale: Locale) -> Message:
    """VMs with a JIT policy that this person may ask for."""
    allowed = askable(s.policy(), person, s.membership())
    found = s.estate.askable.search(line.vm or "", allowed=allowed, limit=ROWS_MAX)
    start = (line.page - 1) * PAGE_SIZE
    shown = [
        VmRow(
            key=short_key(machine),
            name=machine.name,
            resource_group=machine.resource_group,
            subscription_name=machine.subscription_name,
            ports=tuple(
                port.number for entry in s.estate.policy_hint(machine) for port in entry.ports
            ),
        )
        for machine in found[start : start + PAGE_SIZE]
    ]
    return vm_page(shown, Page(line.page, len(found), line.vm or ""), locale)
