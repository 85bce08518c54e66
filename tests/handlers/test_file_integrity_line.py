"""`/fim` as people type it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers.file_integrity_line import DAY, LONGEST, Verb, parse

WEEK = timedelta(days=7)


@pytest.mark.proves("E2", "E3")
@pytest.mark.parametrize(
    ("typed", "verb", "name", "since"),
    [
        ("", Verb.LIST, "", DAY),
        ("   ", Verb.LIST, "", DAY),
        ("since 7d", Verb.LIST, "", WEEK),
        ("list since 7d", Verb.LIST, "", WEEK),
        ("web-01", Verb.MACHINE, "web-01", DAY),
        ("Web-01 since 24h", Verb.MACHINE, "Web-01", DAY),
        ("web-01 since 7 days", Verb.MACHINE, "web-01", WEEK),
        ("web-01 過去 7日", Verb.MACHINE, "web-01", WEEK),
        ("web-01 since 90d", Verb.MACHINE, "web-01", LONGEST),
        ("path /etc/passwd", Verb.PATH, "/etc/passwd", DAY),
        ("path /srv/My Files/x since 7d", Verb.PATH, "/srv/My Files/x", WEEK),
        ("パス\u3000/etc/passwd", Verb.PATH, "/etc/passwd", DAY),
        ("path C:\\Windows\\win.ini", Verb.PATH, "C:\\Windows\\win.ini", DAY),
        ("windows", Verb.WINDOWS, "", DAY),
        ("変更作業枠", Verb.WINDOWS, "", DAY),
        ("STATUS", Verb.STATUS, "", DAY),
        ("help", Verb.HELP, "", DAY),
        ("window end w-3", Verb.END, "W-3", DAY),
        ("path", Verb.UNKNOWN, "", DAY),
        ("web-01 since soon", Verb.UNKNOWN, "", DAY),
        ("web-01 web-02", Verb.UNKNOWN, "", DAY),
        ("windows please", Verb.UNKNOWN, "", DAY),
    ],
)
def test_lines(typed: str, verb: Verb, name: str, since: timedelta) -> None:
    line = parse(typed)
    assert (line.verb, line.name, line.since) == (verb, name, since)


@pytest.mark.proves("E6")
@pytest.mark.parametrize(
    ("typed", "name", "window", "reason"),
    [
        ("window web-* 2h because patching", "web-*", "2h", "patching"),
        ("window web-* for 2h because monthly patching", "web-*", "2h", "monthly patching"),
        ("window web-* until 22:00 because x", "web-*", "until 22:00", "x"),
        ("window web-* ２時間 理由：月次パッチ", "web-*", "2時間", "月次パッチ"),
        ("window web-*", "web-*", "", ""),
        ("window", "", "", ""),
    ],
)
def test_change_windows(typed: str, name: str, window: str, reason: str) -> None:
    line = parse(typed)
    assert line.verb is Verb.WINDOW
    assert (line.name, line.window, line.reason) == (name, window, reason)


@pytest.mark.proves("C124")
def test_a_path_keeps_the_letters_as_they_came() -> None:
    assert parse("path /srv/フ\u309aラン").name == "/srv/フ\u309aラン"
