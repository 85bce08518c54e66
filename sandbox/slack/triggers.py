"""Trigger ids (one use, 3 seconds) and response URLs (5 uses, 30 minutes)."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

#: Slack drops a trigger id after this; real time, whatever the director does to the clock.
TRIGGER_SECONDS = 3.0

RESPONSE_URL_USES = 5
RESPONSE_URL_LIFE = timedelta(minutes=30)


class TriggerRefused(Exception):
    """The trigger id opens nothing; `error` is Slack's name for why."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(slots=True)
class _Trigger:
    user: str
    issued: float
    used: bool = False


class Triggers:
    """Issues trigger ids and lets each be used once, within its life."""

    def __init__(self) -> None:
        self.lifetime_seconds = TRIGGER_SECONDS
        self._issued: dict[str, _Trigger] = {}

    def issue(self, user: str) -> str:
        """A new trigger id in Slack's three-part shape."""
        number = secrets.randbelow(10**13)
        trigger_id = f"{number:013d}.{secrets.randbelow(10**12):012d}.{secrets.token_hex(16)}"
        self._issued[trigger_id] = _Trigger(user, time.monotonic())
        return trigger_id

    def exchange(self, trigger_id: str) -> str:
        """The person whose trigger this is; from now on it is used."""
        trigger = self._issued.get(trigger_id)
        if trigger is None:
            raise TriggerRefused("invalid_arguments")
        if trigger.used:
            raise TriggerRefused("exchanged_trigger_id")
        if time.monotonic() - trigger.issued > self.lifetime_seconds:
            raise TriggerRefused("expired_trigger_id")
        trigger.used = True
        return trigger.user


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an answer to a command or a click belongs."""

    kind: Literal["command", "message", "shortcut"]
    channel: str
    user: str
    message_ts: str | None = None


@dataclass(slots=True)
class _ResponseUrl:
    origin: Origin
    ends_at: datetime
    uses: int = 0


class ResponseUrls:
    """The addresses that a command or click may be answered at later."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._issued: dict[str, _ResponseUrl] = {}

    def issue(self, origin: Origin, *, now: datetime) -> str:
        """A new address for answers to this command or click."""
        key = secrets.token_urlsafe(18)
        self._issued[key] = _ResponseUrl(origin, now + RESPONSE_URL_LIFE)
        return f"{self.base_url}response/{key}"

    def use(self, key: str, *, now: datetime) -> Origin | str:
        """Where the answer goes, or Slack's name for the refusal."""
        issued = self._issued.get(key)
        if issued is None or now >= issued.ends_at:
            return "expired_url"
        if issued.uses >= RESPONSE_URL_USES:
            return "used_url"
        issued.uses += 1
        return issued.origin
