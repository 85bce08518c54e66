"""The kinds of change to Azure, as the audit log keeps them. Pure; how each is done: `actions/`.

A new kind is a file here and a line in `AzureChange`.
"""

from __future__ import annotations

import hashlib
import json

import msgspec

from approvals.changes.base import ChangeRecord, Outcome, Result
from approvals.changes.jit_policy import JitPolicyChange
from approvals.terms import NO_WINDOW, Terms

__all__ = [
    "AzureChange",
    "ChangeRecord",
    "JitPolicyChange",
    "Outcome",
    "Result",
    "change_digest",
    "terms_of",
]

#: Every kind, told apart by its tag.
AzureChange = JitPolicyChange


def change_digest(change: ChangeRecord) -> str:
    """SHA-256 (hex) of the change in canonical form: what an approval of it names."""
    # ASCII, since foreign text may hold half a character, which UTF-8 does not know
    body = json.dumps(msgspec.to_builtins(change), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(body.encode("ascii")).hexdigest()


def terms_of(change: ChangeRecord) -> Terms:
    """The terms of a request for this change."""
    return Terms((), "", NO_WINDOW, change_digest(change))
