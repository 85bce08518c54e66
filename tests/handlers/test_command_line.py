"""What people type after /jit, in every shape it was seen in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.verdict import Refusal
from approvals.window import parse_window
from handlers.command_line import VERBS, CommandLine, Verb, format_like, format_line, parse
from handlers.line_words import HIDDEN, LINE_MAX
from handlers.mentions import unescaped

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")
FULL = CommandLine(
    Verb.ASK,
    vm="web-01",
    ports=("22",),
    window="2h",
    source="203.0.113.7",
    reason="deploy fix",
)


def understood(text: str) -> CommandLine:
    """What was read, without the line itself."""
    return replace(parse(text), typed="")


@pytest.mark.proves("A1", "N2")
@pytest.mark.parametrize(
    "text",
    [
        "web-01 22 2h from 203.0.113.7 because deploy fix",
        "web-01 22 for 2h from 203.0.113.7 because deploy fix",
        "open web-01 22 2h from 203.0.113.7 because deploy fix",
        "申請 web-01 22 2h from 203.0.113.7 理由：deploy fix",
        "web-01 2h 22 203.0.113.7 because deploy fix",
        "  web-01   22\t2h from 203.0.113.7\nbecause   deploy fix  ",
        "web-01 port 22 for 2h from: 203.0.113.7 reason: deploy fix",
        'web-01 22 because "deploy fix" 2h from 203.0.113.7',
        "web-01、22、2h、203.0.113.7から、理由：deploy fix",
        "web-01 22 2h 203.0.113.7 から 理由 deploy fix",
        "web-01 ポート 22 2h 接続元：203.0.113.7 理由:deploy fix",
        "web-01 22 2h source 203.0.113.7 BECAUSE deploy fix",
    ],
)
def test_one_wish_in_many_words(text: str) -> None:
    assert understood(text) == FULL


@pytest.mark.proves("C001")
@pytest.mark.parametrize(
    "quoted",
    [
        "“deploy fix”",
        "‘deploy fix’",
        "„deploy fix“",
        "„deploy fix”",
        "「deploy fix」",
        "『deploy fix』",
        "«deploy fix»",
        '"deploy fix"',
        "'deploy fix'",
        "＂deploy fix＂",
    ],
)
def test_every_pair_of_quotes_is_taken_off_the_reason(quoted: str) -> None:
    for text in (
        f"web-01 22 for 2h because {quoted}",
        f"web-01 22 理由{quoted} 2h",
        f"web-01 22 2h 理由：{quoted}",
    ):
        line = understood(text)
        assert (line.reason, line.window, line.unknown) == ("deploy fix", "2h", ())


@pytest.mark.proves("C001")
@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("don’t panic", "don’t panic"),
        ("don't panic", "don't panic"),
        ("it's 5 o'clock", "it's 5 o'clock"),
        ("'tis broken", "'tis broken"),
        ("the users' disk", "the users' disk"),
        ('"say “hi” now"', "say “hi” now"),
        ("“unclosed", "“unclosed"),
        ("「閉じない", "「閉じない"),
        ("because of that", "because of that"),
        ("２２ を 開けて", "２２ を 開けて"),
    ],
)
def test_the_reason_keeps_its_own_characters(typed: str, reason: str) -> None:
    assert understood(f"web-01 22 2h because {typed}").reason == reason


@pytest.mark.proves("C050", "N2")
def test_ideographic_spaces_and_full_width_characters() -> None:
    assert understood("web-01\u300022\u30002h") == CommandLine(
        Verb.ASK, vm="web-01", ports=("22",), window="2h"
    )
    line = understood("web-01 ２２ for ２時間 from ２０３．０．１１３．７")
    assert (line.ports, line.window, line.source) == (("22",), "2時間", "２０３．０．１１３．７")
    assert understood("ｌｉｓｔ ２") == CommandLine(Verb.LIST, page=2)


@pytest.mark.proves("C051")
def test_pasted_spaces_separate_and_hidden_characters_are_dropped_and_named() -> None:
    assert understood("web-01\u00a022 for 1h").ports == ("22",)
    assert understood("\u200bweb-01 22") == CommandLine(
        Verb.ASK, vm="web-01", ports=("22",), hidden=(1,)
    )
    assert understood("web-\u200b01 22").hidden == (5,)
    assert understood("web-01 22\u2060") == CommandLine(
        Verb.ASK, vm="web-01", ports=("22",), hidden=(10,)
    )
    assert understood("web-01 22 \u200bbecause fix").reason == "fix"
    reason = understood("web-01 22 2h because a\u200bb")
    assert (reason.reason, reason.hidden) == ("a\u200bb", ())


@pytest.mark.proves("A7", "N2")
@pytest.mark.parametrize(
    "typed",
    [
        "90m", "1h30m", "1h 30m", "2 hours", "2 hours and 30 minutes", "2h30m", "1.5h", "PT2H",
        "half an hour", "an hour", "2時間", "2時間30分", "2 時間 30 分", "2時間半", "90分",
        "９０分",
        "until 18:00", "until 6 pm", "until 6pm", "till 18:00", "until tomorrow 9:00",
        "until 2026-11-26 18:00", "until 2026-11-26 6 pm", "18時まで", "18時 まで", "18:00まで",
        "18時30分まで", "明日18時まで", "明日 18時まで", "明日の 18時 まで", "午後6時まで",
        "until 2026-11-26t01:30+09:00",
    ],
)  # fmt: skip
def test_every_way_to_say_how_long_reaches_the_policy_whole(typed: str) -> None:
    line = understood(f"web-01 22 {typed} because fix")
    assert (line.vm, line.ports, line.reason, line.unknown) == ("web-01", ("22",), "fix", ())
    assert line.window is not None
    read = parse_window(line.window, now=NOW, tz=TOKYO)
    assert not isinstance(read, Refusal)
    assert read == parse_window(typed, now=NOW, tz=TOKYO) or typed in ("2 hours and 30 minutes",)


@pytest.mark.proves("A7")
def test_a_time_without_until_is_refused_with_what_was_meant() -> None:
    line = understood("web-01 22 18:00 because fix")
    assert (line.window, line.source) == ("18:00", None)
    refusal = parse_window("18:00", now=NOW, tz=TOKYO)
    assert isinstance(refusal, Refusal)
    assert refusal.nearest == "until 18:00"


@pytest.mark.proves("A4")
@pytest.mark.parametrize(
    ("typed", "ports"),
    [
        ("22", ("22",)),
        ("22,8443", ("22", "8443")),
        ("22, 8443", ("22", "8443")),
        ("22 8443", ("22", "8443")),
        ("22、8443", ("22", "8443")),
        ("22と8443", ("22", "8443")),
        ("ssh", ("ssh",)),
        ("SSH,RDP", ("ssh", "rdp")),
        ("22/tcp", ("22/tcp",)),
        ("ports 22 and 8443", ("22", "8443")),
        ("kubernetes", ("kubernetes",)),
        ("99999", ("99999",)),
    ],
)
def test_ports(typed: str, ports: tuple[str, ...]) -> None:
    line = understood(f"web-01 {typed} 2h because fix")
    assert (line.ports, line.unknown) == (ports, ())


@pytest.mark.parametrize(
    "address", ["203.0.113.7/32", "2001:db8::1", "::ffff:203.0.113.7", "*", "any"]
)
def test_an_address_is_known_without_from(address: str) -> None:
    assert understood(f"web-01 22 2h {address} because fix").source == address


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("web-01 22 2h becuase fix", ["becuase", "fix"]),
        ("web-01 22 2h from 203.0.113.7 from 198.51.100.1", ["from", "198.51.100.1"]),
        ("web-01 22 2h from", ["from"]),
        ("pending now", ["now"]),
        ("web-01 shh 2h", ["shh"]),
    ],
)
def test_what_is_not_understood_is_kept_with_its_place(text: str, unknown: list[str]) -> None:
    line = understood(text)
    assert [word.typed for word in line.unknown] == unknown
    first = line.unknown[0]
    assert text[first.position - 1 :].startswith(first.typed) or text.count(first.typed) > 1


@pytest.mark.proves("A2")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", CommandLine(Verb.FORM)),
        (" \u3000 ", CommandLine(Verb.FORM)),
        ("open", CommandLine(Verb.FORM)),
        ("web-01", CommandLine(Verb.ASK, vm="web-01")),
        ("web-01 22", CommandLine(Verb.ASK, vm="web-01", ports=("22",))),
        ("because deploy fix", CommandLine(Verb.FORM, reason="deploy fix")),
        ('"my vm" 22', CommandLine(Verb.ASK, vm="my vm", ports=("22",))),
    ],
)
def test_an_incomplete_line(text: str, line: CommandLine) -> None:
    assert understood(text) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("list", CommandLine(Verb.LIST)),
        ("list web 2", CommandLine(Verb.LIST, vm="web", page=2)),
        ("一覧", CommandLine(Verb.LIST)),
        ("mine", CommandLine(Verb.MINE)),
        ("mine 3", CommandLine(Verb.MINE, page=3)),
        ("pending", CommandLine(Verb.PENDING)),
        ("active 2", CommandLine(Verb.ACTIVE, page=2)),
        ("show 1042", CommandLine(Verb.SHOW, request_id="1042")),
        ("show #1042", CommandLine(Verb.SHOW, request_id="1042")),
        ("SHOW １０４２", CommandLine(Verb.SHOW, request_id="1042")),
        ("approve 1042", CommandLine(Verb.APPROVE, request_id="1042")),
        ("承認 1042", CommandLine(Verb.APPROVE, request_id="1042")),
        ("approve", CommandLine(Verb.APPROVE)),
        ("approve 1042 for 1h 22", CommandLine(
            Verb.APPROVE, request_id="1042", window="1h", ports=("22",))),
        ("approve 2 hours", CommandLine(Verb.APPROVE, window="2hours")),
        ("approve 30m", CommandLine(Verb.APPROVE, window="30m")),
        ("deny 1042 because alert is open", CommandLine(
            Verb.DENY, request_id="1042", reason="alert is open")),
        ("却下 1042 理由：アラートが未解決", CommandLine(
            Verb.DENY, request_id="1042", reason="アラートが未解決")),
        ("cancel 1042", CommandLine(Verb.CANCEL, request_id="1042")),
        ("done 1042", CommandLine(Verb.DONE, request_id="1042")),
        ("extend 1042 1h", CommandLine(Verb.EXTEND, request_id="1042", window="1h")),
        ("extend 1h", CommandLine(Verb.EXTEND, window="1h")),
        ("延長 1042 1時間", CommandLine(Verb.EXTEND, request_id="1042", window="1時間")),
        ("revoke 1042 because work is done", CommandLine(
            Verb.REVOKE, request_id="1042", reason="work is done")),
        ("retry 1042", CommandLine(Verb.RETRY, request_id="1042")),
        ("status", CommandLine(Verb.STATUS)),
        ("history", CommandLine(Verb.HISTORY)),
        ("history 2", CommandLine(Verb.HISTORY, page=2)),
        ("history web-01", CommandLine(Verb.HISTORY, vm="web-01")),
        ("history web-01 2", CommandLine(Verb.HISTORY, vm="web-01", page=2)),
        ("history <@U0ALICE|alice>", CommandLine(Verb.HISTORY, person="U0ALICE")),
        ("history <@U0ALICE> 2", CommandLine(Verb.HISTORY, person="U0ALICE", page=2)),
        ("履歴 @yamada", CommandLine(Verb.HISTORY, person="yamada")),
        ("help", CommandLine(Verb.HELP)),
        ("? deny", CommandLine(Verb.HELP, vm="deny")),
    ],
)  # fmt: skip
def test_every_verb(text: str, line: CommandLine) -> None:
    assert understood(text) == line


@pytest.mark.parametrize("number", ["0", "01", "-1", "1" * 13, "١٠٤٢", "1042.3"])
def test_what_is_no_number_of_a_request(number: str) -> None:
    assert understood(f"approve {number}").request_id is None


def test_slacks_escapes_are_undone_once() -> None:
    assert unescaped("a &amp; b &lt;c&gt; &amp;lt; &copy;") == "a & b <c> &lt; &copy;"


# --- any text, and back ---

AWKWARD = st.sampled_from(
    [*VERBS, "because", "理由：", "from", "until", "for", "まで", "から", "、", "2h", "22", "18時",
     "“", "”", "「", "」", "'", '"', "p", ",", "*", "<@U0ALICE>", "@", "#", *HIDDEN,
     "\u3000", "\x00"]
)  # fmt: skip


@pytest.mark.proves("FAULT-6")
@given(st.one_of(st.text(), st.lists(AWKWARD, max_size=12).map(" ".join),
                 st.lists(AWKWARD, max_size=12).map("".join)))  # fmt: skip
def test_no_text_raises(text: str) -> None:
    line = parse(text)
    assert line.page >= 1
    assert all(0 < place <= len(text) for place in line.hidden)
    assert all(0 < word.position <= len(text) for word in line.unknown)
    format_line(line)


@pytest.mark.parametrize("text", ["a" * 100_000, "“" * 20_000, "1h" * 20_000, "because " * 9_000])
def test_a_line_without_end_is_cut(text: str) -> None:
    line = parse(text)
    assert len(line.reason or "") <= LINE_MAX


_names = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,20}[A-Za-z0-9]", fullmatch=True)
_words = st.text(
    st.characters(blacklist_categories=["C", "Z"], blacklist_characters="、，"),
    min_size=1,
    max_size=20,
)
_reasons = (
    st.lists(st.text(st.characters(blacklist_categories=["C", "Z"]), min_size=1), min_size=1)
    .map(" ".join)
    .filter(lambda text: not any(char in text for char in '"“”＂'))
    .filter(lambda text: text == text.strip("、，").strip())
)
_windows = st.sampled_from(
    ["2h", "1h30m", "90m", "2時間", "until 18:00", "until 2026-11-25 18:00", "18時まで",
     "until 2026-11-25T01:30+09:00"]
)  # fmt: skip
_ports = st.lists(
    st.integers(1, 65_535).map(str) | st.sampled_from(["ssh", "rdp", "winrm"]), max_size=4
).map(tuple)
_addresses = st.ip_addresses().map(str)


@st.composite
def lines(draw: st.DrawFn) -> CommandLine:
    verb = draw(st.sampled_from([Verb.ASK, Verb.LIST, Verb.MINE, Verb.SHOW, Verb.APPROVE, Verb.DENY,
                                 Verb.EXTEND, Verb.HISTORY, Verb.REVOKE]))  # fmt: skip
    page = draw(st.integers(1, 9_999))
    number = draw(st.integers(1, 10**12 - 1).map(str))
    window, ports = draw(st.none() | _windows), draw(_ports)
    reason = draw(st.none() | _reasons)
    match verb:
        case Verb.ASK:
            return CommandLine(
                verb, vm=draw(_names), ports=ports, window=window, reason=reason,
                source=draw(st.none() | _addresses), ticket=draw(st.none() | _names),
            )  # fmt: skip
        case Verb.LIST:
            return CommandLine(verb, vm=draw(st.none() | _names), page=page)
        case Verb.MINE:
            return CommandLine(verb, page=page)
        case Verb.HISTORY:
            return CommandLine(verb, person=draw(st.none() | _names), page=page)
        case Verb.APPROVE | Verb.EXTEND:
            return CommandLine(verb, request_id=number, ports=ports, window=window)
        case _:
            return CommandLine(verb, request_id=number, reason=reason)


@pytest.mark.proves("A1", "N2")
def test_a_correction_is_in_the_words_that_were_typed() -> None:
    line = CommandLine(
        Verb.ASK, vm="web-01", ports=("ssh",), window="3h", source="203.0.113.7", reason="修正"
    )
    japanese = "/jit web-01 ssh 3時間 203.0.113.7から 理由：修正"
    assert format_like(line, "5時間") == japanese
    assert format_like(replace(line, window="1h30m"), "90分") == japanese.replace(
        "3時間", "1時間30分"
    )
    assert format_like(line, "5h") == "/jit web-01 ssh 3h from 203.0.113.7 because 修正"


@pytest.mark.proves("A1", "N2")
@given(lines())
def test_a_japanese_correction_means_the_same(line: CommandLine) -> None:
    suggested = understood(format_like(line, "理由").removeprefix("/jit "))
    assert replace(suggested, window=None) == replace(line, window=None)


@pytest.mark.proves("A1")
@given(lines())
def test_what_we_suggest_is_understood_as_we_meant_it(line: CommandLine) -> None:
    suggested = format_line(line)
    assert suggested.startswith("/jit ")
    assert understood(suggested.removeprefix("/jit ")) == line
