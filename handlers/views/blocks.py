"""Slack's elements, as few as we use. Texts given here are safe already (see `safe`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from handlers.views import safe

Block = dict[str, object]
Element = dict[str, object]
View = dict[str, object]

#: A notification shows tokens raw: the part written out for it stays (C088).
_DATE_TOKEN = re.compile(r"<!date\^[^|>]*\|([^>]*)>")

SECTION_MAX = 3_000
BUTTON_MAX = 75
OPTION_MAX = 75
OPTIONS_MAX = 100
#: Slack's limit for checkboxes and radio buttons.
CHOICES_MAX = 10
TITLE_MAX = 24
HINT_MAX = 2_000
PLACEHOLDER_MAX = 150
HEADER_MAX = 150
ACCESSIBILITY_MAX = 75
#: Slack allows more, but a reason is read by people on phones.
REASON_MAX = 500


@dataclass(frozen=True, slots=True)
class Message:
    """`text` says it all in one go: notifications and screen readers read nothing else."""

    text: str
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class Option:
    """One choice. `value` is a short key, never an ARM id (C116)."""

    value: str
    label: str
    description: str = ""


def message(text: str, *blocks: Block | None) -> Message:
    """A message of those blocks that are there, its text and blocks within Slack's totals."""
    kept = [block for block in blocks if block]
    while len(kept) > 1 and text_total(kept) > safe.MAX_MESSAGE_TEXT:
        kept.pop(_longest_prose(kept))
    said = _DATE_TOKEN.sub(r"\1", " ".join(text.split()))
    return Message(safe.cut(said, safe.FALLBACK_MAX), kept)


def _longest_prose(kept: Sequence[Block]) -> int:
    """The block to leave out first: the longest that is no row of buttons and not the headline."""
    sizes = [0 if block["type"] == "actions" else text_total([block]) for block in kept]
    return max(range(1, len(kept)), key=sizes.__getitem__)


def text_total(blocks: object) -> int:
    """All text in blocks, in UTF-16 units: what Slack's undocumented total counts."""
    if isinstance(blocks, dict):
        return sum(
            safe.length(value) if key == "text" and isinstance(value, str) else text_total(value)
            for key, value in blocks.items()
        )
    if isinstance(blocks, list):
        return sum(map(text_total, blocks))
    return 0


# --- blocks -----------------------------------------------------------------------------------


def mrkdwn(text: str) -> Element:
    """`verbatim`: Slack makes no links of what looks like one; our tokens still work."""
    return {"type": "mrkdwn", "text": safe.cut(text, SECTION_MAX), "verbatim": True}


def plain_text(text: str, limit: int) -> Element:
    return {"type": "plain_text", "text": safe.plain(text, limit), "emoji": False}


def section(*lines: str, accessory: Element | None = None) -> Block:
    """Lines of mrkdwn, empty ones left out; never folded by Slack."""
    text = mrkdwn("\n".join(line for line in lines if line))
    block: Block = {"type": "section", "text": text, "expand": True}
    return block | {"accessory": accessory} if accessory else block


def context(*lines: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [mrkdwn("\n".join(line for line in lines if line))]}


def header(text: str) -> Block:
    said = _as_counted(text, HEADER_MAX, safe.plain)
    return {"type": "header", "text": plain_text(said, HEADER_MAX)}


