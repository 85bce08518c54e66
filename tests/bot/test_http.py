"""The HTTP door: what gets through to Bolt, and how everything else is turned away unread."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
from slack_bolt.async_app import AsyncApp

from bot.http import BODY_MAX_BYTES, HttpEdge
from sandbox.slack import SandboxSlack
from tests.bot.http_desk import (
    FORM,
    NOW,
    OLD_SECRET,
    Door,
    head,
    open_door,
    sign,
)
from tests.delivery.conftest import slack

__all__ = ["slack"]

JSON = "application/json"


@pytest.fixture
async def door(slack: SandboxSlack) -> AsyncIterator[Door]:
    made, runner = await open_door(slack)
    yield made
    await runner.cleanup()


def command(text: str = "web-01 22 for 1h", **more: str) -> bytes:
    """A slash command as Slack sends it."""
    fields = {
        "token": "verification",
        "team_id": "T0SEKISHO",
        "user_id": "U0ALICE",
        "command": "/jit",
        "text": text,
        "api_app_id": "A0SEKISHO",
        "trigger_id": "1.2.3",
    }
    return urlencode(fields | more).encode()


# --- what gets through ---


@pytest.mark.proves("M2")
async def test_a_signed_command_is_heard_and_answered(door: Door) -> None:
    answer = await door.send(command())
    assert answer.status == 200
    assert json.loads(answer.body)["text"] == "heard web-01 22 for 1h"
    assert answer.headers["content-type"].startswith(JSON)


@pytest.mark.proves("C076")
@pytest.mark.parametrize("text", ["深夜 *deploy* ö", "理由：再起動 🚪", "%zz &amp; <@U0ALICE>"])
async def test_letters_of_every_kind_pass_the_signature(door: Door, text: str) -> None:
    assert (await door.send(command(text))).status == 200
    assert door.heard[0]["text"] == text


@pytest.mark.proves("C076")
async def test_the_very_bytes_of_the_report_pass(door: Door) -> None:
    body = b"command=/jit&user_id=U0ALICE&text=%E6%B7%B1%E5%A4%9C+*deploy*+%C3%B6"
    assert (await door.send(body)).status == 200
    assert door.heard[0]["text"] == "深夜 *deploy* ö"


async def test_both_secrets_are_good_while_they_rotate(door: Door) -> None:
    body = command()
    answer = await door.send(body, sign(body, secret=OLD_SECRET) | length(body))
    assert answer.status == 200


@pytest.mark.proves("C121")
async def test_a_body_in_chunks_is_accepted_when_the_whole_is_signed(door: Door) -> None:
    body = command("理由：chunks")
    third = len(body) // 3
    pieces = [body[:third], body[third : 2 * third], body[2 * third :]]
    headers = {"Content-Type": FORM, "Transfer-Encoding": "chunked"} | sign(body)
    wire = [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces]
    answer = await door.exchange([head(headers), *wire, b"0\r\n\r\n"])
    assert answer.status == 200
    assert door.heard[0]["text"] == "理由：chunks"


@pytest.mark.proves("C122")
async def test_a_signed_handshake_gets_its_challenge_as_plain_text(door: Door) -> None:
    body = json.dumps({"type": "url_verification", "token": "t", "challenge": "3eZbrw1aB"}).encode()
    answer = await door.send(body, content_type=JSON)
    assert (answer.status, answer.body) == (200, b"3eZbrw1aB")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_a_message_that_says_url_verification_is_a_message(door: Door) -> None:
    event = {"type": "app_mention", "user": "U0ALICE", "text": "url_verification", "channel": "C1"}
    body = json.dumps({"type": "event_callback", "event_id": "E1", "event": event}).encode()
    assert (await door.send(body, content_type=JSON)).status == 200
    assert door.heard[0]["event"]["text"] == "url_verification"


@pytest.mark.proves("C122")
@pytest.mark.parametrize(
    "body", [b"ssl_check=1&token=abc", b"token=abc&ssl_check=1", b"ssl_check=1"]
)
async def test_the_certificate_probe_is_answered_and_nothing_else_done(
    door: Door, body: bytes
) -> None:
    answer = await door.send(body, length(body))
    assert (answer.status, answer.body) == (200, b"")
    assert door.heard == []


# --- what does not ---


def length(body: bytes) -> dict[str, str]:
    return {"Content-Length": str(len(body))}


@pytest.mark.proves("C122")
@pytest.mark.parametrize(
    ("challenge", "signed", "status"),
    [
        ("x", False, 401),
        ("x" * 201, True, 400),
        ("<script>alert(1)</script>", True, 400),
        ("three\r\nlines: 1", True, 400),
        (7, True, 400),
        ("", True, 400),
    ],
)
async def test_a_handshake_gives_nothing_away(
    door: Door, challenge: object, signed: bool, status: int
) -> None:
    body = json.dumps({"type": "url_verification", "challenge": challenge}).encode()
    answer = await door.send(body, None if signed else length(body), content_type=JSON)
    assert (answer.status, answer.body, answer.is_closed) == (status, b"", True)


@pytest.mark.proves("C122")
async def test_a_handshake_of_a_megabyte_is_refused_unread(door: Door) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "x" * 1_000_000}).encode()
    assert (await door.send(body, content_type=JSON)).status == 413


@pytest.mark.proves("C122")
async def test_a_probe_with_anything_else_in_it_needs_a_signature(door: Door) -> None:
    body = b"ssl_check=1&command=/jit&user_id=U0ALICE"
    assert (await door.send(body, length(body))).status == 401


@pytest.mark.proves("C076")
async def test_bytes_that_are_no_text_are_refused_and_never_an_error(door: Door) -> None:
    assert (await door.send(b"\xff\xfe", length(b"\xff\xfe"))).status == 401
    raw = b"command=/jit&user_id=U0ALICE&text=caf\xe9"
    assert (await door.send(raw)).status == 400
    assert door.edge.refused == {"missing_signature": 1, "not_utf8": 1}
    assert door.heard == []


@pytest.mark.proves("C121")
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP", "identity, gzip"])
async def test_an_encoded_body_is_refused(door: Door, encoding: str) -> None:
    body = gzip.compress(command())
    answer = await door.send(body, sign(body) | length(body) | {"Content-Encoding": encoding})
    assert (answer.status, answer.is_closed) == (415, True)


@pytest.mark.proves("C121")
async def test_a_body_shorter_than_it_says_is_400_and_the_connection_closed(door: Door) -> None:
    body = command()
    headers = {"Content-Type": FORM, "Content-Length": str(len(body) + 5)} | sign(body)
    answer = await door.exchange([head(headers) + body])
    assert (answer.status, answer.is_closed) == (400, True)
    assert door.heard == []


@pytest.mark.proves("C121")
async def test_a_body_longer_than_it_says_is_400_and_the_connection_closed(door: Door) -> None:
    body = command()
    headers = {"Content-Type": FORM, "Content-Length": str(len(body) - 5)} | sign(body)
    answer = await door.exchange([head(headers) + body])
    assert (answer.status, answer.is_closed) == (400, True)
    assert door.heard == []


@pytest.mark.proves("C121")
async def test_length_and_chunks_together_are_refused(door: Door) -> None:
    """Two readers of one request would see two bodies."""
    body = command()
    headers = {"Content-Length": str(len(body)), "Transfer-Encoding": "chunked"} | sign(body)
    assert (await door.exchange([head(headers) + body])).status == 400
    assert door.heard == []


async def test_chunks_over_the_cap_are_refused_without_reading_on(door: Door) -> None:
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    headers = {"Content-Type": FORM, "Transfer-Encoding": "chunked"}
    pieces = [head(headers), *([piece] * (BODY_MAX_BYTES // 0x10000 + 1))]
    assert (await door.exchange(pieces)).status == 413


async def test_a_body_that_trickles_is_cut_off(door: Door) -> None:
    headers = {"Content-Type": FORM, "Content-Length": "1000"}
    answer = await door.exchange([head(headers), b"x", b"x"])
    assert (answer.status, answer.is_closed) == (400, True)
    assert door.edge.refused == {"slow_body": 1}


async def test_a_client_that_leaves_in_the_middle_is_forgotten(door: Door) -> None:
    headers = {"Content-Type": FORM, "Content-Length": "1000"}
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(head(headers) + b"x")
    await writer.drain()
    writer.transport.abort()
    del reader
    assert (await door.send(command())).status == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/slack/events"), ("POST", "/"), ("PUT", "/x")]
)
async def test_nothing_else_is_served(door: Door, method: str, path: str) -> None:
    answer = await door.send(command(), method=method, path=path)
    assert answer.status in (404, 405)
    assert door.heard == []


def test_a_door_without_a_secret_does_not_open() -> None:
    app = AsyncApp(token="xoxb-1", signing_secret="x")
    for secrets in ((), ("",), ("good", "")):
        with pytest.raises(ValueError, match="without a signing secret"):
            HttpEdge(app, secrets=secrets, now=lambda: NOW)


@pytest.mark.proves("O7")
async def test_a_refusal_is_logged_without_what_was_sent(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="bot.http")
    body = command("my secret reason")
    await door.send(body, {"X-Slack-Signature": "v0=canary"} | length(body))
    assert "refused a delivery: missing_signature" in caplog.text
    assert "secret reason" not in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.proves("M2")
async def test_the_sandbox_delivers_by_signed_http(slack: SandboxSlack) -> None:
    """Slack's own framing of commands, clicks and events, by the other implementation."""
    door, runner = await open_door(slack)
    door.edge._secrets = (slack.signing_secret.encode(),)
    door.edge._now = lambda: slack.core.now().timestamp()
    slack.http_target = f"http://127.0.0.1:{door.port}"
    try:
        delivery = await slack.person("yamada").command("C0OPS", "/jit 理由：再起動")
        await slack.person("alice").mention("C0OPS", "<@BOT> status")
    finally:
        await runner.cleanup()
    assert delivery.acked
    assert [body.get("text", "event") for body in door.heard] == ["理由：再起動", "event"]
