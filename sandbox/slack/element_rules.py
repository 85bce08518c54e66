"""Slack's limits of buttons, menus and inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.slack.element_state import options_of
from sandbox.slack.json_types import JsonObject
from sandbox.slack.text_rules import Problems, check_plain, check_text

ACTION_ID_MAX = 255
BUTTON_TEXT_MAX = 75
BUTTON_VALUE_MAX = 2000
URL_MAX = 3000
OPTION_TEXT_MAX = 75
OPTION_VALUE_MAX = 150
OPTIONS_MAX = 100
PLACEHOLDER_MAX = 150
INPUT_LENGTH_MAX = 3000
CONFIRM_TITLE_MAX, CONFIRM_TEXT_MAX, CONFIRM_BUTTON_MAX = 100, 300, 30

STYLES = (None, "primary", "danger")

Rule = Callable[[Problems, JsonObject, str], None]


def check_element(problems: Problems, node: Any, pointer: str, *, allowed: frozenset[str]) -> None:
    """Judge one element by its own rule; `allowed` is what its block may hold."""
    kind = node.get("type") if isinstance(node, dict) else None
    if kind not in ELEMENTS or kind not in allowed:
        problems.add(pointer, f"unsupported type: {kind}")
        return
    problems.longest(node, "action_id", ACTION_ID_MAX, pointer)
    if "placeholder" in node:
        check_plain(problems, node["placeholder"], f"{pointer}/placeholder", limit=PLACEHOLDER_MAX)
    if "confirm" in node:
        _confirm(problems, node["confirm"], f"{pointer}/confirm")
    ELEMENTS[kind](problems, node, pointer)


def check_option(problems: Problems, node: Any, pointer: str, *, rich: bool = False) -> None:
    """One option of a menu; only check boxes and radio buttons may use mrkdwn."""
    if not isinstance(node, dict):
        problems.add(pointer, "must be an option")
        return
    kinds = ("plain_text", "mrkdwn") if rich else ("plain_text",)
    check_text(problems, node.get("text"), f"{pointer}/text", limit=OPTION_TEXT_MAX, kinds=kinds)
    problems.longest(node, "value", OPTION_VALUE_MAX, pointer)
    problems.required(node, "value", pointer)
    problems.longest(node, "url", URL_MAX, pointer)
    if "description" in node:
        where = f"{pointer}/description"
        check_text(problems, node["description"], where, limit=OPTION_TEXT_MAX, kinds=kinds)


def check_suggestions(problems: Problems, body: JsonObject) -> None:
    """The answer to a block_suggestion: options or groups, an empty list allowed."""
    if "option_groups" in body:
        _groups(problems, body, "")
        return
    for number, option in enumerate(problems.items(body, "options", OPTIONS_MAX, "", least=0)):
        check_option(problems, option, f"/options/{number}")


def _button(problems: Problems, node: JsonObject, pointer: str) -> None:
    check_plain(problems, node.get("text"), f"{pointer}/text", limit=BUTTON_TEXT_MAX)
    problems.longest(node, "value", BUTTON_VALUE_MAX, pointer)
    problems.longest(node, "url", URL_MAX, pointer)
    problems.longest(node, "accessibility_label", 75, pointer)
    if node.get("style") not in STYLES:
        problems.add(f"{pointer}/style", "must be one of: primary, danger")


def _icon_button(problems: Problems, node: JsonObject, pointer: str) -> None:
    problems.required(node, "icon", pointer)
    check_plain(problems, node.get("text"), f"{pointer}/text", limit=BUTTON_TEXT_MAX)


def _feedback(problems: Problems, node: JsonObject, pointer: str) -> None:
    for key in ("positive_button", "negative_button"):
        if problems.required(node, key, pointer):
            text = node[key].get("text")
            check_plain(problems, text, f"{pointer}/{key}/text", limit=BUTTON_TEXT_MAX)


def _static_menu(problems: Problems, node: JsonObject, pointer: str) -> None:
    if "option_groups" in node:
        _groups(problems, node, pointer)
    else:
        _options(problems, node, pointer, limit=OPTIONS_MAX)
    _initial(problems, node, pointer)
    _selected_max(problems, node, pointer)


def _groups(problems: Problems, node: JsonObject, pointer: str) -> None:
    for number, group in enumerate(problems.items(node, "option_groups", OPTIONS_MAX, pointer)):
        where = f"{pointer}/option_groups/{number}"
        check_plain(problems, group.get("label"), f"{where}/label", limit=OPTION_TEXT_MAX)
        _options(problems, group, where, limit=OPTIONS_MAX)


def _options(
    problems: Problems, node: JsonObject, pointer: str, *, limit: int, rich: bool = False
) -> None:
    for number, option in enumerate(problems.items(node, "options", limit, pointer)):
        check_option(problems, option, f"{pointer}/options/{number}", rich=rich)


def _initial(problems: Problems, node: JsonObject, pointer: str) -> None:
    chosen = [node["initial_option"]] if "initial_option" in node else node.get("initial_options")
    if chosen is None:
        return
    if not chosen:
        problems.add(f"{pointer}/initial_options", "must provide at least 1 items")
    options = [(o.get("value"), o.get("text")) for o in options_of(node)]
    for option in chosen:
        if (option.get("value"), option.get("text")) not in options:
            problems.add(pointer, "initial option(s) must exactly match one of the options")


def _selected_max(problems: Problems, node: JsonObject, pointer: str) -> None:
    most = node.get("max_selected_items")
    if most is not None and (not isinstance(most, int) or most < 1):
        problems.add(f"{pointer}/max_selected_items", "must be at least 1")


def _external_menu(problems: Problems, node: JsonObject, pointer: str) -> None:
    least = node.get("min_query_length")
    if least is not None and (not isinstance(least, int) or least < 0):
        problems.add(f"{pointer}/min_query_length", "must be a number from 0")
    if "initial_option" in node:
        check_option(problems, node["initial_option"], f"{pointer}/initial_option")
    for number, option in enumerate(node.get("initial_options", [])):
        check_option(problems, option, f"{pointer}/initial_options/{number}")
    _selected_max(problems, node, pointer)


def _overflow(problems: Problems, node: JsonObject, pointer: str) -> None:
    _options(problems, node, pointer, limit=5)


def _choices(problems: Problems, node: JsonObject, pointer: str) -> None:
    _options(problems, node, pointer, limit=10, rich=True)
    _initial(problems, node, pointer)


def _text_input(problems: Problems, node: JsonObject, pointer: str) -> None:
    least, most = node.get("min_length", 0), node.get("max_length", INPUT_LENGTH_MAX)
    if not 0 <= least <= INPUT_LENGTH_MAX:
        problems.add(f"{pointer}/min_length", f"must be 0 to {INPUT_LENGTH_MAX}")
    if not 1 <= most <= INPUT_LENGTH_MAX or most < least:
        problems.add(f"{pointer}/max_length", f"must be 1 to {INPUT_LENGTH_MAX}")
    if len(str(node.get("initial_value", ""))) > most:
        problems.add(f"{pointer}/initial_value", f"must be less than {most + 1} characters")


def _number_input(problems: Problems, node: JsonObject, pointer: str) -> None:
    if not isinstance(node.get("is_decimal_allowed"), bool):
        problems.add(pointer, "missing required field: is_decimal_allowed")


def _image(problems: Problems, node: JsonObject, pointer: str) -> None:
    problems.required(node, "alt_text", pointer)
    problems.longest(node, "alt_text", 2000, pointer)
    problems.longest(node, "image_url", URL_MAX, pointer)
    if not node.get("image_url") and not node.get("slack_file"):
        problems.add(pointer, "missing required field: image_url")


def _free(problems: Problems, node: JsonObject, pointer: str) -> None:
    """Nothing beyond action_id, placeholder and confirm."""


def _confirm(problems: Problems, node: Any, pointer: str) -> None:
    if not isinstance(node, dict):
        problems.add(pointer, "must be a confirm object")
        return
    check_plain(problems, node.get("title"), f"{pointer}/title", limit=CONFIRM_TITLE_MAX)
    check_text(problems, node.get("text"), f"{pointer}/text", limit=CONFIRM_TEXT_MAX)
    for key in ("confirm", "deny"):
        check_plain(problems, node.get(key), f"{pointer}/{key}", limit=CONFIRM_BUTTON_MAX)


ELEMENTS: dict[str, Rule] = {
    "button": _button,
    "workflow_button": _button,
    "icon_button": _icon_button,
    "feedback_buttons": _feedback,
    "image": _image,
    "overflow": _overflow,
    "checkboxes": _choices,
    "radio_buttons": _choices,
    "static_select": _static_menu,
    "multi_static_select": _static_menu,
    "external_select": _external_menu,
    "multi_external_select": _external_menu,
    "users_select": _free,
    "multi_users_select": _free,
    "conversations_select": _free,
    "multi_conversations_select": _free,
    "channels_select": _free,
    "multi_channels_select": _free,
    "datepicker": _free,
    "timepicker": _free,
    "datetimepicker": _free,
    "plain_text_input": _text_input,
    "number_input": _number_input,
    "email_text_input": _free,
    "url_text_input": _free,
    "rich_text_input": _free,
    "file_input": _free,
}

INPUT_ONLY = frozenset(
    {"plain_text_input", "number_input", "email_text_input", "url_text_input", "file_input"}
)
AGENT_ONLY = frozenset({"icon_button", "feedback_buttons"})

#: What may lie in which block.
IN_ACTIONS = frozenset(ELEMENTS) - INPUT_ONLY - AGENT_ONLY - {"image"}
IN_SECTION = IN_ACTIONS - {"rich_text_input"} | {"image"}
IN_INPUT = frozenset(ELEMENTS) - AGENT_ONLY - {"image", "overflow", "button", "workflow_button"}
