"""Half a character, as a client that cuts an emoji sends it, breaks nothing and is seen."""

from __future__ import annotations

from handlers.command_line import parse
from handlers.form_state import text


def test_a_line_with_half_a_character_is_read() -> None:
    line = parse("web-01 22 2h because fix \ud83d now")
    assert line.reason == "fix \ufffd now"


def test_two_halves_are_one_character_again() -> None:
    assert parse("web-01 22 2h because \ud83d\ude80").reason == "\U0001f680"


def test_a_field_with_half_a_character_is_read() -> None:
    values = {"reason": {"reason": {"value": "half \udc00"}}}
    assert text(values, "reason") == "half \ufffd"
