"""Keeps a message inside Slack's sizes when a view did not: the last net before the wire.

Slack refuses blocks whose text comes to about 13,000 characters in all, though each is inside its
own limit, and posts `text` of over 4,000 characters as several messages (facts/slack.md section 2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Block = dict[str, Any]

#: All block text of one message.
BLOCK_TEXT_MAX = 9_000
BLOCKS_MAX = 50
#: The fallback of a message with blocks.
FALLBACK_MAX = 1_000
#: The text of a message without blocks.
TEXT_MAX = 3_900

#: What a cut may leave of an entity, a mention or a link.
_TORN = re.compile(r"(?:&[a-z]{0,4}|<[^<>]*)$")


def short(text: str, *, has_blocks: bool) -> str:
    """`text` as one message can carry it, never cut inside an entity or a mention."""
    limit = FALLBACK_MAX if has_blocks else TEXT_MAX
    if len(text) <= limit:
        return text
    return _TORN.sub("", text[: limit - 1]) + "…"


def split(blocks: list[Block]) -> list[list[Block]]:
    """Parts that each fit into one message; the buttons stay with the first, which is addressed."""
    buttons = [block for block in blocks if block.get("type") == "actions"]
    parts: list[list[Block]] = [[]]
    left = BLOCK_TEXT_MAX - sum(map(text_size, buttons))
    room = BLOCKS_MAX - len(buttons)
    for block in blocks:
        if block.get("type") == "actions":
            continue
        size = text_size(block)
        if parts[-1] and (size > left or room < 1):
            parts.append([])
            left, room = BLOCK_TEXT_MAX, BLOCKS_MAX
        parts[-1].append(block)
        left, room = left - size, room - 1
    parts[0] += buttons
    return parts


def text_size(value: object) -> int:
    """Characters of everything that is shown."""
    if isinstance(value, Mapping):
        shown = value.get("text")
        own = len(shown) if isinstance(shown, str) else 0
        return own + sum(text_size(inner) for inner in value.values() if not isinstance(inner, str))
    if isinstance(value, list):
        return sum(map(text_size, value))
    return 0
