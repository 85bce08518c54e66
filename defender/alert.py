"""An alert of Defender for Cloud as plain facts, whichever way it came (pull, push, two spellings).

All text is foreign: nothing here is escaped or shortened, views do that. Enum values are kept as
Azure sent them, since every enum of the contract is open.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

#: Most urgent first; Azure has no Critical (2022-01-01), others are shown as they came, last.
SEVERITIES = ("high", "medium", "low", "informational")


class Entity(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One entity of the evidence, references resolved.

    `kind`: lower-cased type (`host`, `process`, `file`, `account`, `ip`, …). `name`: what one
    would call it (path, account, address). `facts`: short text facts, as `command_line`, `pid`,
    `path`, `sha256`, `account`, `started_at`. `parent`: place of the parent process in `entities`.
    """

    kind: str
    name: str
    facts: dict[str, str] = {}
    parent: int | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`key` is the identity: the lower-cased systemAlertId, without one the folded resource id."""

    key: str
    #: the ARM id as it came; "" for a pushed alert that names none.
    arm_id: str = ""
    title: str = ""
    alert_type: str = ""
    severity: str = ""
    status: str = ""
    #: tactic(s) as Azure sent them, comma-joined.
    intent: str = ""
    techniques: tuple[str, ...] = ()
    product: str = ""
    vendor: str = ""
    description: str = ""
    #: the machine: full ARM id where there is one, else "".
    resource_id: str = ""
    machine: str = ""
    resource_group: str = ""
    subscription_id: str = ""
    #: azure, aws, gcp, arc, or "" where unknown.
    cloud: str = ""
    os: str = ""
    workspace_id: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    generated_at: datetime | None = None
    entities: tuple[Entity, ...] = ()
    #: entities beyond those kept.
    entities_left: int = 0
    remediation: tuple[str, ...] = ()
    link: str = ""
    correlation_key: str = ""
    #: of the incident it belongs to, where it is named.
    incident_id: str = ""
    is_incident: bool = False
    is_sample: bool = False
    is_edr: bool = False
    extended: dict[str, str] = {}

    @property
    def rank(self) -> int:
        """0 for High; unknown severities sort below all others (C049)."""
        found = self.severity.casefold()
        return SEVERITIES.index(found) if found in SEVERITIES else len(SEVERITIES)

    @property
    def state(self) -> str:
        """`active`, `inprogress`, `resolved`, `dismissed`; exported alerts say New for Active."""
        found = self.status.casefold().replace(" ", "")
        return "active" if found in ("", "new") else found

    @property
    def fingerprint(self) -> str:
        """16 hex digits over what a change of is told: status, severity, description, entities.

        Blanks, case and the facts of an entity are left out: the two ways an alert comes by spell
        them differently, and nothing has changed then.
        """
        said = (
            self.state,
            self.severity.casefold(),
            self.title,
            " ".join(self.description.split()),
            sorted({(entity.kind, entity.name.casefold()) for entity in self.entities}),
        )
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]
