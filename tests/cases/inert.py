"""What Slack would bring to life in a message: mentions, links, and marks in mrkdwn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.sent import Sent, everything_sent
from tests.stage import Stage

_MARK = re.compile(r"<([@#!][^>]*|https?:[^>]*)>")


def live_marks(sent: Sent) -> Iterator[str]:
    """Mentions and links in the fallback text, in mrkdwn and among rich text's own elements."""
    yield from _MARK.findall(sent.text or "")
    yield from _live(sent.view or sent.blocks)


def _live(part: Any) -> Iterator[str]:
    match part:
        case {"type": "mrkdwn", "text": str(text)}:
            yield from _MARK.findall(text)
        case {"type": "user" | "usergroup" | "broadcast" | "channel" | "link"}:
            yield repr(part)
        case dict():
            for value in part.values():
                yield from _live(value)
        case list():
            for each in part:
                yield from _live(each)
        case _:
            return


def mrkdwn_of(sent: Sent) -> Iterator[str]:
    """Every text whose marks Slack renders."""
    if sent.text:
        yield sent.text
    yield from _mrkdwn(sent.view or sent.blocks)


def _mrkdwn(part: Any) -> Iterator[str]:
    match part:
        case {"type": "mrkdwn", "text": str(text)}:
            yield text
        case dict():
            for value in part.values():
                yield from _mrkdwn(value)
        case list():
            for each in part:
                yield from _mrkdwn(each)
        case _:
            return


def assert_inert(stage: Stage, *injected: str) -> None:
    """None of these parts of a mention or link lives anywhere in what the bot said."""
    for sent in everything_sent(stage.slack):
        for mark in live_marks(sent):
            for part in injected:
                assert part not in mark, f"{sent.where}: <{mark}> is alive"
