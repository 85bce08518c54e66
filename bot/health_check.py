"""`sekisho health`: asks the running bot how it is, for a container's health check."""

from __future__ import annotations

import http.client
import json

from bot.console import BAD, GOOD, Console

#: Below the 5 s that the image's HEALTHCHECK gives.
TIMEOUT_SECONDS = 3.0
BODY_MAX_BYTES = 65_536

#: Addresses to listen on that nobody can call.
_CALLABLE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is replaced


def health(console: Console) -> int:
    """0 when `/ready` says so, 1 for everything else (2 is reserved by Docker)."""
    try:
        settings = console.settings().http
    except SystemExit:
        return BAD
    host = _CALLABLE.get(settings.health_host, settings.health_host)
    connection = http.client.HTTPConnection(host, settings.health_port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        body = answer.read(BODY_MAX_BYTES)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        console.say("cli.health.silent", host=host, port=settings.health_port, reason=reason)
        return BAD
    finally:
        connection.close()
    if answer.status == http.client.OK:
        console.say("cli.health.ready")
        return GOOD
    console.say("cli.health.not_ready", problems=_problems(body))
    return BAD


def _problems(body: bytes) -> str:
    try:
        found = json.loads(body)["problems"]
        return ", ".join(f"{name}: {problem}" for name, problem in found.items()) or "-"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "?"
