"""Op-ids: the identity of a wish, so that a repeated delivery finds its own earlier success."""

from __future__ import annotations

import hashlib
import secrets

from approvals.events import OpId


def op_id(*parts: str) -> OpId:
    """The same parts give the same op-id: user, action_ts and action_id of a click; a view's id."""
    joined = "\x1f".join(parts)
    return OpId(hashlib.sha256(joined.encode()).hexdigest()[:32])


def fresh_op_id() -> OpId:
    """For what only this process knows of, such as the sending of one attempt."""
    return OpId(secrets.token_hex(16))
