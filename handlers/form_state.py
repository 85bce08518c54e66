"""What a form holds when it is sent: Slack's `state.values`, read once, never trusted further."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from handlers.drafts import Draft
from handlers.line_words import whole

TEXT_MAX = 3_000

Values = Mapping[str, Mapping[str, Mapping[str, Any]]]


def values_of(body: Mapping[str, Any]) -> Values:
    """`state.values` of a view in a submission or a click; empty when there is none."""
    state = (body.get("view") or {}).get("state") or {}
    found = state.get("values")
    return found if isinstance(found, dict) else {}


def text(values: Values, block_id: str) -> str:
    """A text field, or the value of the chosen option."""
    for element in _elements(values, block_id):
        option = element.get("selected_option")
        raw = option.get("value") if isinstance(option, Mapping) else element.get("value")
        if isinstance(raw, str):
            return whole(raw[:TEXT_MAX])
    return ""


def chosen(values: Values, block_id: str) -> tuple[str, ...]:
    """The values of all chosen options."""
    for element in _elements(values, block_id):
        options = element.get("selected_options")
        if isinstance(options, list):
            return tuple(str(option.get("value")) for option in options)
    return ()


def has(values: Values, block_id: str) -> bool:
    return block_id in values


def into_draft(draft: Draft, values: Values, *, vm: str) -> Draft:
    """The draft with what the form holds now; `vm` is the resource id of the chosen machine."""
    return structs.replace(
        draft,
        vm=vm or draft.vm,
        ports=chosen(values, "ports") if has(values, "ports") else draft.ports,
        source=text(values, "source") or draft.source,
        window=text(values, "window"),
        reason=text(values, "reason"),
        ticket=text(values, "ticket") or draft.ticket,
    )


def _elements(values: Values, block_id: str) -> list[Mapping[str, Any]]:
    block = values.get(block_id)
    if not isinstance(block, Mapping):
        return []
    return list(block.values())
