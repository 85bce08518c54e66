"""The body of a request from outside: encoding, size and time are checked before it is parsed."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError


class BadBody(Exception):
    """What it is refused with; `why` is for the counter and the log."""

    def __init__(self, status: int, why: str) -> None:
        self.status = status
        self.why = why
        super().__init__(why)


async def read_body(request: web.Request, *, limit: int, seconds: float) -> bytes:
    """The whole body, chunked or not, of at most `limit` bytes; BadBody otherwise."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadBody(415, "encoded_body")
    if (request.content_length or 0) > limit:
        raise BadBody(413, "too_large")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                size += len(chunk)
                if size > limit:
                    raise BadBody(413, "too_large")
                parts.append(chunk)
    except TimeoutError as error:
        raise BadBody(400, "slow_body") from error
    except (
        ConnectionError,
        HttpProcessingError,
        web.HTTPException,
        asyncio.IncompleteReadError,
    ) as error:
        raise BadBody(400, "incomplete_body") from error
    return b"".join(parts)
