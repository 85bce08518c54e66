"""What the policy answers. Closed types: `Refused` with a typed refusal, or `Needs` approvals."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from approvals.request import PersonId, Rule


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
    """Why something is refused. Each has a text `refusal.<code>` in every language."""

    # vm
    VM_MISSING = "vm_missing"
    VM_UNKNOWN = "vm_unknown"
    VM_AMBIGUOUS = "vm_ambiguous"
    VM_NO_POLICY = "vm_no_policy"
    VM_NOT_ALLOWED = "vm_not_allowed"
    VM_NO_RULE = "vm_no_rule"
    # ports
    PORT_MISSING = "port_missing"
    PORT_INVALID = "port_invalid"
    PORT_NOT_IN_POLICY = "port_not_in_policy"
    PORT_NOT_IN_RULE = "port_not_in_rule"
    # source
    SOURCE_MISSING = "source_missing"
    SOURCE_ANY = "source_any"
    SOURCE_HOSTNAME = "source_hostname"
    SOURCE_LEADING_ZERO = "source_leading_zero"
    SOURCE_MAPPED = "source_mapped"
    SOURCE_ZONE = "source_zone"
    SOURCE_HOST_BITS = "source_host_bits"
    SOURCE_TOO_WIDE = "source_too_wide"
    SOURCE_PRIVATE = "source_private"
    SOURCE_RESERVED = "source_reserved"
    SOURCE_INVALID = "source_invalid"
    SOURCE_NOT_IN_POLICY = "source_not_in_policy"
    # window
    WINDOW_MISSING = "window_missing"
    WINDOW_INVALID = "window_invalid"
    WINDOW_TOO_SHORT = "window_too_short"
    WINDOW_TOO_LONG_RULE = "window_too_long_rule"
    WINDOW_TOO_LONG_VM = "window_too_long_vm"
    WINDOW_TOTAL = "window_total"
    WINDOW_PAST = "window_past"
    # reason, ticket
    REASON_MISSING = "reason_missing"
    REASON_TOO_LONG = "reason_too_long"
    TICKET_MISSING = "ticket_missing"
    TICKET_INVALID = "ticket_invalid"
    # who and when
    NO_APPROVER = "no_approver"
    NOT_APPROVER = "not_approver"
    OWN_REQUEST = "own_request"
    ALREADY_APPROVED = "already_approved"
    RIGHTS_UNKNOWN = "rights_unknown"
    PERSON_INACTIVE = "person_inactive"
    STRANGER = "stranger"
    NOT_REQUESTER = "not_requester"
    NOT_ADMIN = "not_admin"
    TOO_LATE = "too_late"
    OUTDATED = "outdated"
    WIDER = "wider"
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
