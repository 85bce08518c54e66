"""Slack's limits of each kind of block, and where each may be shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.slack.element_rules import (
    AGENT_ONLY,
    IN_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    check_element,
)
from sandbox.slack.json_types import JsonObject
from sandbox.slack.text_rules import Problems, check_plain, check_text

BLOCK_ID_MAX = 255
SECTION_TEXT_MAX = 3000
SECTION_FIELDS_MAX, FIELD_TEXT_MAX = 10, 2000
HEADER_MAX = 150
ACTIONS_MAX = 25
CONTEXT_MAX = 10
LABEL_MAX = 2000
MARKDOWN_MAX = 12_000
TABLE_ROWS_MAX, TABLE_CELLS_MAX, COLUMN_SETTINGS_MAX = 100, 20, 20
DATA_TABLE_ROWS_MAX = 101
ALERT_MAX = 200
CARD_TITLE_MAX, CARD_BODY_MAX, CAROUSEL_MAX = 150, 200, 10
CONTAINER_BLOCKS_MAX = 10

ALERT_LEVELS = (None, "default", "info", "warning", "error", "success")
CELL_TYPES = ("raw_text", "raw_number", "rich_text")

Rule = Callable[[Problems, JsonObject, str], None]


def check_block(problems: Problems, node: Any, pointer: str, *, surface: str) -> None:
    """Judge one block on a `message`, `modal` or `home`."""
    kind = node.get("type") if isinstance(node, dict) else None
    if kind not in BLOCKS:
        problems.add(f"{pointer}/type", f"unsupported type: {kind}")
        return
    if surface not in SURFACES.get(kind, ("message", "modal", "home")):
        problems.add(f"{pointer}/type", f"unsupported type: {kind} (not on a {surface})")
        return
    problems.longest(node, "block_id", BLOCK_ID_MAX, pointer)
    BLOCKS[kind](problems, node, pointer)


def _section(problems: Problems, node: JsonObject, pointer: str) -> None:
    if "text" not in node and "fields" not in node:
        problems.add(pointer, "must define either `text` or `fields`")
    if "text" in node:
        check_text(problems, node["text"], f"{pointer}/text", limit=SECTION_TEXT_MAX)
    if "fields" in node:
        for number, text in enumerate(problems.items(node, "fields", SECTION_FIELDS_MAX, pointer)):
            check_text(problems, text, f"{pointer}/fields/{number}", limit=FIELD_TEXT_MAX)
    if "accessory" in node:
        check_element(problems, node["accessory"], f"{pointer}/accessory", allowed=IN_SECTION)


def _header(problems: Problems, node: JsonObject, pointer: str) -> None:
    check_plain(problems, node.get("text"), f"{pointer}/text", limit=HEADER_MAX)


def _divider(problems: Problems, node: JsonObject, pointer: str) -> None:
    """A line has nothing that could be wrong."""


def _context(problems: Problems, node: JsonObject, pointer: str) -> None:
    for number, item in enumerate(problems.items(node, "elements", CONTEXT_MAX, pointer)):
        where = f"{pointer}/elements/{number}"
        if isinstance(item, dict) and item.get("type") == "image":
            check_element(problems, item, where, allowed=frozenset({"image"}))
        else:
            check_text(problems, item, where, limit=SECTION_TEXT_MAX)


def _actions(problems: Problems, node: JsonObject, pointer: str) -> None:
    _elements(problems, node, pointer, limit=ACTIONS_MAX, allowed=IN_ACTIONS)


def _context_actions(problems: Problems, node: JsonObject, pointer: str) -> None:
    _elements(problems, node, pointer, limit=5, allowed=AGENT_ONLY)


def _elements(
    problems: Problems, node: JsonObject, pointer: str, *, limit: int, allowed: frozenset[str]
) -> None:
    seen: set[str] = set()
    for number, item in enumerate(problems.items(node, "elements", limit, pointer)):
        where = f"{pointer}/elements/{number}"
        check_element(problems, item, where, allowed=allowed)
        action_id = item.get("action_id") if isinstance(item, dict) else None
        if action_id in seen:
            problems.add(f"{where}/action_id", f"`action_id` {action_id!r} already exists")
        if action_id is not None:
            seen.add(action_id)


def _input(problems: Problems, node: JsonObject, pointer: str) -> None:
    check_plain(problems, node.get("label"), f"{pointer}/label", limit=LABEL_MAX)
    if "hint" in node:
        check_plain(problems, node["hint"], f"{pointer}/hint", limit=LABEL_MAX)
    check_element(problems, node.get("element"), f"{pointer}/element", allowed=IN_INPUT)


def _image(problems: Problems, node: JsonObject, pointer: str) -> None:
    check_element(problems, node, pointer, allowed=frozenset({"image"}))
    if "title" in node:
        check_plain(problems, node["title"], f"{pointer}/title", limit=2000)


def _rich_text(problems: Problems, node: JsonObject, pointer: str) -> None:
    problems.items(node, "elements", 1000, pointer, least=0)


def _markdown(problems: Problems, node: JsonObject, pointer: str) -> None:
    if problems.required(node, "text", pointer):
        problems.longest(node, "text", MARKDOWN_MAX, pointer)


def _table(problems: Problems, node: JsonObject, pointer: str) -> None:
    _rows(problems, problems.items(node, "rows", TABLE_ROWS_MAX, pointer), pointer)
    if "column_settings" in node:
        problems.items(node, "column_settings", COLUMN_SETTINGS_MAX, pointer, least=0)


def _data_table(problems: Problems, node: JsonObject, pointer: str) -> None:
    problems.required(node, "caption", pointer)
    rows = problems.items(node, "rows", DATA_TABLE_ROWS_MAX, pointer, least=2)
    _rows(problems, rows, pointer)
    if len({len(row) for row in rows if isinstance(row, list)}) > 1:
        problems.add(f"{pointer}/rows", "all rows must have the same number of cells")
    if not 1 <= node.get("page_size", 5) <= 100:
        problems.add(f"{pointer}/page_size", "must be 1 to 100")


def _rows(problems: Problems, rows: list[Any], pointer: str) -> None:
    for number, row in enumerate(rows):
        where = f"{pointer}/rows/{number}"
        if not isinstance(row, list) or not 1 <= len(row) <= TABLE_CELLS_MAX:
            problems.add(where, f"must be an array of 1 to {TABLE_CELLS_MAX} cells")
            continue
        for place, cell in enumerate(row):
            kind = cell.get("type") if isinstance(cell, dict) else None
            if kind not in CELL_TYPES:
                problems.add(f"{where}/{place}", f"unsupported type: {kind}")
            elif kind == "raw_text" and not cell.get("text"):
                problems.add(f"{where}/{place}/text", "must be more than 0 characters")


def _alert(problems: Problems, node: JsonObject, pointer: str) -> None:
    check_text(problems, node.get("text"), f"{pointer}/text", limit=ALERT_MAX)
    if node.get("level") not in ALERT_LEVELS:
        problems.add(f"{pointer}/level", "unknown level")


def _card(problems: Problems, node: JsonObject, pointer: str) -> None:
    if not node.keys() & {"hero_image", "title", "actions", "body"}:
        problems.add(pointer, "must have at least one of hero_image, title, actions, body")
    limits = (("title", CARD_TITLE_MAX), ("subtitle", CARD_TITLE_MAX), ("body", CARD_BODY_MAX))
    for key, limit in limits:
        if key in node:
            check_text(problems, node[key], f"{pointer}/{key}", limit=limit)
    for number, item in enumerate(node.get("actions", [])):
        where = f"{pointer}/actions/{number}"
        check_element(problems, item, where, allowed=frozenset({"button"}))


def _carousel(problems: Problems, node: JsonObject, pointer: str) -> None:
    for number, item in enumerate(problems.items(node, "elements", CAROUSEL_MAX, pointer)):
        _card(problems, item, f"{pointer}/elements/{number}")


def _container(problems: Problems, node: JsonObject, pointer: str) -> None:
    if "title" in node:
        check_plain(problems, node["title"], f"{pointer}/title", limit=150)
    children = problems.items(node, "child_blocks", CONTAINER_BLOCKS_MAX, pointer)
    for number, child in enumerate(children):
        check_block(problems, child, f"{pointer}/child_blocks/{number}", surface="message")


def _video(problems: Problems, node: JsonObject, pointer: str) -> None:
    for key in ("alt_text", "thumbnail_url", "video_url"):
        problems.required(node, key, pointer)
    check_plain(problems, node.get("title"), f"{pointer}/title", limit=200)
    problems.longest(node, "author_name", 50, pointer)


def _file(problems: Problems, node: JsonObject, pointer: str) -> None:
    problems.required(node, "external_id", pointer)


def _task_card(problems: Problems, node: JsonObject, pointer: str) -> None:
    for key in ("task_id", "title", "status"):
        problems.required(node, key, pointer)


def _plan(problems: Problems, node: JsonObject, pointer: str) -> None:
    problems.required(node, "title", pointer)


def _data_visualization(problems: Problems, node: JsonObject, pointer: str) -> None:
    problems.required(node, "title", pointer)


BLOCKS: dict[str, Rule] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "context": _context,
    "actions": _actions,
    "context_actions": _context_actions,
    "input": _input,
    "image": _image,
    "rich_text": _rich_text,
    "markdown": _markdown,
    "table": _table,
    "data_table": _data_table,
    "data_visualization": _data_visualization,
    "alert": _alert,
    "card": _card,
    "carousel": _carousel,
    "container": _container,
    "video": _video,
    "file": _file,
    "task_card": _task_card,
    "plan": _plan,
}

#: Where a block may be shown, when that is not everywhere.
SURFACES: dict[str, tuple[str, ...]] = {
    "alert": ("modal",),
    "markdown": ("message",),
    "table": ("message", "home"),
    "data_table": ("message", "home"),
    "data_visualization": ("message", "home"),
    "carousel": ("message", "home"),
    "container": ("message", "home"),
    "context_actions": ("message",),
    "file": ("message",),
    "task_card": ("message",),
    "plan": ("message",),
}