def _as_counted(text: str, limit: int, cut: Callable[[str, int], str]) -> str:
    """Slack counts these after escaping them (C020): one of brackets alone holds a quarter."""
    said, allowed = cut(text, limit), limit
    while (over := safe.length(safe.escape(said)) - limit) > 0:
        allowed -= max(1, over // 5)
        said = cut(text, allowed)
    return said


def actions(*elements: Element | None, block_id: str = "") -> Block:
    block: Block = {"type": "actions", "elements": [each for each in elements if each]}
    return block | {"block_id": block_id} if block_id else block


def button(
    text: str,
    action_id: str,
    value: str,
    *,
    style: str = "",
    spoken: str = "",
    url: str = "",
) -> Element:
    """`spoken` is what a screen reader says where the label alone would not tell what it is for."""
    element: Element = {
        "type": "button",
        "text": {"type": "plain_text", "text": safe.label(text, BUTTON_MAX), "emoji": False},
        "action_id": action_id,
        "value": value,
    }
    if style:
        element["style"] = style
    if spoken:
        element["accessibility_label"] = safe.label(spoken, ACCESSIBILITY_MAX)
    if url:
        element["url"] = url
    return element


# --- rich text --------------------------------------------------------------------------------


def rich_text(*elements: Element) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def run(text: str, *, bold: bool = False) -> Element:
    """A piece of rich text; Slack refuses an empty one."""
    element: Element = {"type": "text", "text": text or safe.EMPTY}
    return element | {"style": {"bold": True}} if bold else element


def link(url: str, text: str) -> Element:
    return {"type": "link", "url": url, "text": text or safe.EMPTY}


def box(text: str, limit: int = SECTION_MAX) -> Block:
    """A code block: what will be done, or a line to copy."""
    return rich_text(preformatted(text, limit))


def preformatted(text: str, limit: int = SECTION_MAX) -> Element:
    return {"type": "rich_text_preformatted", "elements": [run(safe.preformatted(text, limit))]}


def quote(*runs: Element) -> Block:
    """People's own words."""
    return rich_text({"type": "rich_text_quote", "elements": list(runs)})


def titled_list(title: str, items: Iterable[str]) -> Block:
    """A bold line and bullets; texts are foreign and stay as they are."""
    return rich_text(
        {"type": "rich_text_section", "elements": [run(title, bold=True)]},
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [{"type": "rich_text_section", "elements": [run(item)]} for item in items],
        },
    )


# --- forms ------------------------------------------------------------------------------------


def options(choices: Sequence[Option]) -> list[Element]:
    return [option(choice) for choice in choices]


def option(choice: Option) -> Element:
    element: Element = {
        "text": {
            "type": "plain_text",
            "text": _as_counted(choice.label, OPTION_MAX, safe.label),
            "emoji": False,
        },
        "value": choice.value,
    }
    if choice.description:
        said = _as_counted(choice.description, OPTION_MAX, safe.plain)
        element["description"] = plain_text(said, OPTION_MAX)
    return element


def text_input(
    action_id: str,
    *,
    value: str = "",
    placeholder: str = "",
    multiline: bool = False,
    max_length: int = 0,
) -> Element:
    element: Element = {"type": "plain_text_input", "action_id": action_id}
    if value:
        element["initial_value"] = safe.echo(value, max_length or SECTION_MAX)
    if placeholder:
        element["placeholder"] = plain_text(placeholder, PLACEHOLDER_MAX)
    if multiline:
        element["multiline"] = True
    if max_length:
        element["max_length"] = max_length
    return element


def typeahead(action_id: str, placeholder: str, chosen: Option | None) -> Element:
    """A choice whose options the bot gives while the person types."""
    element: Element = {
        "type": "external_select",
        "action_id": action_id,
        "min_query_length": 0,
        "placeholder": plain_text(placeholder, PLACEHOLDER_MAX),
    }
    return element | {"initial_option": option(chosen)} if chosen else element


def choices(kind: str, action_id: str, offered: Sequence[Option], chosen: Iterable[str]) -> Element:
    """`radio_buttons`, `checkboxes` or `static_select`; Slack refuses empty initial options."""
    shown = offered[: OPTIONS_MAX if "select" in kind else CHOICES_MAX]
    wanted = set(chosen)
    initial = [choice for choice in shown if choice.value in wanted]
    element: Element = {"type": kind, "action_id": action_id, "options": options(shown)}
    if initial and kind in ("checkboxes", "multi_static_select"):
        element["initial_options"] = options(initial)
    elif initial:
        element["initial_option"] = option(initial[0])
    return element


def field(
    block_id: str,
    label: str,
    element: Element,
    *,
    hint: str = "",
    optional: bool = False,
    dispatch: bool = False,
) -> Block:
    """An input of a form; `block_id` is where its errors are shown."""
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain_text(label, HINT_MAX),
        "element": element,
    }
    if hint:
        block["hint"] = plain_text(hint, HINT_MAX)
    if optional:
        block["optional"] = True
    if dispatch:
        block["dispatch_action"] = True
    return block


def modal(
    callback_id: str,
    title: str,
    *blocks: Block | None,
    metadata: str,
    close: str,
    submit: str = "",
) -> View:
    view: View = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain_text(title, TITLE_MAX),
        "blocks": [block for block in blocks if block][:100],
        "private_metadata": metadata,
        "close": plain_text(close, TITLE_MAX),
    }
    if submit:
        view["submit"] = plain_text(submit, TITLE_MAX)
    return view
