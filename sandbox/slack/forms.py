"""What Slack's own client checks before it sends a form."""

from __future__ import annotations

from sandbox.slack import element_state
from sandbox.slack.json_types import JsonObject
from sandbox.slack.views import View

_MISSING = {
    "ja": "このフィールドに入力してください。",
    "en": "Please complete this required field.",
}
_SHORT = {"ja": "{n}文字以上で入力してください。", "en": "Enter at least {n} characters."}
_LONG = {"ja": "{n}文字以内で入力してください。", "en": "Enter no more than {n} characters."}


def complaints(view: View, locale: str) -> dict[str, str]:
    """Block id -> what the client says there; empty when the form may be sent."""
    language = "ja" if locale.startswith("ja") else "en"
    found = {}
    for block, element in element_state.stateful(view.blocks):
        if block["type"] != "input":
            continue
        state = view.values[block["block_id"]][element["action_id"]]
        words = _complaint(block, element, state, language)
        if words:
            found[block["block_id"]] = words
    return found


def _complaint(
    block: JsonObject, element: JsonObject, state: JsonObject, language: str
) -> str | None:
    if element_state.is_empty(state):
        return None if block.get("optional") else _MISSING[language]
    text = state.get("value")
    if not isinstance(text, str):
        return None
    if len(text) < element.get("min_length", 0):
        return _SHORT[language].format(n=element["min_length"])
    most = element.get("max_length", 3000)
    return _LONG[language].format(n=most) if len(text) > most else None
