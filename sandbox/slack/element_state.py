"""What an input element holds: its key in `state.values`, its first value, a typed one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.slack import block_text
from sandbox.slack.json_types import JsonObject

State = dict[str, dict[str, JsonObject]]

#: Element type -> the key that carries what was typed or chosen. Buttons carry none.
VALUE_KEYS = {
    "plain_text_input": "value",
    "number_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "rich_text_input": "rich_text_value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "radio_buttons": "selected_option",
    "checkboxes": "selected_options",
    "overflow": "selected_option",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "file_input": "files",
}

#: `value` begins as `initial_value`, `selected_option` as `initial_option`, and so on.
_INITIAL_KEYS = {
    key: "initial_" + key.removeprefix("selected_").removeprefix("rich_text_")
    for key in set(VALUE_KEYS.values())
}

#: Chosen and gone: an overflow menu acts like a row of buttons and keeps nothing.
_STATELESS = frozenset({"overflow"})

_LISTS = frozenset(key for key in VALUE_KEYS.values() if key.endswith("s"))


def stateful(blocks: list[JsonObject]) -> Iterator[tuple[JsonObject, JsonObject]]:
    """(block, element) for each element whose value is sent in `state.values`."""
    for block, element in block_text.elements(blocks):
        if element["type"] in VALUE_KEYS and element["type"] not in _STATELESS:
            yield block, element


def initial(element: JsonObject) -> JsonObject:
    """The state of an element that nobody has touched."""
    key = VALUE_KEYS[element["type"]]
    empty: Any = [] if key in _LISTS else None
    return {"type": element["type"], key: element.get(_INITIAL_KEYS[key], empty)}


def initial_state(blocks: list[JsonObject], *, earlier: State) -> State:
    """The state of these blocks; an element that was there before keeps what it held."""
    state: State = {}
    for block, element in stateful(blocks):
        block_id, action_id = block["block_id"], element["action_id"]
        before = earlier.get(block_id, {}).get(action_id)
        same = before is not None and before["type"] == element["type"]
        state.setdefault(block_id, {})[action_id] = (
            before if same and before is not None else initial(element)
        )
    return state


def entered(element: JsonObject, value: Any, *, suggested: list[JsonObject]) -> JsonObject:
    """The state after a person typed or chose this value (option value, label or whole option)."""
    key = VALUE_KEYS[element["type"]]
    match key:
        case "selected_option":
            value = None if value is None else _option(element, value, suggested)
        case "selected_options":
            value = [_option(element, one, suggested) for one in value]
        case _:
            pass  # text, dates and ids are what they are
    return {"type": element["type"], key: value}


def is_empty(state: JsonObject) -> bool:
    """Whether nothing was typed or chosen (blank text counts as typed, as in Slack)."""
    return state.get(VALUE_KEYS[state["type"]]) in (None, "", [])


def options_of(element: JsonObject) -> list[JsonObject]:
    """The fixed options of a menu, groups opened up."""
    found: list[JsonObject] = list(element.get("options", []))
    for group in element.get("option_groups", []):
        found.extend(group["options"])
    return found


def _option(element: JsonObject, value: Any, suggested: list[JsonObject]) -> JsonObject:
    if isinstance(value, dict):
        return value
    choices = options_of(element) + suggested
    for choice in choices:
        if value in (choice.get("value"), choice["text"]["text"]):
            return choice
    there = [(choice.get("value"), choice["text"]["text"]) for choice in choices]
    raise LookupError(f"no option {value!r} in {element.get('action_id')}: {there}")
