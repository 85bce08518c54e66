"""`/jit enable`, `edit`, `disable`, `undo`: JIT policies of machines, asked for by a line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import msgspec

from approvals.actions.jit_policy_ports import ports_of
from approvals.changes import JitPolicyChange
from approvals.changes.jit_policy import JitEntry, JitPort
from approvals.events import Kind, PersonId, RequestId, Target
from approvals.policy import askable, may_ask
from approvals.ports import parse_ports
from approvals.verdict import Code, Field, Refusal
from approvals.window import parse_length
from defender.errors import AzureError
from defender.records import Machine
from handlers import answering
from handlers.asking import not_allowed
from handlers.caller import Caller
from handlers.changes import Wanted, file_change, undo_change
from handlers.command_line import CommandLine, Verb
from handlers.jit_policy_wish import Wish, port_of, sources_of
from handlers.locale import Locale
from handlers.places import machine_of, target_of
from handlers.replies import Checking, Reply
from handlers.services import Services
from handlers.views import answers, safe
from handlers.views.blocks import Message

#: Machines that one request may be about: an approver must be able to read them.
MACHINES_MAX = 20
SHORTEST_MAX, LONGEST_MAX = timedelta(minutes=5), timedelta(hours=24)
DEFAULT_PORTS = {"windows": (3389,)}
TAG = "tag:"

Deed = Literal["enable", "edit", "disable", "clean"]
DEEDS: dict[Verb, Deed] = {
    Verb.ENABLE: "enable",
    Verb.EDIT: "edit",
    Verb.DISABLE: "disable",
    Verb.CLEAN: "clean",
}


class JitPolicyCommands:
    """Names and words are read at once, Azure only after the ack."""

    def __init__(self, services: Services) -> None:
        self._s = services

    async def ask(self, caller: Caller, line: CommandLine, locale: Locale) -> Reply:
        if not line.vms and line.verb is Verb.CLEAN:
            return self._left_behind(caller.person, locale)
        if not line.vms:
            return _note(locale, "usage", locale.text("jit_policy_line.usage_example"))
        if not line.reason:
            return _note(locale, "reason")
        machines = self._machines(caller.person, line, locale)
        if isinstance(machines, Message):
            return machines
        wish = self._wish(line, machines, locale)
        if isinstance(wish, Message):
            return wish

        async def finish() -> Message:
            return await self._file(caller, line, machines, wish, locale)

        return Checking(answers.checking(locale), finish)

    async def undo(self, caller: Caller, line: CommandLine, locale: Locale) -> Reply:
        """`undo 1042 because …`."""
        if line.request_id is None:
            return answering.number_missing(line.verb, locale)
        request = await self._s.ledger.read(RequestId(line.request_id))
        if request is None:
            return answers.no_such_request(line.request_id, locale)
        reason = line.reason or locale.text("change.undo_reason", id=request.id)

        async def finish() -> Message:
            return await undo_change(self._s, caller, request, reason, locale)

        return Checking(answers.checking(locale), finish)

    async def _file(
        self,
        caller: Caller,
        line: CommandLine,
        machines: Sequence[Machine],
        wish: Wish,
        locale: Locale,
    ) -> Message:
        deed = DEEDS[line.verb]
        try:
            entries = tuple([await self._entry(deed, machine, wish) for machine in machines])
        except AzureError as error:
            return answers.azure_unreachable(error.code, locale)
        targets: tuple[Target, ...] = tuple(
            msgspec.structs.replace(
                target_of(self._s, str(machine.resource_id)), location=machine.location
            )
            for machine in machines
        )
        change = JitPolicyChange(targets=targets, deed=deed, entries=entries)
        wanted = Wanted(change, line.reason or "", line.ticket or "")
        return await file_change(self._s, caller, wanted, locale)

    async def _entry(self, deed: Deed, machine: Machine, wish: Wish) -> JitEntry:
        """The entry as it shall be; where it goes is found out by the action."""
        ports: tuple[JitPort, ...] = ()
        if deed == "enable":
            numbers = wish.ports or DEFAULT_PORTS.get(machine.os.lower(), (22,))
            ports = tuple(port_of(number, wish, None) for number in numbers)
        elif deed == "edit":
            snapshot = await self._s.jit.policies_of(machine)
            now = {p.number: p for at in snapshot.of(machine.resource_id) for p in ports_of(at)}
            ports = tuple(port_of(n, wish, now.get(n)) for n in wish.ports or sorted(now))
        return JitEntry(str(machine.resource_id), "", machine.location, ports)

    # --- words ---

    def _left_behind(self, person: PersonId, locale: Locale) -> Message:
        """Entries of machines that the estate no longer has: a hint, asked of Azure when filed.

        Only what this person may ask for is named.
        """
        s = self._s
        may = askable(s.policy(), person, s.membership(), Kind.JIT_POLICY)
        found = [machine for machine in left_behind(s) if may(machine)]
        if not found:
            return _note(locale, "none_left")
        names = [safe.code(machine.name, 80) for machine in found[:MACHINES_MAX]]
        listed = locale.text("list.comma").join(names)
        return answers.note(
            locale,
            locale.plural("jit_policy_line.left", len(found)),
            listed,
            locale.text("jit_policy_line.left_line"),
        )

    def _machines(
        self, person: PersonId, line: CommandLine, locale: Locale
    ) -> list[Machine] | Message:
        found: dict[str, Machine] = {}
        for typed in line.vms:
            named = self._named(person, typed, is_gone=line.verb is Verb.CLEAN)
            if isinstance(named, Refusal):
                return answers.refused((named,), locale, group_names=self._s.group_names())
            if not named:
                tag = safe.code(typed.removeprefix(TAG), 80)
                return _note(locale, "none_tagged", tag=tag)
            found |= {machine.key: machine for machine in named}
        if len(found) > MACHINES_MAX:
            return _note(locale, "too_many", n=len(found), limit=MACHINES_MAX)
        return list(found.values())

    def _named(
        self, person: PersonId, typed: str, *, is_gone: bool = False
    ) -> list[Machine] | Refusal:
        """By name, `group/name` or `tag:key=value`; only what this person may ask for is named."""
        s = self._s
        is_tag = typed.casefold().startswith(TAG)
        if is_tag:
            key, _, value = typed[len(TAG) :].partition("=")
            found = [m for m in s.estate.index.machines if _has_tag(m, key, value)]
        else:
            group, slash, name = typed.rpartition("/")
            found = [
                m
                for m in (left_behind(s) if is_gone else s.estate.index.by_name(name))
                if m.name.casefold() == name.casefold()
                and (not slash or m.resource_group.casefold() == group.casefold())
            ]
        policy, membership = s.policy(), s.membership()
        allowed = [m for m in found if may_ask(policy, person, m, membership, Kind.JIT_POLICY)]
        if is_tag or len(allowed) == 1:
            return allowed
        if allowed:
            return Refusal(Code.VM_AMBIGUOUS, Field.VM, {"typed": typed})
        if not found:
            return Refusal(Code.VM_UNKNOWN, Field.VM, {"typed": typed, "near": ()})
        return not_allowed(s, found[0], person, Kind.JIT_POLICY)

    def _wish(
        self, line: CommandLine, machines: Sequence[Machine], locale: Locale
    ) -> Wish | Message:
        ports: tuple[int, ...] | Refusal = ()
        if line.ports:
            ports = parse_ports(",".join(line.ports))
        if isinstance(ports, Refusal):
            return answers.refused((ports,), locale)
        longest = parse_length(line.window) if line.window else None
        if line.window and longest is None:
            return _note(locale, "until")
        if longest is not None and not SHORTEST_MAX <= longest <= LONGEST_MAX:
            return _note(locale, "day")
        rule = self._s.policy().rule_for_all(machines, Kind.JIT_POLICY)
        sources = sources_of(line.source or "", rule.networks if rule else ())
        if sources is None:
            return _note(locale, "source", typed=safe.code(line.source or "", 80))
        return Wish(ports, longest, sources)


def left_behind(s: Services) -> list[Machine]:
    """Machines that JIT policies name and the estate, as last read, does not have."""
    entries = s.estate.left_behind()
    return [machine_of(s, str(entry.vm_id), entry.location) for entry in entries]


def _has_tag(machine: Machine, key: str, value: str) -> bool:
    return any(
        name.casefold() == key.casefold() and held.casefold() == value.casefold()
        for name, held in machine.tags.items()
    )


def _note(locale: Locale, key: str, *lines: str, **args: object) -> Message:
    said = locale.text(f"jit_policy_line.{key}", **args)
    return answers.note(locale, locale.text("answer.not_sent"), said, *lines)
