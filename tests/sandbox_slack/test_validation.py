"""Each limit of Block Kit: what just fits, and Slack's name for what does not."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.slack.text_rules import counted_length
from sandbox.slack.validation import (
    block_violations,
    message_refusal,
    suggestion_violations,
    text_total,
    view_refusal,
)

Json = dict[str, Any]


def plain(size: int) -> Json:
    return {"type": "plain_text", "text": "x" * size}


def mrkdwn(size: int) -> Json:
    return {"type": "mrkdwn", "text": "x" * size}


def section(size: int) -> Json:
    return {"type": "section", "text": mrkdwn(size)}


def fields(count: int, size: int = 5) -> Json:
    return {"type": "section", "fields": [mrkdwn(size)] * count}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain(4), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def option(text: int = 4, value: int = 1, **more: Any) -> Json:
    return {"text": plain(text), "value": "v" * value, **more}


def menu(*options: Json, **more: Any) -> Json:
    return actions({"type": "static_select", "action_id": "m", "options": list(options), **more})


def groups(count: int) -> Json:
    group = {"label": plain(5), "options": [option()]}
    return actions({"type": "static_select", "option_groups": [group] * count})


def confirm(title: int = 5, text: int = 5, yes: int = 3) -> Json:
    asked = {"title": plain(title), "text": plain(text), "confirm": plain(yes), "deny": plain(2)}
    return actions(button(confirm=asked))


def text_input(**more: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": "t", **more}
    return {"type": "input", "label": plain(5), "element": element}


def table(rows: int, cells: int) -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * cells] * rows}


def data_table(rows: int, **more: Any) -> Json:
    cells = [{"type": "raw_text", "text": "x"}]
    return {"type": "data_table", "caption": "c", "rows": [cells] * rows, **more}


def image(alt: int) -> Json:
    return {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "x" * alt}


#: What fits, and the same just beyond its limit.
LIMITS: dict[str, tuple[list[Json], list[Json]]] = {
    "50 blocks": ([{"type": "divider"}] * 50, [{"type": "divider"}] * 51),
    "section text 3000": ([section(3000)], [section(3001)]),
    "empty text": ([section(1)], [section(0)]),
    "10 fields": ([fields(10)], [fields(11)]),
    "at least one field": ([fields(1)], [fields(0)]),
    "field text 2000": ([fields(1, 2000)], [fields(1, 2001)]),
    "section needs something": ([section(1)], [{"type": "section"}]),
    "header 150": (
        [{"type": "header", "text": plain(150)}],
        [{"type": "header", "text": plain(151)}],
    ),
    "header is plain": (
        [{"type": "header", "text": plain(5)}],
        [{"type": "header", "text": mrkdwn(5)}],
    ),
    "25 elements": (
        [actions(*[button(action_id=str(n)) for n in range(25)])],
        [actions(*[button(action_id=str(n)) for n in range(26)])],
    ),
    "actions not empty": ([actions(button())], [actions()]),
    "button text 75": ([actions(button(text=plain(75)))], [actions(button(text=plain(76)))]),
    "button value 2000": ([actions(button(value="v" * 2000))], [actions(button(value="v" * 2001))]),
    "button url 3000": ([actions(button(url="u" * 3000))], [actions(button(url="u" * 3001))]),
    "button style": ([actions(button(style="danger"))], [actions(button(style="default"))]),
    "action_id 255": (
        [actions(button(action_id="a" * 255))],
        [actions(button(action_id="a" * 256))],
    ),
    "action_id once a block": (
        [actions(button(action_id="a")), actions(button(action_id="a"))],
        [actions(button(action_id="a"), button(action_id="a"))],
    ),
    "block_id 255": (
        [section(1) | {"block_id": "b" * 255}],
        [section(1) | {"block_id": "b" * 256}],
    ),
    "block_id once a message": (
        [section(1) | {"block_id": "a"}, section(1) | {"block_id": "b"}],
        [section(1) | {"block_id": "a"}] * 2,
    ),
    "10 context elements": (
        [{"type": "context", "elements": [mrkdwn(1)] * 10}],
        [{"type": "context", "elements": [mrkdwn(1)] * 11}],
    ),
    "100 options": ([menu(*[option()] * 100)], [menu(*[option()] * 101)]),
    "options must be specified": ([menu(option())], [menu()]),
    "option text 75": ([menu(option(text=75))], [menu(option(text=76))]),
    "option value 150": ([menu(option(value=150))], [menu(option(value=151))]),
    "option description 75": (
        [menu(option(description=plain(75)))],
        [menu(option(description=plain(76)))],
    ),
    "100 option groups": ([groups(100)], [groups(101)]),
    "initial option is one of them": (
        [menu(option(), initial_option=option())],
        [menu(option(), initial_option=option(value=2))],
    ),
    "placeholder 150": (
        [menu(option(), placeholder=plain(150))],
        [menu(option(), placeholder=plain(151))],
    ),
    "overflow 5": (
        [actions({"type": "overflow", "options": [option()] * 5})],
        [actions({"type": "overflow", "options": [option()] * 6})],
    ),
    "checkboxes 10": (
        [actions({"type": "checkboxes", "options": [option()] * 10})],
        [actions({"type": "checkboxes", "options": [option()] * 11})],
    ),
    "radio buttons 10": (
        [actions({"type": "radio_buttons", "options": [option()] * 10})],
        [actions({"type": "radio_buttons", "options": [option()] * 11})],
    ),
    "confirm title 100": ([confirm(title=100)], [confirm(title=101)]),
    "confirm text 300": ([confirm(text=300)], [confirm(text=301)]),
    "confirm button 30": ([confirm(yes=30)], [confirm(yes=31)]),
    "image alt text 2000": ([image(2000)], [image(2001)]),
    "image needs alt text": ([image(1)], [image(0)]),
    "markdown 12000": (
        [{"type": "markdown", "text": "x" * 12_000}],
        [{"type": "markdown", "text": "x" * 12_001}],
    ),
    "markdown 12000 in all": (
        [{"type": "markdown", "text": "x" * 6_000}] * 2,
        [{"type": "markdown", "text": "x" * 6_001}] * 2,
    ),
    "table 100 rows": ([table(100, 1)], [table(101, 1)]),
    "table 20 cells": ([table(1, 20)], [table(1, 21)]),
    "one table": ([table(1, 1)], [table(1, 1), table(1, 1)]),
    "data table 101 rows": ([data_table(101)], [data_table(102)]),
    "data table page size": ([data_table(2, page_size=100)], [data_table(2, page_size=101)]),
    "data table caption": ([data_table(2)], [data_table(2, caption="")]),
    "known blocks": ([{"type": "divider"}], [{"type": "marquee"}]),
    "known elements": ([actions(button())], [actions({"type": "lever"})]),
    "text input only in input": (
        [text_input()],
        [actions({"type": "plain_text_input", "action_id": "t"})],
    ),
    "alert only in a modal": (
        [section(1)],
        [{"type": "alert", "text": plain(5)}],
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_of_messages(name: str) -> None:
    fits, beyond = LIMITS[name]
    assert message_refusal("text", fits) is None
    refusal = message_refusal("text", beyond)
    assert refusal is not None
    assert refusal.error == "invalid_blocks"
    assert "json-pointer:/blocks" in refusal.messages[0]


@pytest.mark.parametrize(
    ("blocks", "error"),
    [
        ([section(2900)] * 4, None),
        ([section(2900)] * 10, "msg_blocks_too_long"),
        ([section(2640)] * 5, None),
        ([section(2640)] * 4 + [section(2641)], "msg_blocks_too_long"),
    ],
)
def test_the_undocumented_total(blocks: list[Json], error: str | None) -> None:
    refusal = message_refusal("text", blocks)
    assert (refusal.error if refusal else None) == error


def test_a_message_needs_text_or_blocks() -> None:
    refusal = message_refusal("", [])
    assert refusal is not None
    assert refusal.error == "no_text"
    refusal = message_refusal("x", {"type": "section"})
    assert refusal is not None
    assert refusal.error == "invalid_blocks_format"


@pytest.mark.parametrize(
    ("text", "kind", "length"),
    [
        ("a & b", "plain_text", 9),
        ("a &amp; b", "mrkdwn", 9),
        ("<b>", "plain_text", 9),
        ("<@U0SATO>", "mrkdwn", 9),
        ("<https://example.com|x>", "mrkdwn", 23),
        ("1 < 2", "mrkdwn", 8),
        ("日本語", "mrkdwn", 3),
    ],
)
def test_text_is_counted_after_escaping(text: str, kind: str, length: int) -> None:
    assert counted_length(text, kind=kind) == length


def test_a_label_can_be_too_long_once_it_is_escaped() -> None:
    label = {"type": "plain_text", "text": "&" * 16}
    assert block_violations([actions(button(text=label))], surface="message")


def modal(**more: Any) -> Json:
    return {"type": "modal", "title": plain(24), "blocks": [section(1)], **more}


#: What fits, and the same just beyond its limit.
VIEW_LIMITS: dict[str, tuple[Json, Json]] = {
    "title 24": (modal(), modal(title=plain(25))),
    "title not empty": (modal(), modal(title=plain(0))),
    "submit 24": (modal(submit=plain(24)), modal(submit=plain(25))),
    "close 24": (modal(close=plain(24)), modal(close=plain(25))),
    "100 blocks": (
        modal(blocks=[{"type": "divider"}] * 100),
        modal(blocks=[{"type": "divider"}] * 101),
    ),
    "callback_id 255": (modal(callback_id="c" * 255), modal(callback_id="c" * 256)),
    "private_metadata 3000": (
        modal(private_metadata="m" * 3000),
        modal(private_metadata="m" * 3001),
    ),
    "inputs need submit": (
        modal(blocks=[text_input()], submit=plain(4)),
        modal(blocks=[text_input()]),
    ),
    "label 2000": (
        modal(blocks=[text_input() | {"label": plain(2000)}], submit=plain(4)),
        modal(blocks=[text_input() | {"label": plain(2001)}], submit=plain(4)),
    ),
    "hint 2000": (
        modal(blocks=[text_input() | {"hint": plain(2000)}], submit=plain(4)),
        modal(blocks=[text_input() | {"hint": plain(2001)}], submit=plain(4)),
    ),
    "input length 3000": (
        modal(blocks=[text_input(max_length=3000)], submit=plain(4)),
        modal(blocks=[text_input(max_length=3001)], submit=plain(4)),
    ),
    "alert 200": (
        modal(blocks=[{"type": "alert", "text": plain(200)}]),
        modal(blocks=[{"type": "alert", "text": plain(201)}]),
    ),
    "no markdown": (modal(), modal(blocks=[{"type": "markdown", "text": "x"}])),
    "no table": (modal(), modal(blocks=[table(1, 1)])),
    "one focus": (
        modal(blocks=[text_input(focus_on_load=True)], submit=plain(4)),
        modal(blocks=[text_input(focus_on_load=True)] * 2, submit=plain(4)),
    ),
    "known types": (modal(), modal(type="dialog")),
}


@pytest.mark.parametrize("name", VIEW_LIMITS)
def test_a_limit_of_views(name: str) -> None:
    fits, beyond = VIEW_LIMITS[name]
    assert view_refusal(fits) is None
    refusal = view_refusal(beyond)
    assert refusal is not None
    assert refusal.error == "invalid_arguments"
    assert refusal.messages


def test_a_view_may_weigh_250_kilobytes() -> None:
    blocks = [text_input(initial_value="x" * 2990)] * 100
    refusal = view_refusal(modal(blocks=blocks, submit=plain(4)))
    assert refusal is not None
    assert refusal.error == "view_too_large"


def test_suggestions_are_options_or_nothing() -> None:
    assert suggestion_violations({"options": []}) == []
    assert suggestion_violations({"options": [option()] * 100}) == []
    assert suggestion_violations({"options": [option()] * 101})
    assert suggestion_violations({"options": [option(text=76)]})
    assert suggestion_violations(None)


def test_the_total_counts_every_text() -> None:
    blocks = [section(10), fields(2, 5), actions(button()), {"type": "markdown", "text": "x" * 7}]
    assert text_total(blocks) == 10 + 10 + 4 + 7
