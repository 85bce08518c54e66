"""What went wrong in Azure, sorted by what the caller may do.

AzureError                  .code .message (Azure's own text, no secrets) .status
├── AzureRefused            proven: nothing happened
│   ├── AzureBusy           ask again after .retry_after (429, a busy network resource)
│   ├── AzureForbidden      a right is missing: .action on .scope, where Azure names them
│   ├── AzureNotFound       no such thing, or not visible to us
│   └── AzureLocked         a lock on the resource forbids the change
├── AzureUnavailable        a read failed and says nothing: ask again later
└── OutcomeUnknown          a write may or may not have happened: look before doing it again
"""

from __future__ import annotations

from datetime import timedelta


class AzureError(Exception):
    """Anything Azure, or the way to it, answered that is not the thing asked for."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
        self.status = status


class AzureRefused(AzureError):
    """Azure refused; it is proven that nothing happened."""


class AzureBusy(AzureRefused):
    """Refused for now; `retry_after` is Azure's own wish, None where it names none."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int | None = None,
        *,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(code, message, status)
        self.retry_after = retry_after


class AzureForbidden(AzureRefused):
    """The identity lacks a right; `action` and `scope` where Azure names them."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int | None = None,
        *,
        action: str | None = None,
        scope: str | None = None,
    ) -> None:
        super().__init__(code, message, status)
        self.action = action
        self.scope = scope

    @property
    def is_plan(self) -> bool:
        """Whether Azure speaks of the plan it wants paid, not of a missing right."""
        text = f"{self.code} {self.message}".lower()
        return any(word in text for word in ("upgrade", "free tier", "standard tier", "pricing"))


class AzureNotFound(AzureRefused):
    """There is no such thing, or it is not visible to our identity."""


class AzureLocked(AzureRefused):
    """A management lock (ReadOnly, CanNotDelete) forbids the change."""


class AzureUnavailable(AzureError):
    """A read failed: 5xx, no connection, no token, or an answer that is not Azure's.

    `body`: a success that was damaged on its way, for who can use a part of it.
    """

    def __init__(
        self, code: str, message: str, status: int | None = None, *, body: bytes = b""
    ) -> None:
        super().__init__(code, message, status)
        self.body = body


class OutcomeUnknown(AzureError):
    """A write was sent, or may have been, and no answer proves what became of it."""
