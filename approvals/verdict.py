"""What the policy answers. Closed types: `Refused` with a typed refusal, or `Needs` approvals."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from approvals.events import PersonId, Rule


class Field(StrEnum):
    """Where a refusal belongs: the form's block_id, the word of the one-liner."""

    VM = "vm"
    PORTS = "ports"
    SOURCE = "source"
    WINDOW = "window"
    REASON = "reason"
    TICKET = "ticket"
    REQUEST = "request"


class Code(StrEnum):
    """Why something is refused. Each has a text `refusal.<code>` in every language.

    The comments name the `args`: durations are `timedelta`, instants `datetime`, ports
    `tuple[int, ...]`, people and groups `tuple[str, ...]` of Slack ids, the rest text as it is.
    """

    # vm
    VM_MISSING = "vm_missing"
    VM_UNKNOWN = "vm_unknown"  # typed near
    VM_OUTSIDE_AZURE = "vm_outside_azure"  # vm
    VM_AMBIGUOUS = "vm_ambiguous"  # typed
    VM_NO_POLICY = "vm_no_policy"  # vm
    VM_NOT_ALLOWED = "vm_not_allowed"  # vm rule groups people
    VM_NO_RULE = "vm_no_rule"  # vm
    # ports
    PORT_MISSING = "port_missing"  # allowed
    PORT_INVALID = "port_invalid"  # typed
    PORT_NOT_IN_POLICY = "port_not_in_policy"  # vm ports allowed
    PORT_NOT_IN_RULE = "port_not_in_rule"  # rule ports allowed
    # source
    SOURCE_MISSING = "source_missing"
    SOURCE_ANY = "source_any"  # typed
    SOURCE_HOSTNAME = "source_hostname"  # typed
    SOURCE_LEADING_ZERO = "source_leading_zero"  # typed
    SOURCE_MAPPED = "source_mapped"  # typed inner (the IPv4 address in it)
    SOURCE_ZONE = "source_zone"  # typed
    SOURCE_HOST_BITS = "source_host_bits"  # typed network
    SOURCE_TOO_WIDE = "source_too_wide"  # typed
    SOURCE_PRIVATE = "source_private"  # typed
    SOURCE_RESERVED = "source_reserved"  # typed
    SOURCE_INVALID = "source_invalid"  # typed
    SOURCE_SHORT_FORM = "source_short_form"  # typed: 127.1
    SOURCE_NUMBER = "source_number"  # typed: 3405803783, 0xCB.0.0x71.7
    SOURCE_TRAILING_DOT = "source_trailing_dot"  # typed
    SOURCE_PREFIX_LENGTH = "source_prefix_length"  # typed: /33, /255.255.255.0
    SOURCE_SPACE = "source_space"  # typed: a space or invisible sign inside
    SOURCE_NOT_IN_POLICY = "source_not_in_policy"  # vm source ports allowed (prefixes)
    # window
    WINDOW_MISSING = "window_missing"
    WINDOW_INVALID = "window_invalid"  # typed
    WINDOW_TOO_SHORT = "window_too_short"  # shortest
    WINDOW_TOO_LONG_RULE = "window_too_long_rule"  # rule longest
    WINDOW_TOO_LONG_VM = "window_too_long_vm"  # vm longest
    WINDOW_TOTAL = "window_total"  # rule longest left
    WINDOW_PAST = "window_past"  # at
    # reason, ticket
    REASON_MISSING = "reason_missing"
    REASON_TOO_LONG = "reason_too_long"  # length limit
    TICKET_MISSING = "ticket_missing"  # rule pattern
    TICKET_INVALID = "ticket_invalid"  # rule pattern typed
    # who and when
    NO_APPROVER = "no_approver"  # rule quorum found groups people administrators
    NOT_APPROVER = "not_approver"  # rule groups people
    OWN_REQUEST = "own_request"  # requester
    ALREADY_APPROVED = "already_approved"  # at
    RIGHTS_UNKNOWN = "rights_unknown"  # scope group (each may be "")
    PERSON_INACTIVE = "person_inactive"  # person
    GUEST = "guest"  # rule (or "")
    STRANGER = "stranger"
    NOT_REQUESTER = "not_requester"
    REQUESTER_GONE = "requester_gone"  # requester rule
    NOT_ADMIN = "not_admin"  # administrators
    RULE_CHANGED = "rule_changed"  # rule (as filed) now (the rule that applies, or "")
    TOO_LATE = "too_late"
    OUTDATED = "outdated"
    WIDER = "wider"
    # changes to Azure
    KIND_NO_RULE = "kind_no_rule"  # vm
    TARGETS_APART = "targets_apart"  # vms: no one rule is for all of them
    JIT_IS_ON = "jit_is_on"  # vm ports
    JIT_IS_OFF = "jit_is_off"  # vm
    JIT_SAME = "jit_same"  # vm
    JIT_NO_NSG = "jit_no_nsg"  # vm
    VM_STILL_THERE = "vm_still_there"  # vm
    # the typed line: args `word`, `position` (1 = first character)
    WORD_UNKNOWN = "word_unknown"
    HIDDEN_CHARACTER = "hidden_character"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason. `args` fill the text; `nearest` is the allowed value as it would be typed."""

    code: Code
    field: Field
    args: Mapping[str, object] = dataclasses.field(default_factory=dict)
    nearest: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Not possible; every reason at once, so that a form can show each at its field."""

    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """Possible, with `rule.quorum` approvals of people in `approvers` (requester left out)."""

    rule: Rule
    approvers: frozenset[PersonId]
    lapses_at: datetime


Verdict = Refused | Needs


@dataclass(frozen=True, slots=True)
class Granted:
    """This person may decide: through which group (or "people"), by which rule, read when."""

    group: str
    rule: str
    rule_version: str
    rights_read_at: datetime


Rights = Refused | Granted
