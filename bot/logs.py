"""Logs as one JSON object a line, with nothing in them that opens anything.

The redaction is a net under the rule that secrets never reach a log call: known secrets and
anything that looks like a Slack token, a bearer token or a URL password is replaced.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

#: One trace from a click to the Azure operation; set at the edges.
trace: ContextVar[str] = ContextVar("trace", default="")

REDACTED = "[redacted]"
_TOKENS = re.compile(
    r"xox[a-z]-[\w-]{6,}|xapp-[\w-]{6,}|(?i:bearer)\s+[\w.~+/-]{8,}=*|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
    r"|https://hooks\.slack\.com/\S+|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"
)
#: Shorter values would redact ordinary words.
SECRET_MIN = 6


class Redactor(logging.Filter):
    """Takes secrets and token-shaped text out of every record, arguments and traceback too."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secret for secret in secrets if len(secret) >= SECRET_MIN)

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        return _TOKENS.sub(REDACTED, text)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = self.clean(record.getMessage())
        record.args = ()
        if record.exc_info:
            formatter = logging.Formatter()
            record.exc_text = self.clean(formatter.formatException(record.exc_info))
            record.exc_info = None
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
        return json.dumps(body, ensure_ascii=False)


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
    # azure-core logs every request with its headers at INFO; slack_sdk whole payloads at DEBUG
    for noisy in ("azure", "slack_sdk", "slack_bolt", "aiohttp.access", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return redactor
