"""Logs hold one JSON object a line, and nothing in them opens anything."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import logs

SECRET = "Zx9-canary/ü:'\"\\secret"
log = logging.getLogger("bot.tests")

#: What must be left of none of the texts below.
SECRET_PARTS = (
    "123456789", "Mi0yLTEy", "My0xLTEy", "abcdefghijkl", "eyJhb", "hunter22", "p@ss", "ss@word",
    "T0/1", "12345-abc", "opaque-value", "abc%2Fdef", "123-abcdef",
)  # fmt: skip


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What is written after `configure`; the root logger is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    logs.configure(secrets=[SECRET], level="DEBUG", stream=written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def lines(stream: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_who_and_what(stream: io.StringIO) -> None:
    log.warning("outbox %s: %s", "C0OPS", "暇")
    (line,) = lines(stream)
    assert (line["level"], line["logger"], line["message"]) == (
        "warning",
        "bot.tests",
        "outbox C0OPS: 暇",
    )
    assert line["at"].endswith("+00:00")
    assert "trace" not in line


def test_the_trace_of_a_click_is_in_every_line_of_its_work(stream: io.StringIO) -> None:
    token = logs.trace.set("abc123")
    log.info("opening")
    logs.trace.reset(token)
    log.info("something else")
    assert [line.get("trace") for line in lines(stream)] == ["abc123", None]


@pytest.mark.proves("O7")
@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps({"secret": SECRET}),
        json.dumps({"secret": SECRET}, ensure_ascii=False),
        repr({"secret": SECRET}),
        f"https://example.com/?token={quote(SECRET, safe='')}&x=1",
    ],
)
def test_a_known_secret_is_gone_in_every_spelling(stream: io.StringIO, text: str) -> None:
    log.error(text)
    log.error("%s", text)
    log.error("%(it)s", {"it": text})
    written = stream.getvalue()
    assert "canary" not in written
    assert written.count(logs.REDACTED) >= 3


@pytest.mark.proves("O7")
@pytest.mark.parametrize(
    "text",
    [
        "xoxb-123456789-abcdef",
        "xoxe.xoxp-1-Mi0yLTEyMzQ1",
        "xoxe-1-My0xLTEyMzQ1Njc4",
        "xapp-1-A0SEKISHO-123-abcdef",
        "Authorization: Bearer abcdefghijklmnop",
        "authorization: bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig",
        "redis://:hunter22@10.0.0.1:6379/0",
        "rediss://user:p@ss@word@host",
        "https://hooks.slack.com/commands/T0/1/abc",
        "wss://wss-primary.slack.com/link/?ticket=12345-abc&app_id=1",
        '{"access_token": "opaque-value", "expires_in": 3599}',
        "client_secret=hunter22&grant_type=client_credentials",
        "https://x.blob.core.windows.net/a?sv=1&sig=abc%2Fdef",
    ],
)
def test_what_looks_like_a_secret_is_gone(stream: io.StringIO, text: str) -> None:
    log.error("failed: %s", text)
    (line,) = lines(stream)
    for part in SECRET_PARTS:
        assert part not in line["message"]


@pytest.mark.parametrize(
    "text", ["a bearer of news", "https://example.com/a:b", "user@example.com", "10:30 @alice"]
)
def test_ordinary_words_stay(stream: io.StringIO, text: str) -> None:
    log.info("%s", text)
    assert lines(stream)[0]["message"] == text


@pytest.mark.proves("O7")
def test_tracebacks_are_cleaned_with_all_their_causes(stream: io.StringIO) -> None:
    try:
        try:
            raise ValueError(f"bad key {SECRET}")
        except ValueError as error:
            raise RuntimeError("Bearer abcdefghijklmnop") from error
    except RuntimeError:
        log.exception("it failed with %s", SECRET, stack_info=True)
    (line,) = lines(stream)
    assert "RuntimeError" in line["error"]
    assert "ValueError" in line["error"]
    assert "canary" not in stream.getvalue()
    assert "abcdefghijklmnop" not in stream.getvalue()


def test_a_wrong_log_call_is_still_a_line(stream: io.StringIO) -> None:
    log.error("%s and %s", "one")
    log.error("%d", "no number")
    assert [line["level"] for line in lines(stream)] == ["error", "error"]


@pytest.mark.proves("O4")
@pytest.mark.parametrize(
    "text",
    [
        'x\n{"level": "info", "message": "approved"}',
        "x\r\nforged",
        "x\u2028forged\u2029again\x85more\x0b\x0c\x1c\x1d\x1e",
        "\x1b[2J\x1b]0;title\x07",
        "\x9b31m",
        "invoice\u202egpj.exe",
        "lone \ud800 surrogate",
    ],
)
def test_no_text_can_start_a_line_or_move_a_cursor(stream: io.StringIO, text: str) -> None:
    log.info("reason: %s", text)
    written = stream.getvalue()
    assert len(written.splitlines()) == 1
    assert json.loads(written)["message"] == f"reason: {text}"
    assert all(char == "\n" or char.isprintable() for char in written)
    assert written.encode()


@pytest.mark.proves("O4", "O7")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    before=st.text(max_size=30),
    after=st.text(max_size=30),
    secret=st.text(min_size=logs.SECRET_MIN, max_size=30).filter(
        lambda text: len(text.strip()) >= logs.SECRET_MIN and text.strip() not in logs.REDACTED
    ),
)
def test_any_text_is_one_line_and_no_secret_is_in_it(before: str, after: str, secret: str) -> None:
    secret = secret.strip()
    redactor = logs.Redactor([secret])
    record = log.makeRecord("bot", logging.INFO, "f", 1, "%s", (before + secret + after,), None)
    redactor.filter(record)
    line = logs.JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    json.loads(line)
    cleaned = record.getMessage()
    assert logs.REDACTED in cleaned


def test_libraries_that_log_whole_payloads_are_quiet(stream: io.StringIO) -> None:
    for name in ("azure.core", "slack_sdk.web", "slack_bolt.App", "aiohttp.access"):
        logging.getLogger(name).info("headers: everything")
    assert stream.getvalue() == ""


def test_standard_error_is_where_it_goes_by_itself() -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.configure(secrets=[])
        (handler,) = root.handlers
        assert isinstance(handler, logging.StreamHandler)
        assert handler.stream is sys.stderr
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
