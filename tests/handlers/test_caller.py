"""The identity of a wish: the same for every delivery of it, another for every other wish."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.caller import (
    Reference,
    of_click,
    of_command,
    of_event,
    of_shortcut,
    of_view,
    reference,
)

CLICK: dict[str, Any] = {
    "user": {"id": "U0SATO"},
    "channel": {"id": "C0OPS"},
    "message": {"ts": "1.2", "thread_ts": "1.1"},
    "trigger_id": "7.8.9",
    "response_url": "https://hooks.slack.com/actions/1",
}
ACTION = {"action_id": "jit_approve", "action_ts": "100.000001", "value": "1042.1"}
COMMAND = {"user_id": "U0ALICE", "channel_id": "C0OPS", "trigger_id": "1.2.3", "text": "help"}
VIEW = {"user": {"id": "U0ALICE"}, "view": {"id": "V1"}, "trigger_id": "1.2.3"}
EVENT: dict[str, Any] = {
    "event_id": "Ev1",
    "event": {"user": "U0SATO", "channel": "C0OPS", "ts": "1.5", "thread_ts": "1.1"},
}


@pytest.mark.proves("C012", "FAULT-3")
def test_a_repeated_click_under_another_envelope_is_the_same_wish() -> None:
    again = CLICK | {"trigger_id": "9.9.9", "response_url": "https://hooks.slack.com/actions/2"}
    assert of_click(CLICK, ACTION).op == of_click(again, ACTION).op


def test_another_click_person_or_button_is_another_wish() -> None:
    wishes = {
        of_click(CLICK, ACTION).op,
        of_click(CLICK | {"user": {"id": "U0SUZUKI"}}, ACTION).op,
        of_click(CLICK, ACTION | {"action_ts": "100.000002"}).op,
        of_click(CLICK, ACTION | {"action_id": "jit_deny"}).op,
        of_command(COMMAND).op,
        of_command(COMMAND | {"trigger_id": "1.2.4"}).op,
        of_view(VIEW).op,
        of_shortcut(VIEW).op,
        of_event(EVENT).op,
        of_event(EVENT | {"event_id": "Ev2"}).op,
    }
    assert len(wishes) == 10


def test_clicks_without_a_time_stamp_are_told_apart_by_their_trigger() -> None:
    bare = {"action_id": "jit_approve"}
    assert of_click(CLICK, bare).op != of_click(CLICK | {"trigger_id": "1.1.1"}, bare).op


@pytest.mark.proves("C059")
def test_a_second_submit_of_one_form_is_the_same_wish() -> None:
    assert of_view(VIEW).op == of_view(VIEW | {"trigger_id": "5.5.5"}).op


@pytest.mark.proves("C012")
def test_an_event_is_known_by_its_id_whatever_the_retry() -> None:
    assert of_event(EVENT).op == of_event(EVENT | {"retry_attempt": 2, "envelope_id": "x"}).op


def test_a_caller_knows_where_to_answer() -> None:
    caller = of_click(CLICK, ACTION)
    assert (caller.channel, caller.thread) == ("C0OPS", "1.1")
    assert of_event(EVENT).thread == "1.1"
    in_view = {"user": {"id": "U1"}, "container": {"channel_id": "C9"}, "message": None}
    assert of_click(in_view, ACTION).channel == "C9"
    assert caller.trace == str(caller.op)[:12]


@pytest.mark.proves("C090")
def test_keys_do_not_depend_on_the_team() -> None:
    other = CLICK | {"team": {"id": "T_OTHER"}}
    assert of_click(CLICK, ACTION).op == of_click(other | {"team": None}, ACTION).op


@pytest.mark.proves("O3")
@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("1042.3", Reference("1042", 3)),  # type: ignore[arg-type]
        ("1042", Reference("1042", None)),  # type: ignore[arg-type]
        ("", None),
        ("1042.", None),
        (".3", None),
        ("1042.3.1", None),
        ("-1", None),
        ("０42", None),
        ("٤٢.١", None),
        ("0", None),
        ("1042 ", None),
        ("1042\n", None),
        ("1" * 13, None),
        ("1." + "9" * 2_000, None),
        (None, None),
        (1042, None),
        (["1042"], None),
    ],
)
def test_a_button_carries_a_number_and_a_version(value: object, found: Reference | None) -> None:
    assert reference(value) == found


@pytest.mark.proves("O3")
@given(st.text() | st.from_regex(r"\d+(\.\d+)?"))
def test_no_value_of_a_button_raises(value: str) -> None:
    found = reference(value)
    assert found is None or value.isascii()
