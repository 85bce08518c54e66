"""One request to Resource Manager and what answers it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from sandbox.azure.errors import ArmError
from sandbox.azure.wire import Json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in; `parts` are the names in its path."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    parts: Mapping[str, str]
    #: The caller's address, which Azure takes for a source that was left out.
    caller: str
    base_url: str
    now: datetime
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def subscription_id(self) -> str:
        """The subscription of the path."""
        return self.parts.get("subscription", "").lower()


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back; no body is an empty one, a text goes out as it is."""

    status: int
    body: Json | str | None = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Answer]


def page_answer(
    call: Call, items: Sequence[T], render: Callable[[T], Json], *, size: int
) -> Answer:
    """One page of a list; only its items are rendered, a `nextLink` says where it goes on."""
    start = _start(call.query.get("$skiptoken") or call.query.get("$skipToken"))
    body: Json = {"value": [render(item) for item in items[start : start + size]]}
    if start + size < len(items):
        token = base64.b64encode(f"page={start + size}".encode()).decode()
        # Azure escapes in small letters, the `$` too.
        escaped = quote(token, safe="").replace("%2F", "%2f").replace("%3D", "%3d")
        version = quote(call.query["api-version"])
        body["nextLink"] = (
            f"{call.base_url}{quote(call.path)}?api-version={version}&%24skiptoken={escaped}"
        )
    return Answer(200, body)


def _start(token: str | None) -> int:
    if token is None:
        return 0
    try:
        kind, _, number = base64.b64decode(token, validate=True).decode("ascii").partition("=")
        start = int(number)
    except ValueError as error:
        raise _bad_token(token) from error
    if kind != "page" or start < 0:
        raise _bad_token(token)
    return start


def _bad_token(token: str) -> ArmError:
    return ArmError(400, "InvalidSkipToken", f"The skip token '{token}' is not valid.")
