"""Whether Slack would take a message or view: its published types, then its limits.

The types are read from `../shared/slack-schema` when that folder is there; the limits always hold.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, ValidationError

from sandbox.slack.validation import Refusal, message_refusal, text_total, view_refusal

SCHEMAS = Path(__file__).resolve().parents[2] / "shared" / "slack-schema"

#: All block text of one of our messages stays below this; Slack refuses at about 13,200.
OWN_TEXT_TOTAL_MAX = 9_000
#: The fallback text of a message; Slack splits a message whose text passes 4,000.
OWN_FALLBACK_MAX = 1_000

#: What Slack adds to a view that it answers with; a view that is sent has none of it.
_ADDED_TO_VIEWS = frozenset(
    {
        "id", "team_id", "app_id", "app_installed_team_id", "bot_id", "state", "hash",
        "previous_view_id", "root_view_id",
    }
)  # fmt: skip


def assert_valid_message(blocks: list[dict[str, Any]], text: str | None = None) -> None:
    """Fail unless Slack would post these blocks; `text`, when given, must be a short fallback."""
    _assert_typed("blocks", blocks)
    _assert_accepted(message_refusal("fallback" if text is None else text, blocks))
    total = text_total(blocks)
    assert total < OWN_TEXT_TOTAL_MAX, f"{total} characters of block text in one message"
    if text is not None:
        assert 0 < len(text) <= OWN_FALLBACK_MAX, f"fallback text of {len(text)} characters"


def assert_valid_view(view: dict[str, Any]) -> None:
    """Fail unless Slack would show this form or Home tab."""
    kind = view.get("type")
    assert kind in ("modal", "home"), f"no kind of view: {kind!r}"
    _assert_typed(kind, {k: v for k, v in view.items() if k not in _ADDED_TO_VIEWS})
    _assert_accepted(view_refusal(view))


def has_schemas() -> bool:
    """Whether Slack's published types can be read here."""
    return SCHEMAS.is_dir()


@functools.cache
def _validator(name: str) -> Draft7Validator | None:
    path = SCHEMAS / f"{name}.schema.json"
    if not path.is_file():
        return None
    return Draft7Validator(json.loads(path.read_text(encoding="utf-8")))


def _assert_typed(name: str, value: Any) -> None:
    validator = _validator(name)
    if validator is None:
        return
    error = next(validator.iter_errors(value), None)
    if error is not None:
        worst = _innermost(error)
        where = "/".join(str(step) for step in worst.absolute_path)
        raise AssertionError(f"not Slack's type of {name}, at /{where}: {worst.message}")


def _innermost(error: ValidationError) -> ValidationError:
    """The error inside the one alternative that has the right `type`, if there is such a one."""
    if error.validator != "anyOf":
        return error
    alternatives: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        alternatives.setdefault(inner.schema_path[0], []).append(inner)
    for errors in alternatives.values():
        if not any(list(inner.path) == ["type"] or _wrong_type(inner) for inner in errors):
            return _innermost(errors[0])
    return error


def _wrong_type(error: ValidationError) -> bool:
    """Whether a union below this one has no alternative of the right type either."""
    return error.validator == "anyOf" and not error.path and _innermost(error) is error


def _assert_accepted(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise AssertionError(f"Slack answers {refusal.error}: {'; '.join(refusal.messages)}")
