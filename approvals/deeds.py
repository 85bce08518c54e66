"""What people do with alerts and file changes: a deed is an audit entry of its own.

A deed changes no right and opens nothing. Its subject's state (`feeds.cases`) is kept beside the
audit log, in the same step, under a version: who was slower reads what the faster one did.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

import msgspec

from approvals.events import PersonId

#: What it is about: `alert:<key>`, `changes:<id>`, `mute:<id>`, `window:<id>`.
Subject = NewType("Subject", str)

#: Characters of a reason or comment that an entry keeps.
REASON_MAX = 1_000


class DeedKind(StrEnum):
    """What was done. `yes` and `not_me` answer "Was this you?"."""

    TAKEN = "taken"
    ASSIGNED = "assigned"
    RELEASED = "released"
    IN_PROGRESS = "in_progress"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"
    REOPENED = "reopened"
    MUTED = "muted"
    UNMUTED = "unmuted"
    PATH_MUTED = "path_muted"
    YES = "yes"
    NOT_ME = "not_me"
    EXPECTED = "expected"
    SUSPICIOUS = "suspicious"
    WINDOW_OPENED = "window_opened"
    WINDOW_CLOSED = "window_closed"
    CLASSIFIED = "classified"
    COMMENTED = "commented"


#: Whom we know from Defender XDR alone: `xdr:` and the name as it stands there, which may be none.
FOREIGN = "xdr:"


def foreign(name: str = "") -> PersonId:
    """Somebody of Defender XDR, as the author of a deed or the owner of an alert."""
    return PersonId(f"{FOREIGN}{name[:FOREIGN_NAME_MAX]}")


#: Characters of a name from there that an entry keeps.
FOREIGN_NAME_MAX = 120


class Deed(msgspec.Struct, frozen=True, tag="deed"):
    """One act of a person. `name` is what people call the subject, kept for the log's readers."""

    kind: DeedKind
    subject: Subject
    name: str = ""
    reason: str = ""
    #: who it is handed to; "" for none.
    to: PersonId = PersonId("")
    until: datetime | None = None
    #: of machines or paths, for mutes and windows.
    pattern: str = ""
    #: the kind of reason (`true_positive`, `benign`, `false_positive`), where one was chosen.
    verdict: str = ""
    #: what was found, in Defender XDR's word (`malware`), where it said so.
    determination: str = ""
    #: who did it in Defender XDR (`foreign`), where Sekisho only read of it; "" for our own.
    by: PersonId = PersonId("")


@dataclass(frozen=True, slots=True)
class Stale:
    """Somebody was faster: the subject as it is now. Decide again."""

    version: int
    body: bytes | None
