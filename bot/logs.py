"""Logs as one JSON object a line, with nothing in them that opens anything.

The redaction is a net under the rule that secrets never reach a log call: known secrets, in every
spelling in which an error may quote them, and anything that looks like a Slack token, a bearer
token, a socket's ticket or a URL password is replaced.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO
from urllib.parse import quote, quote_plus

#: One trace from a click to the Azure operation; set at the edges.
trace: ContextVar[str] = ContextVar("trace", default="")

REDACTED = "[redacted]"
_TOKENS = re.compile(
    r"xox[a-z]-[\w-]{6,}"
    r"|xapp-[\w-]{6,}"
    r"|(?<=://)[^/\s:@]*:[^/\s]+(?=@)"
    r"|https://hooks\.slack\.com/\S+"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"
    r"|(?i:bearer)\s+[\w.~+/-]{8,}=*"
    r"|(?i:\b(?:access_token|refresh_token|client_secret|client_assertion|password|sig|ticket))"
    r"(?:=|\"?:\s*\")[^&\s\"',}]+"
)
#: Shorter values would redact ordinary words.
SECRET_MIN = 6
#: What a terminal or a reader of lines would act upon, beyond what JSON escapes: DEL and C1
#: controls, line and paragraph separators, bidi controls, lone surrogates.
_ACTIVE = re.compile("[\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Redactor(logging.Filter):
    """Takes secrets and token-shaped text out of every record, arguments and traceback too."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        spellings = {
            spelling
            for secret in secrets
            if len(secret.strip()) >= SECRET_MIN
            for spelling in _spellings(secret.strip())
        }
        # the longest first, so that no part of one is left over
        ordered = sorted(spellings, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def clean(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub(REDACTED, text)
        return _TOKENS.sub(REDACTED, text)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = self.clean(_message(record))
        record.args = ()
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self.clean(record.exc_text)
        if record.stack_info:
            record.stack_info = self.clean(record.stack_info)
        return True


class JsonFormatter(logging.Formatter):
    """`{"at", "level", "logger", "message", "trace"?, "error"?}`, one line whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        body = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if found := trace.get():
            body["trace"] = found
        if record.exc_text:
            body["error"] = record.exc_text
        if record.stack_info:
            body["stack"] = record.stack_info
        return _ACTIVE.sub(_escaped, json.dumps(body, ensure_ascii=False))


def configure(
    *, secrets: Iterable[str], level: str = "INFO", stream: TextIO | None = None
) -> Redactor:
    """Set up the root logger; returns the redactor for other places that print."""
    redactor = Redactor(secrets)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(redactor)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    # azure-core logs every request with its headers at INFO; slack_sdk whole payloads at DEBUG
    for noisy in ("azure", "slack_sdk", "slack_bolt", "aiohttp.access", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return redactor


def _spellings(secret: str) -> Iterator[str]:
    """As it is, and as URLs, JSON, Python and Basic authorization write it."""
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield base64.b64encode(secret.encode()).decode()


def _message(record: logging.LogRecord) -> str:
    """A mistake in a log call must not become a failure of what it speaks of."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args!r}"


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
