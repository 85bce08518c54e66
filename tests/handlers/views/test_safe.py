"""Foreign text: bounded by Slack's count, visible, inert."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.views import blocks, safe
from tests.handlers.views.checks import texts

ANY_TEXT = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from("<>&*_~`|:@#!\n\r\t\0\\\u202e\u2066\u200d\ufe0f🇯🇵👨👩👧が゙\ud800"),
    ),
    max_size=300,
)


@pytest.mark.proves("C020")
@given(ANY_TEXT, st.integers(min_value=2, max_value=120))
def test_cut_stays_within_the_limit_and_is_never_empty(text: str, limit: int) -> None:
    for made in (safe.cut(text, limit), safe.cut_middle(text, limit), safe.plain(text, limit)):
        assert 0 < safe.length(made) <= limit
        assert made.strip()


@pytest.mark.proves("C020")
@given(ANY_TEXT, st.integers(min_value=8, max_value=60))
def test_escaped_text_is_cut_after_escaping_and_never_inside_an_entity(
    text: str, limit: int
) -> None:
    made = safe.escape_mrkdwn(text, limit)
    assert safe.length(made) <= limit
    assert "<" not in made
    assert ">" not in made
    assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt);)*", made, re.DOTALL)


@pytest.mark.proves("C020")
@pytest.mark.parametrize(
    ("text", "limit", "wanted"),
    [
        ("a" * 10, 10, "a" * 10),
        ("a" * 11, 10, "a" * 9 + "…"),
        ("👍👍👍", 4, "👍…"),
        ("aé" + "\u0301" * 3 + "b", 4, "a…"),
        ("ab👨\u200d👩\u200d👧", 6, "ab…"),
        ("x🇯🇵🇺🇸", 6, "x🇯🇵…"),
        ("x🇯🇵🇺🇸", 5, "x…"),
        ("", 5, "—"),
        (" \n ", 5, "—"),
    ],
)
def test_cut_examples(text: str, limit: int, wanted: str) -> None:
    assert safe.cut(text, limit) == wanted


def test_entity_is_not_cut() -> None:
    assert safe.escape_mrkdwn("abc<def", 6) == "abc…"


@pytest.mark.proves("C116")
def test_labels_with_one_long_prefix_stay_different() -> None:
    prefix = "vm-" + "x" * 90
    first, second = safe.label(f"{prefix}-blue-1"), safe.label(f"{prefix}-blue-2")
    assert first != second
    assert safe.length(first) <= 75
    assert first.endswith("-blue-1")


@pytest.mark.proves("C096")
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("invoice\u202egpj.exe", "invoice[U+202E]gpj.exe"),
        ("from \u2066203.0.113.7\u2069", "from [U+2066]203.0.113.7[U+2069]"),
        ("name\u202e", "name[U+202E]"),
        ("مرحبا שלום", "مرحبا שלום"),
        ("a\0b", "ab"),
        ("a\x07b\x9bc", "a\ufffdb\ufffdc"),
    ],
)
def test_controls_are_visible_and_letters_stay(text: str, wanted: str) -> None:
    assert safe.plain(text, 100) == wanted
    assert safe.escape_mrkdwn(text) == wanted


@pytest.mark.proves("C077", "O4")
@pytest.mark.parametrize("text", ["```\n<!channel>", "C:\\Projects\\*", "C:\\", "a`b``c"])
def test_code_block_is_never_closed_by_its_content(text: str) -> None:
    [shown] = texts(blocks.preformatted(text))
    assert "``" not in shown
    assert shown.count("\\") == text.count("\\")


@pytest.mark.proves("C077", "O4")
@pytest.mark.parametrize("text", ["```<!channel>", "C:\\", "`x`", "a\nb"])
def test_code_in_a_sentence_has_two_back_ticks(text: str) -> None:
    made = safe.code(text)
    assert made.count("`") == 2
    assert "\n" not in made
    assert "<" not in made
    assert made.count("\\") == text.count("\\")


@pytest.mark.proves("C113")
def test_link_label_is_one_line_without_marks() -> None:
    made = safe.link_label("Suspicious process\non *web-01* <a|b> & _c_")
    assert made == "Suspicious process on web-01 &lt;ab&gt; &amp; c"


@pytest.mark.proves("O4", "FAULT-28")
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("*bold*", "∗bold∗"),
        ("_it_ but a_b", "＿it＿ but a_b"),
        ("~x~ `y`", "∼x∼ ˋyˋ"),
        (":warning: 12:30", "∶warning: 12:30"),
        ("a\n> quote", "a &gt; quote"),
    ],
)
def test_marks_are_inert_in_mrkdwn(text: str, wanted: str) -> None:
    assert safe.escape_mrkdwn(text) == wanted


@pytest.mark.proves("C124")
def test_bytes_that_came_are_shown_as_they_came() -> None:
    decomposed = unicodedata.normalize("NFD", "ガード")
    assert safe.plain(decomposed, 50) == decomposed
    assert safe.echo(decomposed, 50) == decomposed


@pytest.mark.proves("C019")
def test_a_message_keeps_its_total_below_what_slack_refuses() -> None:
    long = [blocks.section("x" * 2_900) for _ in range(10)]
    button = blocks.actions(blocks.button("Approve", "jit_approve", "1.1"))
    made = blocks.message("text", blocks.section("*headline*"), *long, button)
    assert blocks.text_total(made.blocks) <= safe.MAX_MESSAGE_TEXT
    assert made.blocks[0]["text"]["text"] == "*headline*"  # type: ignore[index]
    assert made.blocks[-1]["type"] == "actions"


@pytest.mark.proves("C073")
def test_fallback_is_short_whatever_comes() -> None:
    assert safe.length(blocks.message("🙂" * 5_000, blocks.section("x")).text) <= 1_000


@pytest.mark.proves("C088")
def test_a_token_in_a_fallback_becomes_what_a_person_can_read() -> None:
    token = "<!date^1795598040^{date_short_pretty} {time}|2026-11-25 18:14 JST>"
    assert blocks.message(f"by {token}.", blocks.section("x")).text == "by 2026-11-25 18:14 JST."
