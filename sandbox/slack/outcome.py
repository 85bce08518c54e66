"""What one attempt to deliver a payload came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.slack.json_types import JsonObject

#: Slack waits this long for an acknowledgement.
ACK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt, by socket or HTTP."""

    status: Literal["acked", "timeout", "failed"]
    seconds: float
    body: JsonObject | None = None
    #: What Slack shows the person who waits.
    error: str | None = None
    #: What the next attempt names as its reason.
    retry_reason: str = "timeout"
    #: The bot asked for no further attempt (X-Slack-No-Retry).
    final: bool = False
