"""JIT on machines: which ports of which machines a person may ask for, how long, from where."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from approvals.changes.base import ChangeRecord
from approvals.terms import Kind


class JitPort(msgspec.Struct, frozen=True):
    """One port as the policy shall have it. `sources` ("*": any) and `protocol` as Azure writes."""

    number: int
    longest_seconds: int
    sources: tuple[str, ...] = ("*",)
    protocol: str = "*"


class JitEntry(msgspec.Struct, frozen=True):
    """One machine's entry. No ports: none. `policy_id` is where it stands or shall stand."""

    resource_id: str
    policy_id: str
    location: str
    ports: tuple[JitPort, ...]
    #: what the policy says now: what the approver compared with.
    before: tuple[JitPort, ...] = ()
    #: the machine is gone from Azure; only its entry was left.
    is_gone: bool = False


class NsgDeny(msgspec.Struct, frozen=True):
    """A rule that Azure will add to keep the port shut while nobody has asked.

    `priority` is our reckoning of where Azure puts it: the highest number that is free.
    """

    nsg: str
    machine: str
    port: int
    priority: int


class JitPolicyChange(ChangeRecord, frozen=True, kw_only=True, tag="jit_policy"):
    """Entries of JIT policies, put in, changed or taken out."""

    KIND: ClassVar[Kind] = Kind.JIT_POLICY

    deed: Literal["enable", "edit", "disable", "clean", "undo"]
    entries: tuple[JitEntry, ...]
    rules: tuple[NsgDeny, ...] = ()
    #: machines whose network groups could not be read: their rules are not known.
    rules_unknown: tuple[str, ...] = ()
