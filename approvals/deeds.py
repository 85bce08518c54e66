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


@dataclass(frozen=True, slots=True)
class Stale:
    """Somebody was faster: the subject as it is now. Decide again."""

    version: int
    body: bytes | None
