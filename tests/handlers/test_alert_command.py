"""What people type after `/alerts` is understood however they write it, or named as meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.alert_line import (
    AlertLine,
    corrected,
    example,
    format_line,
    id_of,
    near_severity,
    near_verb,
    parse,
)
from handlers.alert_verbs import ABOUT_ONE, VERBS, AlertVerb

ID = "A-7K2Q9ZD"
KEY = "2518770965529163669_f144ee95-a3e5-42da-a279-967d115809aa"


def read(text: str) -> tuple[str, str]:
    line = parse(text)
    return line.verb.value, line.about


@pytest.mark.proves("D13", "K5")
@pytest.mark.parametrize(
    ("typed", "verb", "about"),
    [
        ("", "open", ""),
        ("open", "open", ""),
        ("ＯＰＥＮ", "open", ""),
        ("一覧", "open", ""),
        ("mine", "mine", ""),
        ("自分の担当", "mine", ""),
        ("machine web-01", "machine", "web-01"),
        ("マシン　ｗｅｂ－０１", "machine", "ｗｅｂ－０１"),
        ("on `web-01`", "machine", "web-01"),
        (f"show {ID}", "show", ID),
        (f"表示 {ID}", "show", ID),
        ("show a-7k2q9zd", "show", ID),
        ("show A7K2Q9ZD", "show", ID),
        ("show A-7K2Q9ZO", "show", "A-7K2Q9Z0"),
        ("show Ａ－７Ｋ２Ｑ９ＺＤ", "show", ID),
        (f"show {KEY}", "show", KEY),
        (f"show {KEY[:12]}", "show", KEY[:12]),
        (ID, "show", ID),
        (KEY, "show", KEY),
        (f"`{ID}`", "show", ID),
        (f"take {ID}", "take", ID),
        (f"担当 {ID}", "take", ID),
        (f"progress {ID}", "progress", ID),
        (f"in-progress {ID}", "progress", ID),
        (f"対応中 {ID}", "progress", ID),
        (f"{ID} 担当", "take", ID),
        (f"{ID} を担当", "take", ID),
        ("search powershell 203.0.113.99", "search", "powershell 203.0.113.99"),
        ("検索　ｐｏｗｅｒｓｈｅｌｌ", "search", "powershell"),
        ("search killed because of memory", "search", "killed because of memory"),
        ("muted", "muted", ""),
        ("ミュート", "muted", ""),
        ("help", "help", ""),
        ("?", "help", ""),
        ("使い方", "help", ""),
        ("web-01", "guess", "web-01"),
        ("opne", "guess", "opne"),
        ("show A-7K2Q9ZD # as in the help", "show", ID),
    ],
)
def test_lines_are_read(typed: str, verb: str, about: str) -> None:
    assert read(typed) == (verb, about)


@pytest.mark.proves("D13")
@pytest.mark.parametrize(
    ("typed", "verb", "reason"),
    [
        (f"dismiss {ID} because pen test SEC-298", "dismiss", "pen test SEC-298"),
        (f'dismiss {ID} because "pen test"', "dismiss", "pen test"),
        (f"無視 {ID} 理由：検証のため", "dismiss", "検証のため"),
        (f"resolve {ID} reason: removed", "resolve", "removed"),
        (f"解決 {ID}", "resolve", ""),
    ],
)
def test_reasons_keep_their_words(typed: str, verb: str, reason: str) -> None:
    line = parse(typed)
    assert (line.verb.value, line.about, line.reason) == (verb, ID, reason)


@pytest.mark.proves("D2")
@pytest.mark.parametrize(
    ("typed", "severity", "is_edr", "bad"),
    [
        ("route web-01 high", "high", False, ""),
        ("route web-01 HIGH edr", "high", True, ""),
        ("通知先 web-01 高", "high", False, ""),
        ("route 情報 web-01", "informational", False, ""),
        ("route web-01 med", "medium", False, ""),
        ("route web-01", "", False, ""),
        ("route web-01 hihg", "", False, "hihg"),
    ],
)
def test_routes_are_asked_for_a_machine_and_a_severity(
    typed: str, severity: str, is_edr: bool, bad: str
) -> None:
    line = parse(typed)
    assert (line.about, line.severity) == ("web-01", severity)
    assert (line.is_edr, line.bad_severity) == (is_edr, bad)


@pytest.mark.parametrize(
    ("typed", "days"),
    [
        ("stats", 7),
        ("stats 7d", 7),
        ("stats 30", 30),
        ("統計 ７日間", 7),
        ("stats 2w", 14),
        ("stats 2 weeks", 14),
        ("stats 90d", 90),
        ("stats 91d", None),
        ("stats 0d", None),
        ("stats yesterday", None),
        ("stats 7d please", None),
    ],
)
def test_days_of_figures(typed: str, days: int | None) -> None:
    assert parse(typed).days == days


def test_pages_and_left_over_words_are_told_apart() -> None:
    assert parse("open 2").page == 2
    assert parse("machine web-01 3").page == 3
    assert parse("open tomorrow").rest == ("tomorrow",)
    assert parse(f"resolve {ID} web shell removed").rest == ("web", "shell", "removed")


@pytest.mark.proves("K5")
@pytest.mark.parametrize(
    ("typed", "meant"),
    [("opne", "open"), ("serach", "search"), ("dissmiss", "dismiss"), ("machien", "machine"),
     ("mutd", "muted"), ("検策", None), ("web-01", None), ("xyz", None)],
)  # fmt: skip
def test_near_verbs(typed: str, meant: str | None) -> None:
    found = near_verb(typed)
    assert (found.value if found else None) == meant


def test_near_severities() -> None:
    assert [near_severity(word) for word in ("hihg", "medum", "informatonal", "x")] == [
        "high", "medium", "informational", "",
    ]  # fmt: skip


def test_ids_are_not_names_of_machines() -> None:
    assert [id_of(name) for name in ("web-01", "a-server", "app-03", "db-02", "archive")] == [
        ""
    ] * 5


@pytest.mark.proves("K5")
@pytest.mark.parametrize("verb", [verb for verb in AlertVerb if verb is not AlertVerb.GUESS])
def test_examples_work_when_pasted(verb: AlertVerb) -> None:
    line = parse(example(AlertLine(verb)).removeprefix("/alerts "))
    assert line.verb is verb
    assert not line.rest


@given(st.text(max_size=80))
def test_any_line_is_read_and_what_is_corrected_reads_the_same(typed: str) -> None:
    line = parse(typed)
    assert line.page >= 1
    if line.verb in ABOUT_ONE and id_of(line.about):
        again = parse(corrected(line).removeprefix("/alerts "))
        assert (again.verb, again.about) == (line.verb, line.about)


@given(st.sampled_from(sorted(VERBS)), st.text(max_size=40))
def test_known_words_are_never_guesses(word: str, rest: str) -> None:
    assert parse(f"{word} {rest}").verb is VERBS[word]


def test_a_corrected_reason_is_read_back() -> None:
    line = AlertLine(AlertVerb.DISMISS, about=ID, reason="web shell removed")
    assert parse(format_line(line).removeprefix("/alerts ")).reason == "web shell removed"
