"""How long, as people type it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.events import Length, Until
from approvals.verdict import Code, Refusal
from approvals.window import length_at, length_text, parse_length, parse_window, window_text

TOKYO = ZoneInfo("Asia/Tokyo")
NEW_YORK = ZoneInfo("America/New_York")
#: 10:00 in Tokyo.
NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


def tokyo(day: int, hour: int, minute: int = 0, second: int = 0) -> Until:
    return Until(datetime(2026, 11, day, hour, minute, second, tzinfo=TOKYO))


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("90m", 90),
        ("1h30m", 90),
        ("1h 30m", 90),
        ("2h", 120),
        ("２ｈ", 120),
        ("1.5h", 90),
        ("2 hours", 120),
        ("1 hour and 30 minutes", 90),
        ("for 45 min", 45),
        ("half an hour", 30),
        ("an hour", 60),
        ("1d", 1440),
        ("PT2H", 120),
        ("pt1h30m", 90),
        ("P1D", 1440),
        ("2時間", 120),
        ("２時間", 120),
        ("90分", 90),
        ("90分間", 90),
        ("1時間30分", 90),
        ("2時間半", 150),
        ("半日", 720),
        ("\u200b2h\u2060", 120),
        ("2h.", 120),
    ],
)
@pytest.mark.proves("A7", "C050", "C051", "N2")
def test_a_length(typed: str, minutes: int) -> None:
    assert parse_window(typed, now=NOW, tz=TOKYO) == Length(minutes * 60)


@pytest.mark.parametrize(
    ("typed", "until"),
    [
        ("until 18:00", tokyo(25, 18)),
        ("UNTIL １８：００", tokyo(25, 18)),
        ("till 6pm", tokyo(25, 18)),
        ("til 6:30 p.m.", tokyo(25, 18, 30)),
        ("until noon", tokyo(25, 12)),
        ("until midnight", tokyo(26, 0)),
        ("until 24:00", tokyo(26, 0)),
        ("until 9:00", tokyo(26, 9)),
        ("until 18:00:30", tokyo(25, 18, 0, 30)),
        ("18時まで", tokyo(25, 18)),
        ("１８時まで", tokyo(25, 18)),
        ("18:30まで", tokyo(25, 18, 30)),
        ("18時30分まで", tokyo(25, 18, 30)),
        ("18時半まで", tokyo(25, 18, 30)),
        ("午後6時まで", tokyo(25, 18)),
        ("正午まで", tokyo(25, 12)),
        ("until 18:00まで", tokyo(25, 18)),
        ("明日9時まで", tokyo(26, 9)),
        ("until tomorrow 9:00", tokyo(26, 9)),
        ("11/26 18:00まで", tokyo(26, 18)),
        ("11月26日18時まで", tokyo(26, 18)),
        ("until 2026-11-26 18:00", tokyo(26, 18)),
        ("until 2026-11-25T18:00+09:00", tokyo(25, 18)),
        ("until 2026-11-25T09:00Z", tokyo(25, 18)),
    ],
)
@pytest.mark.proves("A7", "C050", "N2")
def test_an_instant(typed: str, until: Until) -> None:
    found = parse_window(typed, now=NOW, tz=TOKYO)
    assert isinstance(found, Until)
    assert found.at == until.at
    assert found.at.utcoffset() == timedelta()


@pytest.mark.parametrize(
    ("typed", "code", "nearest"),
    [
        ("", Code.WINDOW_MISSING, None),
        (" 　", Code.WINDOW_MISSING, None),
        ("2", Code.WINDOW_INVALID, "2h"),
        ("90", Code.WINDOW_INVALID, "90m"),
        ("2.5", Code.WINDOW_INVALID, "2h30m"),
        ("1:30", Code.WINDOW_INVALID, "1h30m"),
        ("18:00", Code.WINDOW_INVALID, "until 18:00"),
        ("18時", Code.WINDOW_INVALID, "18時まで"),
        ("until 18", Code.WINDOW_INVALID, "until 18:00"),
        ("until 25:00", Code.WINDOW_INVALID, None),
        ("until 18:60", Code.WINDOW_INVALID, None),
        ("until 13pm", Code.WINDOW_INVALID, None),
        ("until 2026-02-30 18:00", Code.WINDOW_INVALID, None),
        ("-1h", Code.WINDOW_INVALID, None),
        ("1h1h", Code.WINDOW_INVALID, None),
        ("999999h", Code.WINDOW_INVALID, None),
        ("2h until 18:00", Code.WINDOW_INVALID, None),
        ("soon", Code.WINDOW_INVALID, None),
        ("0h", Code.WINDOW_TOO_SHORT, "5m"),
        ("until 2026-11-24 18:00", Code.WINDOW_PAST, None),
        ("until today 9:00", Code.WINDOW_PAST, None),
        ("9h" * 100, Code.WINDOW_INVALID, None),
    ],
)
@pytest.mark.proves("A7")
def test_what_is_no_window_is_refused_with_a_guess(
    typed: str, code: Code, nearest: str | None
) -> None:
    found = parse_window(typed, now=NOW, tz=TOKYO)
    assert isinstance(found, Refusal)
    assert (found.code, found.nearest) == (code, nearest)


def test_an_instant_in_the_hour_that_the_clocks_repeat_is_the_next_one() -> None:
    # 1:30 comes at 05:30 and 06:30 UTC on 1 November 2026.
    between = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
    found = parse_window("until 1:30", now=between, tz=NEW_YORK)
    assert found == Until(datetime(2026, 11, 1, 6, 30, tzinfo=UTC))
    assert isinstance(found, Until)
    assert window_text(found, NEW_YORK) == "until 2026-11-01T01:30-05:00"


LONDON, BERLIN = "Europe/London", "Europe/Berlin"


@pytest.mark.proves("FAULT-24", "A7")
@pytest.mark.parametrize(
    ("zone", "now", "typed", "at"),
    [
        # London, 29 March: 01:00 becomes 02:00; there is no 01:30, and its instant is 02:30.
        (LONDON, "2026-03-28T23:00", "until 02:30", "2026-03-29T01:30"),
        (LONDON, "2026-03-28T23:00", "until 01:30", "2026-03-29T01:30"),
        (LONDON, "2026-03-29T00:59", "until 02:30", "2026-03-29T01:30"),
        (LONDON, "2026-03-29T01:31", "until 02:30", "2026-03-30T01:30"),
        # London, 25 October: 02:00 becomes 01:00; 01:30 comes twice, the next one is meant.
        (LONDON, "2026-10-24T23:00", "until 02:30", "2026-10-25T02:30"),
        (LONDON, "2026-10-24T23:00", "until 01:30", "2026-10-25T00:30"),
        (LONDON, "2026-10-25T00:45", "until 01:30", "2026-10-25T01:30"),
        (LONDON, "2026-10-25T01:45", "until 01:30", "2026-10-26T01:30"),
        (LONDON, "2026-10-25T00:45", "until 02:30", "2026-10-25T02:30"),
        # Berlin: 02:30 itself is left out in March and comes twice in October.
        (BERLIN, "2026-03-28T23:00", "until 02:30", "2026-03-29T01:30"),
        (BERLIN, "2026-10-24T23:00", "until 02:30", "2026-10-25T00:30"),
        (BERLIN, "2026-10-25T00:45", "until 02:30", "2026-10-25T01:30"),
        # Tokyo has no summer time: every day is a day.
        ("Asia/Tokyo", "2026-03-28T16:00", "until 02:30", "2026-03-28T17:30"),
        ("Asia/Tokyo", "2026-03-28T17:30", "until 02:30", "2026-03-29T17:30"),
        ("Asia/Tokyo", "2026-10-24T16:00", "2時30分まで", "2026-10-24T17:30"),
        # A day that is named keeps its time of day.
        (LONDON, "2026-03-28T12:00", "until tomorrow 02:30", "2026-03-29T01:30"),
        (LONDON, "2026-10-24T12:00", "until tomorrow 02:30", "2026-10-25T02:30"),
    ],
)
def test_an_instant_on_the_days_when_the_clocks_change(
    zone: str, now: str, typed: str, at: str
) -> None:
    instant, expected = (datetime.fromisoformat(f"{text}+00:00") for text in (now, at))
    found = parse_window(typed, now=instant, tz=ZoneInfo(zone))
    assert found == Until(expected)
    assert isinstance(found, Until)
    again = parse_window(window_text(found, ZoneInfo(zone)), now=instant, tz=ZoneInfo(zone))
    assert again == found


@pytest.mark.proves("FAULT-24")
@pytest.mark.parametrize("night", ["2026-03-29T00:30", "2026-10-25T00:30"])
def test_two_hours_are_two_hours_on_every_night(night: str) -> None:
    found = parse_window("2h", now=datetime.fromisoformat(f"{night}+00:00"), tz=ZoneInfo(LONDON))
    assert found == Length(7200)


@pytest.mark.proves("C104")
def test_a_length_counts_from_the_opening_and_an_instant_stays() -> None:
    opened_at = NOW + timedelta(minutes=40)
    assert length_at(Length(3600), opened_at) == timedelta(hours=1)
    assert length_at(Until(NOW + timedelta(hours=1)), opened_at) == timedelta(minutes=20)
    assert length_at(Until(NOW), opened_at) == timedelta()


@pytest.mark.parametrize(
    ("typed", "length"),
    [("4h", timedelta(hours=4)), ("90日", timedelta(days=90)), ("until 18:00", None), ("8", None)],
)
def test_a_length_in_the_settings_has_its_unit(typed: str, length: timedelta | None) -> None:
    assert parse_length(typed) == length


@given(st.integers(min_value=1, max_value=86_400 * 30))
def test_a_length_is_read_back_as_it_was_written(seconds: int) -> None:
    text = length_text(timedelta(seconds=seconds))
    assert parse_window(text, now=NOW, tz=TOKYO) == Length(seconds)


@given(
    st.datetimes(
        min_value=datetime(2026, 11, 26), max_value=datetime(2030, 1, 1), timezones=st.just(UTC)
    ),
    st.sampled_from([TOKYO, NEW_YORK, ZoneInfo("Europe/London"), ZoneInfo("Asia/Kathmandu")]),
)
def test_an_instant_is_read_back_as_it_was_written(at: datetime, tz: ZoneInfo) -> None:
    until = Until(at.replace(microsecond=0))
    assert parse_window(window_text(until, tz), now=NOW, tz=tz) == until


near_windows = st.text(alphabet="0123456789hmdpt:. まで時間分半年月日until午前後", max_size=30)


@given(st.one_of(st.text(max_size=80), near_windows))
def test_no_text_crashes_the_parser(typed: str) -> None:
    found = parse_window(typed, now=NOW, tz=TOKYO)
    match found:
        case Length(seconds=seconds):
            assert seconds > 0
        case Until(at=at):
            assert at > NOW
        case Refusal(nearest=str(nearest)):
            assert not isinstance(parse_window(nearest, now=NOW, tz=TOKYO), Refusal)
