"""What Slack refuses in a message or view, and by which name. Pure; no workspace needed.

Limits are those of Slack's documentation, plus the undocumented total of a message's text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sandbox.slack import block_text
from sandbox.slack.block_rules import MARKDOWN_MAX, check_block
from sandbox.slack.element_rules import check_suggestions
from sandbox.slack.json_types import JsonObject
from sandbox.slack.text_rules import Problems, Violation, check_plain, counted_length

MESSAGE_BLOCKS_MAX = 50
VIEW_BLOCKS_MAX = 100
#: Slack names no total; messages of 13,297 characters were refused and of 13,200 were not.
MESSAGE_TEXT_MAX = 13_200
VIEW_BYTES_MAX = 250_000
TITLE_MAX = 24
CALLBACK_ID_MAX = 255
PRIVATE_METADATA_MAX = 3000
#: Slack names no size for metadata; eight kilobytes are commonly met.
METADATA_BYTES_MAX = 8_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """Slack's name for why a message or view is not accepted, and each reason with its place."""

    error: str
    violations: tuple[Violation, ...] = ()

    @property
    def messages(self) -> list[str]:
        """The reasons as `response_metadata.messages` lists them."""
        return [str(violation) for violation in self.violations]


def message_refusal(text: str | None, blocks: Any) -> Refusal | None:
    """Why Slack would not post this message; None when it would."""
    if blocks is not None and not isinstance(blocks, list):
        return Refusal("invalid_blocks_format")
    if not text and not blocks:
        return Refusal("no_text")
    violations = block_violations(blocks or [], surface="message")
    if violations:
        return Refusal("invalid_blocks", tuple(violations))
    if text_total(blocks or []) > MESSAGE_TEXT_MAX:
        return Refusal("msg_blocks_too_long")
    return None


def view_refusal(view: Any) -> Refusal | None:
    """Why Slack would not show this form or Home tab; None when it would."""
    if not isinstance(view, dict):
        return Refusal("invalid_arguments", (Violation("/view", "must be a view object"),))
    if len(json.dumps(view, ensure_ascii=False).encode()) > VIEW_BYTES_MAX:
        return Refusal("view_too_large")
    violations = view_violations(view)
    return Refusal("invalid_arguments", tuple(violations)) if violations else None


def suggestion_violations(body: JsonObject | None) -> list[Violation]:
    """What is wrong with the answer to a block_suggestion."""
    problems = Problems()
    check_suggestions(problems, body or {})
    return problems.found


def block_violations(blocks: list[Any], *, surface: str) -> list[Violation]:
    """Everything that is wrong with these blocks on a `message`, `modal` or `home`."""
    problems = Problems()
    most = MESSAGE_BLOCKS_MAX if surface == "message" else VIEW_BLOCKS_MAX
    if len(blocks) > most:
        problems.add("/blocks", f"no more than {most} items allowed [input:{len(blocks)}]")
    for number, block in enumerate(blocks):
        check_block(problems, block, f"/blocks/{number}", surface=surface)
    _duplicates(problems, blocks)
    if surface == "message":
        _message_only(problems, blocks)
    return problems.found


def view_violations(view: JsonObject) -> list[Violation]:
    """Everything that is wrong with a view except its size."""
    problems = Problems()
    kind = view.get("type")
    if kind not in ("modal", "home"):
        problems.add("/view/type", f"unsupported type: {kind}")
        return problems.found
    for key, limit in (
        ("callback_id", CALLBACK_ID_MAX),
        ("external_id", CALLBACK_ID_MAX),
        ("private_metadata", PRIVATE_METADATA_MAX),
    ):
        problems.longest(view, key, limit, "/view")
    blocks = problems.items(view, "blocks", VIEW_BLOCKS_MAX, "/view")
    problems.found.extend(block_violations(blocks, surface=kind))
    if kind == "modal":
        _modal_only(problems, view, blocks)
    return problems.found


def text_total(blocks: list[Any]) -> int:
    """All characters of all texts in these blocks, as Slack counts them."""
    return sum(counted_length(string) for string in block_text.strings(blocks))


def _duplicates(problems: Problems, blocks: list[Any]) -> None:
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        block_id = block.get("block_id") if isinstance(block, dict) else None
        if block_id in seen:
            where = f"/blocks/{number}/block_id"
            problems.add(where, f"`block_id` {block_id!r} already exists")
        if block_id is not None:
            seen.add(block_id)


def _message_only(problems: Problems, blocks: list[Any]) -> None:
    known = [block for block in blocks if isinstance(block, dict)]
    markdown = (str(b.get("text", "")) for b in known if b.get("type") == "markdown")
    if sum(map(len, markdown)) > MARKDOWN_MAX:
        problems.add("/blocks", f"markdown text must be less than {MARKDOWN_MAX + 1} characters")
    if sum(1 for block in known if block.get("type") == "table") > 1:
        problems.add("/blocks", "only one table allowed")


def _modal_only(problems: Problems, view: JsonObject, blocks: list[Any]) -> None:
    check_plain(problems, view.get("title"), "/view/title", limit=TITLE_MAX)
    for key in ("submit", "close"):
        if view.get(key) is not None:
            check_plain(problems, view[key], f"/view/{key}", limit=TITLE_MAX)
    inputs = any(isinstance(b, dict) and b.get("type") == "input" for b in blocks)
    if inputs and view.get("submit") is None:
        problems.add("/view", "`submit` is required when an input block is within the blocks array")
    if json.dumps(blocks).count('"focus_on_load": true') > 1:
        problems.add("/view/blocks", "only one element may have focus_on_load")
