"""Whether Slack would take it: its published types, its limits, and our own stricter ones."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from jsonschema import Draft7Validator

from handlers.views.blocks import Message, View, text_total
from handlers.views.safe import FALLBACK_MAX, MAX_MESSAGE_TEXT, length

SCHEMAS = Path(__file__).resolve().parents[4] / "shared" / "slack-schema"

#: Everything that our own mrkdwn may hold between angle brackets.
LIVE = re.compile(
    r"<(?:@U0[A-Z]+|#C0[A-Z]+|!subteam\^S0[A-Z]+"
    r"|!date\^\d+\^(?:\{date_short_pretty\} )?\{time\}\|[^|<>]+)>"
)
BRACKETS = re.compile(r"<[^>]*>?")

LIMITS = {
    ("header", "text"): 150,
    ("button", "text"): 75,
    ("option", "text"): 75,
    ("option", "description"): 75,
    ("modal", "title"): 24,
    ("modal", "submit"): 24,
    ("modal", "close"): 24,
    ("input", "label"): 2000,
    ("input", "hint"): 2000,
    ("any", "placeholder"): 150,
}


def assert_message(message: Message, schemas: Path | None = None) -> None:
    assert 0 < length(message.text) <= FALLBACK_MAX
    assert "\n" not in message.text
    assert "<!date" not in message.text
    assert 0 < len(message.blocks) <= 50
    assert text_total(message.blocks) <= MAX_MESSAGE_TEXT
    assert_inert(message.text)
    _assert_elements(message.blocks)
    if schemas is not None:
        _assert_schema(schemas, "blocks", message.blocks)


def assert_view(view: View, schemas: Path | None = None) -> None:
    shown = view["blocks"]
    assert isinstance(shown, list)
    assert 0 < len(shown) <= 100
    assert len(json.dumps(view)) < 250_000
    assert len(str(view.get("private_metadata", ""))) <= 3_000
    block_ids = [block["block_id"] for block in shown if "block_id" in block]
    assert len(block_ids) == len(set(block_ids))
    if view["type"] == "modal" and any(block["type"] == "input" for block in shown):
        assert "submit" in view  # Slack refuses an input without it
    _assert_elements(view)
    if schemas is not None:
        _assert_schema(schemas, "modal" if view["type"] == "modal" else "home", view)


def assert_inert(text: str) -> None:
    """No bracket that is not ours, so no mention, link or token of somebody else's."""
    for found in BRACKETS.findall(text):
        assert LIVE.fullmatch(found), found
    assert ">" not in LIVE.sub("", text)


def walk(node: object, parent: str = "") -> Iterator[tuple[str, Mapping[str, object]]]:
    """Every object with the kind of what holds it."""
    if isinstance(node, Mapping):
        yield parent, node
        kind = str(node.get("type", "option" if "value" in node else parent))
        for value in node.values():
            yield from walk(value, kind)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value, parent)


def _assert_elements(node: object) -> None:
    for _, element in walk(node):
        kind = element.get("type", "option" if "value" in element else "")
        if kind == "mrkdwn":
            text = str(element["text"])
            assert 0 < length(text) <= 3_000
            assert text.strip()
            assert_inert(text)
        if kind == "plain_text":
            assert str(element["text"]).strip()
            assert "{date_short_pretty}" not in str(element["text"])
        if kind == "text":
            assert element["text"] != ""
        for name in ("text", "description", "title", "submit", "close", "label", "hint"):
            limit = LIMITS.get((str(kind), name))
            value = element.get(name)
            if limit and isinstance(value, Mapping):
                assert length(str(value["text"])) <= limit
        if isinstance(element.get("placeholder"), Mapping):
            assert length(str(element["placeholder"]["text"])) <= 150  # type: ignore[index]
        _assert_controls(str(kind), element)


def _assert_controls(kind: str, element: Mapping[str, object]) -> None:
    if kind == "option":
        assert length(str(element["value"])) <= 150
    if kind == "button":
        assert length(str(element["value"])) <= 2_000
        assert length(str(element.get("accessibility_label", "x"))) <= 75
    if "action_id" in element:
        assert 0 < len(str(element["action_id"])) <= 255
    if kind == "actions":
        elements = element["elements"]
        assert isinstance(elements, list)
        assert 0 < len(elements) <= 25
        ids = [each["action_id"] for each in elements]
        assert len(ids) == len(set(ids))
    options = element.get("options")
    if isinstance(options, list):
        assert 0 < len(options) <= (100 if "select" in kind else 10)
        values = [option["value"] for option in options]
        assert len(values) == len(set(values))
    if kind == "plain_text_input" and "max_length" in element:
        limit = element["max_length"]
        assert isinstance(limit, int)
        assert length(str(element.get("initial_value", ""))) <= limit


def _assert_schema(folder: Path, name: str, value: object) -> None:
    problems = [error.message[:300] for error in _validator(folder, name).iter_errors(value)]
    assert not problems, problems[:3]


@functools.cache
def _validator(folder: Path, name: str) -> Draft7Validator:
    return Draft7Validator(json.loads((folder / f"{name}.schema.json").read_text("utf-8")))


def texts(node: object) -> list[str]:
    """All text of a message or view in reading order."""
    return [str(each["text"]) for _, each in walk(node) if isinstance(each.get("text"), str)]


def buttons(node: object) -> list[tuple[str, str]]:
    """(action_id, label) of every button."""
    found = []
    for _, each in walk(node):
        if each.get("type") == "button" and isinstance(each["text"], Mapping):
            found.append((str(each["action_id"]), str(each["text"]["text"])))
    return found
