"""Reads what a person would see in blocks: strings, buttons, and the elements that can be used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.slack.json_types import JsonObject

#: Objects whose `text` is shown as it is.
TEXT_TYPES = frozenset({"plain_text", "mrkdwn", "text", "raw_text", "markdown"})


def visible(node: Any) -> str:
    """Every string that these blocks show, one a line."""
    return "\n".join(strings(node))


def strings(node: Any) -> Iterator[str]:
    """The visible strings in reading order."""
    if isinstance(node, list):
        for item in node:
            yield from strings(item)
    elif isinstance(node, dict):
        own = _own_string(node)
        if own is not None:
            yield own
        else:
            for value in node.values():
                yield from strings(value)


def _own_string(node: JsonObject) -> str | None:
    kind = node.get("type")
    if isinstance(node.get("text"), str) and kind in TEXT_TYPES:
        return str(node["text"])
    match kind:
        case "link":
            return str(node.get("text") or node.get("url"))
        case "user":
            return f"<@{node.get('user_id')}>"
        case "usergroup":
            return f"<!subteam^{node.get('usergroup_id')}>"
        case "emoji":
            return f":{node.get('name')}:"
        case "raw_number":
            return str(node.get("text", node.get("value")))
        case _:
            return None


def elements(blocks: list[JsonObject]) -> Iterator[tuple[JsonObject, JsonObject]]:
    """(block, element) for everything in these blocks that a person can use."""
    for block in blocks:
        match block.get("type"):
            case "actions" | "context_actions":
                yield from ((block, element) for element in block.get("elements", []))
            case "input":
                yield block, block["element"]
            case "section" if "accessory" in block:
                yield block, block["accessory"]
            case "card":
                yield from ((block, element) for element in block.get("actions", []))
            case "carousel":
                for _, element in elements(block.get("elements", [])):
                    yield block, element
            case "container":
                yield from elements(block.get("child_blocks", []))
            case _:
                pass  # shown, but nothing in it can be used


def buttons(blocks: list[JsonObject]) -> list[tuple[str, str, str]]:
    """(text, action_id, value) of every button in these blocks."""
    return [
        (element["text"]["text"], element.get("action_id", ""), element.get("value", ""))
        for _, element in elements(blocks)
        if element.get("type") == "button"
    ]


def find(
    blocks: list[JsonObject],
    *,
    action_id: str | None = None,
    block_id: str | None = None,
    value: str | None = None,
) -> tuple[JsonObject, JsonObject]:
    """The (block, element) that fits; LookupError lists what there is."""
    for block, element in elements(blocks):
        fits = (
            action_id in (None, element.get("action_id"))
            and block_id in (None, block.get("block_id"))
            and value in (None, element.get("value"))
        )
        if fits:
            return block, element
    there = [(b.get("block_id"), e.get("action_id"), e.get("value")) for b, e in elements(blocks)]
    raise LookupError(f"nothing with {action_id=} {block_id=} {value=} among {there}")


def with_ids(blocks: list[JsonObject], *, prefix: str) -> list[JsonObject]:
    """The blocks as Slack keeps them: every block and element has an id."""
    kept = []
    for number, block in enumerate(blocks):
        block = {**block}
        block.setdefault("block_id", f"{prefix}{number:x}")
        match block.get("type"):
            case "actions" | "context_actions":
                block["elements"] = [
                    _with_action_id(e, block["block_id"], n)
                    for n, e in enumerate(block["elements"])
                ]
            case "input":
                block["element"] = _with_action_id(block["element"], block["block_id"], 0)
            case "section" if "accessory" in block:
                block["accessory"] = _with_action_id(block["accessory"], block["block_id"], 0)
            case _:
                pass  # has no elements with ids
        kept.append(block)
    return kept


def _with_action_id(element: JsonObject, block_id: str, number: int) -> JsonObject:
    if element.get("type") == "image":
        return element
    return {"action_id": f"{block_id}-{number}", **element}
