"""The arguments of a Web API call, however the client sent them."""

from __future__ import annotations

import json
from typing import Any

from sandbox.slack.json_types import JsonObject

#: Arguments that carry JSON as text when the call is a form.
_JSON_ARGUMENTS = frozenset(
    {"blocks", "view", "metadata", "attachments", "files", "unfurls", "event_payload"}
)


class ApiError(Exception):
    """Slack's `{"ok": false, "error": …}`; `fields` is what else the answer carries."""

    def __init__(self, error: str, *, messages: list[str] | None = None, **fields: Any) -> None:
        super().__init__(error)
        self.error = error
        self.fields = fields
        if messages:
            self.fields["response_metadata"] = {"messages": messages}
            self.fields["errors"] = [m.removeprefix("[ERROR] ") for m in messages]

    def answer(self) -> JsonObject:
        """The body of the answer."""
        return {"ok": False, "error": self.error, **self.fields}


class Arguments:
    """Reads arguments leniently, as Slack does: "1", "true" and True are all yes."""

    def __init__(self, values: JsonObject) -> None:
        self.values = {key: _decoded(key, value) for key, value in values.items()}

    def text(self, key: str) -> str | None:
        """A text argument, None when it was not sent."""
        value = self.values.get(key)
        return None if value is None else str(value)

    def required(self, key: str, error: str = "invalid_arguments") -> str:
        """A text argument that must be there."""
        value = self.text(key)
        if not value:
            raise ApiError(error, messages=[f"[ERROR] missing required field: {key}"])
        return value

    def flag(self, key: str) -> bool:
        """A yes or no, no when it was not sent."""
        return str(self.values.get(key, "")).lower() in ("1", "true")

    def number(self, key: str, default: int) -> int:
        """A whole number."""
        value = self.values.get(key)
        if value in (None, ""):
            return default
        try:
            return int(str(value))
        except ValueError:
            raise ApiError("invalid_arguments", messages=[f"[ERROR] bad number: {key}"]) from None

    def json(self, key: str) -> Any:
        """An argument that is JSON itself; None when it was not sent."""
        return self.values.get(key)


def _decoded(key: str, value: Any) -> Any:
    if key not in _JSON_ARGUMENTS or not isinstance(value, str) or not value:
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        raise ApiError("invalid_arguments", messages=[f"[ERROR] {key} is no JSON"]) from None


def page(items: list[Any], args: Arguments, *, default: int = 100) -> tuple[list[Any], str]:
    """One page of a list and the cursor of the next, empty when this was the last."""
    cursor = args.text("cursor") or "0"
    if not cursor.isdigit():
        raise ApiError("invalid_cursor")
    start, limit = int(cursor), args.number("limit", default) or default
    if not 1 <= limit <= 1000:
        raise ApiError("invalid_limit")
    end = start + limit
    return items[start:end], str(end) if end < len(items) else ""
