"""FAULT 5: forged, missing and stale signatures. 401, nothing parsed, nothing logged, counted."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.http import SIGNATURE_WINDOW_SECONDS, Forgery, check_signature
from sandbox.slack import SandboxSlack
from tests.bot.http_desk import FORM, NOW, SECRET, Door, open_door, sign

BODY = b"command=/jit&user_id=U0ALICE&text=the+secret+reason"
STAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
Headers = dict[str, str]


@pytest.fixture
async def door(slack: SandboxSlack) -> AsyncIterator[Door]:
    made, runner = await open_door(slack)
    yield made
    await runner.cleanup()


def without(name: str) -> Callable[[Headers], Headers]:
    return lambda signed: {key: value for key, value in signed.items() if key != name}


def with_value(name: str, value: str) -> Callable[[Headers], Headers]:
    return lambda signed: signed | {name: value}


def signed_at(at: int) -> Callable[[Headers], Headers]:
    return lambda _signed: sign(BODY, at=at)


CASES: dict[str, tuple[Callable[[Headers], Headers], Forgery]] = {
    "nothing": (lambda _signed: {}, Forgery.MISSING),
    "no signature": (without(SIGNATURE), Forgery.MISSING),
    "no time": (without(STAMP), Forgery.MISSING),
    "an empty signature": (with_value(SIGNATURE, ""), Forgery.MISSING),
    "another version": (with_value(SIGNATURE, "v1=00"), Forgery.MISSING),
    "no hex": (with_value(SIGNATURE, "v0=zz"), Forgery.WRONG),
    "a short one": (with_value(SIGNATURE, "v0=00"), Forgery.WRONG),
    "letters beyond ASCII": (with_value(SIGNATURE, "v0=é"), Forgery.MISSING),
    "another secret": (lambda _signed: sign(BODY, secret="wrong"), Forgery.WRONG),
    "of another body": (lambda _signed: sign(BODY + b"x"), Forgery.WRONG),
    "upper case": (lambda signed: signed | {SIGNATURE: signed[SIGNATURE].upper()}, Forgery.MISSING),
    "time in words": (with_value(STAMP, "yesterday"), Forgery.MISSING),
    "time with a sign": (with_value(STAMP, f"+{NOW}"), Forgery.MISSING),
    "time with a point": (with_value(STAMP, f"{NOW}.5"), Forgery.MISSING),
    "a negative time": (with_value(STAMP, f"-{NOW}"), Forgery.MISSING),
    "time without end": (with_value(STAMP, "9" * 5_000), Forgery.MISSING),
    "time in other digits": (with_value(STAMP, "١٢٣"), Forgery.MISSING),
    "another time": (with_value(STAMP, str(NOW - 1)), Forgery.WRONG),
    "too old": (signed_at(NOW - SIGNATURE_WINDOW_SECONDS - 1), Forgery.STALE),
    "too young": (signed_at(NOW + SIGNATURE_WINDOW_SECONDS + 1), Forgery.STALE),
}


@pytest.mark.proves("FAULT-5", "O1", "O7")
@pytest.mark.parametrize("case", CASES)
async def test_a_forgery_is_turned_away_unread(
    door: Door, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")
    forge, why = CASES[case]
    headers = forge(sign(BODY)) | {"Content-Length": str(len(BODY))}
    answer = await door.send(BODY, headers)
    assert (answer.status, answer.body, answer.is_closed) == (401, b"", True)
    assert door.edge.refused == {why: 1}
    assert door.heard == []
    assert "secret" not in caplog.text


@pytest.mark.proves("FAULT-5")
@pytest.mark.parametrize("shift", [-SIGNATURE_WINDOW_SECONDS, 0, SIGNATURE_WINDOW_SECONDS])
async def test_inside_the_window_it_is_heard(door: Door, shift: int) -> None:
    headers = sign(BODY, at=NOW + shift) | {"Content-Length": str(len(BODY))}
    assert (await door.send(BODY, headers)).status == 200
    assert len(door.heard) == 1


@pytest.mark.proves("FAULT-5")
async def test_a_forged_handshake_and_a_forged_click_are_the_same_to_us(door: Door) -> None:
    for body in (b'{"type":"url_verification","challenge":"x"}', b"payload=%7B%7D", b"{", b"\x00"):
        headers = sign(b"other") | {"Content-Length": str(len(body)), "Content-Type": FORM}
        assert (await door.send(body, headers)).status == 401
    assert door.edge.refused == {Forgery.WRONG: 4}


@pytest.mark.proves("FAULT-5")
@given(timestamp=st.text(), signature=st.text(), body=st.binary())
def test_no_garbage_passes_or_raises(timestamp: str, signature: str, body: bytes) -> None:
    found = check_signature(
        [SECRET.encode()], timestamp=timestamp, signature=signature, body=body, now=float(NOW)
    )
    assert found is not None


@pytest.mark.proves("FAULT-5")
@given(body=st.binary(), place=st.integers(0, 63), digit=st.sampled_from("0123456789abcdef"))
def test_one_changed_digit_is_a_forgery(body: bytes, place: int, digit: str) -> None:
    right = sign(body)[SIGNATURE].removeprefix("v0=")
    changed = right[:place] + digit + right[place + 1 :]
    found = check_signature(
        [SECRET.encode()], timestamp=str(NOW), signature=f"v0={changed}", body=body, now=float(NOW)
    )
    assert (found is None) == (changed == right)
