"""Examples work when pasted: the parser understands every line of the help."""

from __future__ import annotations

import pytest

from handlers.command_line import Verb, parse
from handlers.locale import Locale
from handlers.views import help


@pytest.mark.proves("K5")
@pytest.mark.parametrize("topic", help.TOPICS)
def test_examples_are_understood(topic: str, locale: Locale) -> None:
    for line in locale.text(f"help.lines.{topic}").splitlines():
        parsed = parse(line.removeprefix("/jit"))
        assert parsed.verb is Verb(topic)
        assert parsed.unknown == ()
        if topic == "ask":
            assert parsed.vm
            assert parsed.ports
            assert parsed.window
            assert parsed.reason


@pytest.mark.proves("K5", "N4")
@pytest.mark.parametrize("key", ["help.see_lines", "help.decide_lines", "help.lines.ask"])
def test_lines_fit_a_phone(key: str, locale: Locale) -> None:
    for line in locale.text(key).splitlines():
        assert len(line) <= 40


@pytest.mark.proves("K5")
def test_all_commands_are_understood(locale: Locale) -> None:
    for key in ("help.see_lines", "help.decide_lines"):
        for line in locale.text(key).splitlines():
            assert (parsed := parse(line.removeprefix("/jit"))).verb is not Verb.ASK
            assert not parsed.unknown, line
