"""Durations, instants, people and lists in both languages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.locales import load
from handlers.locale import Language, Locale, language_of

AT = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)


def locale(language: Language, zone: str = "Asia/Tokyo") -> Locale:
    return Locale(language=language, tz=ZoneInfo(zone), catalogue=load(language))


@pytest.mark.proves("N1")
@pytest.mark.parametrize(
    ("length", "en", "ja"),
    [
        (timedelta(hours=1, minutes=30), "1 hour 30 minutes", "1時間30分"),
        (timedelta(hours=2), "2 hours", "2時間"),
        (timedelta(minutes=1), "1 minute", "1分"),
        (timedelta(days=1, hours=1), "1 day 1 hour", "1日1時間"),
        (timedelta(seconds=45), "45 seconds", "45秒"),
        (timedelta(minutes=5, seconds=59), "5 minutes", "5分"),
        (timedelta(0), "0 minutes", "0分"),
        (timedelta(hours=-1), "0 minutes", "0分"),
    ],
)
def test_durations(length: timedelta, en: str, ja: str) -> None:
    assert locale("en").duration(length) == en
    assert locale("ja").duration(length) == ja


def test_short_durations() -> None:
    length = timedelta(hours=1, minutes=24)
    assert locale("en").short_duration(length) == "1 h 24 min"
    assert locale("ja").short_duration(length) == "1時間24分"


@pytest.mark.proves("C088")
@pytest.mark.parametrize(
    ("zone", "wanted"),
    [
        ("Asia/Tokyo", "2026-11-25 18:30 JST"),
        ("Europe/Berlin", "2026-11-25 10:30 CET"),
        ("America/Sao_Paulo", "2026-11-25 06:30 UTC-03:00"),
        ("Asia/Kathmandu", "2026-11-25 15:15 UTC+05:45"),
        ("UTC", "2026-11-25 09:30 UTC"),
    ],
)
def test_instants_name_their_zone_and_their_token_falls_back_to_them(
    zone: str, wanted: str
) -> None:
    made = locale("en", zone)
    assert made.plain_when(AT) == wanted
    token = made.when(AT)
    assert token == f"<!date^1795599000^{{date_short_pretty}} {{time}}|{wanted}>"
    assert token.count("|") == 1


def test_another_zone_of_the_same_language() -> None:
    made = locale("ja").with_tz(ZoneInfo("UTC"))
    assert made.clock(AT) == "09:30"
    assert made.language == "ja"


def test_days() -> None:
    assert locale("en").day(AT) == "Nov 25"
    assert locale("ja").day(AT) == "11月25日"


@pytest.mark.parametrize(
    ("count", "en", "ja"),
    [
        (1, "<@U0A>", "<@U0A> さん"),
        (2, "<@U0A> and <@U0B>", "<@U0A> さん、<@U0B> さん"),
        (3, "<@U0A>, <@U0B> and <@U0C>", "<@U0A> さん、<@U0B> さん、<@U0C> さん"),
    ],
)
def test_people(count: int, en: str, ja: str) -> None:
    people = ("U0A", "U0B", "U0C")[:count]
    assert locale("en").people(people) == en
    assert locale("ja").people(people) == ja


@pytest.mark.parametrize("actor", ["sekisho", "<!channel>", "U0> <!here", ""])
def test_only_ids_of_people_are_mentioned(actor: str) -> None:
    assert not re.search("<", locale("en").person(actor))


@pytest.mark.proves("C126")
@pytest.mark.parametrize(
    ("of_slack", "wanted"),
    [
        ("ja-JP", "ja"),
        ("ja", "ja"),
        ("ja_JP", "ja"),
        ("en-GB", "en"),
        ("de-DE", "ja"),
        (None, "ja"),
        ("", "ja"),
        (7, "ja"),
    ],
)
def test_the_language_of_slack_or_the_fallback(of_slack: object, wanted: str) -> None:
    assert language_of(of_slack, "ja") == wanted


def test_missing_keys_and_arguments_are_loud() -> None:
    with pytest.raises(KeyError):
        locale("en").text("no.such.key")
    with pytest.raises(KeyError):
        locale("en").text("window.length")
    with pytest.raises(KeyError):
        locale("en").text("home.waits")
    with pytest.raises(KeyError):
        locale("en").plural("window.length", 1, duration="x")


def test_unknown_language_is_loud() -> None:
    with pytest.raises(KeyError):
        load("de")
