"""How long, as people type it: `90m`, `1h30m`, `2時間`, `until 18:00`, `18時まで`."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from approvals.events import Length, Until, Window
from approvals.verdict import Code, Field, Refusal

#: Longer than any address of time is; bounds what the patterns look at.
TYPED_MAX = 64
#: Azure's own limit is a day; more than this is a slip of the finger.
_LENGTH_MAX = timedelta(days=366)

_NUMBER = r"(\d{1,6}(?:\.\d{1,4})?)"
_UNITS: tuple[tuple[str, int], ...] = (
    (r"(?:d|days?|日間?)", 86_400),
    (r"(?:h|hrs?|hours?|時間)", 3_600),
    (r"(?:m|mins?|minutes?|分間?)", 60),
    (r"(?:s|secs?|seconds?|秒間?)", 1),
)
_LENGTH = re.compile("".join(rf"(?:{_NUMBER}\s*{unit}\s*(?:and\s*)?)?" for unit, _ in _UNITS))
_HALF = re.compile(r"(\d{1,6})\s*(時間|日)\s*半")
_ISO = re.compile(r"p(?:(\d{1,3})d)?(?:t(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?)?")
_WORDS = {"half an hour": 1800, "half hour": 1800, "an hour": 3600, "半時間": 1800, "半日": 43_200}
_WORDS |= {"one hour": 3600, "two hours": 7200, "three hours": 10_800}

_UNTIL_BEFORE = re.compile(r"(?:until|till|til|upto|up to)\s*")
_UNTIL_AFTER = re.compile(r"\s*(?:まで|迄)")
_DATE = re.compile(
    r"(?:(?P<day>today|tomorrow|今日|本日|明日)|(?:(?P<year>\d{4})[-/年])?"
    r"(?P<month>\d{1,2})[-/月](?P<of>\d{1,2})日?)\s*(?:の|at|t|,)?\s*"
)
_CLOCK = re.compile(
    r"(?P<before>am|pm|午前|午後)?\s*(?P<hour>\d{1,2})"
    r"(?:(?:\s*:\s*(?P<minute>\d{2})(?::(?P<second>\d{2}))?)"
    r"|(?P<ji>\s*時\s*(?:(?P<minute_ja>\d{1,2})\s*分|(?P<half>半))?))?"
    r"\s*(?P<after>[ap]\.?m\.?)?"
)
_NAMED_CLOCKS = {"noon": "12:00", "正午": "12:00", "midnight": "24:00"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dt\d\d:\d\d(?::\d\d)?(?:z|[+-]\d\d:\d\d)")
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


def parse_window(text: str, *, now: datetime, tz: ZoneInfo) -> Window | Refusal:
    """A length, or the next such instant in `tz`. A bare number is refused with a guess."""
    word = unicodedata.normalize("NFKC", text).translate(_ZERO_WIDTH).casefold()
    word = " ".join(word.split()).removesuffix(".")
    word = re.sub(r"^for ", "", word)
    if not word:
        return Refusal(Code.WINDOW_MISSING, Field.WINDOW)
    if len(word) > TYPED_MAX:
        return _invalid(text)
    until = _until_words(word)
    if until is not None:
        return _parse_until(until, text, now=now, tz=tz)
    seconds = _seconds(word)
    if seconds is None:
        return _invalid(text, _guess(word))
    if seconds < 1:
        return Refusal(
            Code.WINDOW_TOO_SHORT, Field.WINDOW, {"shortest": timedelta(minutes=5)}, "5m"
        )
    if seconds > _LENGTH_MAX.total_seconds():
        return _invalid(text)
    return Length(seconds)


def parse_length(text: str) -> timedelta | None:
    """A length alone (`4h`, `1h30m`, `2時間`), as the settings use it; None for anything else."""
    if len(text) > TYPED_MAX:
        return None
    seconds = _seconds(" ".join(unicodedata.normalize("NFKC", text).casefold().split()))
    if seconds is None or seconds > _LENGTH_MAX.total_seconds():
        return None
    return timedelta(seconds=seconds)


def window_text(window: Window, tz: ZoneInfo) -> str:
    """The window as it would be typed; parsing it again gives the same window."""
    match window:
        case Length():
            return length_text(window.duration)
        case Until():
            return f"until {_instant_text(window.at, tz)}"


def length_text(length: timedelta) -> str:
    """`2h`, `1h30m`, `45m`; days as hours, since no window has more than a few."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{value}{unit}" for value, unit in ((hours, "h"), (minutes, "m"), (seconds, "s"))]
    return "".join(part for part in parts if part[:-1] != "0") or "0m"


def length_at(window: Window, opened_at: datetime) -> timedelta:
    """How long the port is open when it opens at `opened_at` (C104: the clock starts there)."""
    match window:
        case Length():
            return window.duration
        case Until():
            return max(window.at - opened_at, timedelta())


def _instant_text(at: datetime, tz: ZoneInfo) -> str:
    local = at.astimezone(tz)
    is_plain = local.replace(tzinfo=None, fold=0).replace(tzinfo=tz).astimezone(UTC) == at
    seconds = ":%S" if local.second else ""
    if is_plain:
        return local.strftime(f"%Y-%m-%d %H:%M{seconds}")
    # An hour that the clocks run through twice needs its offset.
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def _seconds(word: str) -> int | None:
    """The length in seconds, or None for what is not one."""
    if word in _WORDS:
        return _WORDS[word]
    if half := _HALF.fullmatch(word):
        unit = 3_600 if half[2] == "時間" else 86_400
        return int(half[1]) * unit + unit // 2
    iso = _ISO.fullmatch(word)
    if iso and any(iso.groups()):
        sizes = [size for _, size in _UNITS]
        return sum(int(part) * size for part, size in zip(iso.groups(), sizes, strict=True) if part)
    found = _LENGTH.fullmatch(word)
    if not found or not any(found.groups()) or word.endswith("and"):
        return None
    parts = zip(found.groups(), _UNITS, strict=True)
    return int(sum(float(part) * size for part, (_, size) in parts if part))


def _until_words(word: str) -> str | None:
    """What stands between `until` and the end, or before `まで`; None for a length."""
    if before := _UNTIL_BEFORE.match(word):
        rest = word[before.end() :]
        return _UNTIL_AFTER.sub("", rest)
    after = re.search(rf"{_UNTIL_AFTER.pattern}$", word)
    return word[: after.start()] if after else None


def _parse_until(word: str, typed: str, *, now: datetime, tz: ZoneInfo) -> Window | Refusal:
    if _INSTANT.fullmatch(word):
        return _exact(word, typed, now)
    local_now = now.astimezone(tz)
    day: date | None = None
    if found := _DATE.match(word):
        day = _day(found, local_now.date())
        if day is None:
            return _invalid(typed)
        word = word[found.end() :]
    clock = _clock(_NAMED_CLOCKS.get(word, word))
    if clock is None:
        return _invalid(typed, _guess_clock(word) if day is None else None)
    if day is not None:
        at = _at(day, clock, tz)
        return Until(at) if at > now else _past(at)
    today = local_now.date()
    # Tomorrow's may be past too, in the hour that a change to summer time leaves out.
    for offset in range(3):
        for fold in (0, 1):
            at = _at(today + timedelta(days=offset), clock, tz, fold=fold)
            if at > now:
                return Until(at)
    return _invalid(typed)


def _exact(word: str, typed: str, now: datetime) -> Window | Refusal:
    try:
        at = datetime.fromisoformat(word.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return _invalid(typed)
    return Until(at) if at > now else _past(at)


def _day(found: re.Match[str], today: date) -> date | None:
    if name := found["day"]:
        return today + timedelta(days=1 if name in ("tomorrow", "明日") else 0)
    year = int(found["year"] or today.year)
    try:
        day = date(year, int(found["month"]), int(found["of"]))
        # 1/2 typed on 31 December is next year's.
        is_next_year = not found["year"] and day < today - timedelta(days=180)
        return day.replace(year=year + 1) if is_next_year else day
    except ValueError:
        return None


def _clock(word: str) -> timedelta | None:
    """Time of day as distance from midnight; 24:00 is the midnight to come."""
    found = _CLOCK.fullmatch(word)
    if not found:
        return None
    half_day = found["before"] or (found["after"] or "").replace(".", "")
    if not (found["minute"] or found["ji"] or half_day):
        return None  # `until 18`: an hour, or a day of the month?
    hour = int(found["hour"])
    minute = 30 if found["half"] else int(found["minute"] or found["minute_ja"] or 0)
    second = int(found["second"] or 0)
    if half_day:
        if (found["before"] and found["after"]) or not 0 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half_day in ("pm", "午後") else 0)
    moment = timedelta(hours=hour, minutes=minute, seconds=second)
    is_valid = minute < 60 and second < 60 and moment <= timedelta(days=1)
    return moment if is_valid else None


def _at(day: date, clock: timedelta, tz: ZoneInfo, *, fold: int = 0) -> datetime:
    naive = datetime.combine(day, time()) + clock
    return naive.replace(tzinfo=tz, fold=fold).astimezone(UTC)


def _guess(word: str) -> str | None:
    """What a length without a unit most likely meant."""
    if re.fullmatch(r"\d{1,4}", word):
        number = int(word)
        return f"{number}h" if 1 <= number <= 12 else f"{number}m" if number else None
    if re.fullmatch(r"\d{1,2}\.\d{1,2}", word):
        return length_text(timedelta(minutes=int(float(word) * 60)))
    if short := re.fullmatch(r"([0-5]):([0-5]\d)", word):
        return length_text(timedelta(hours=int(short[1]), minutes=int(short[2])))
    if _clock(word) is not None:
        return f"until {word}" if word.isascii() else f"{word}まで"
    return None


def _guess_clock(word: str) -> str | None:
    found = re.fullmatch(r"\d{1,2}", word)
    return f"until {int(word):02}:00" if found and int(word) <= 24 else None


def _invalid(typed: str, nearest: str | None = None) -> Refusal:
    return Refusal(Code.WINDOW_INVALID, Field.WINDOW, {"typed": typed}, nearest)


def _past(at: datetime) -> Refusal:
    return Refusal(Code.WINDOW_PAST, Field.WINDOW, {"at": at})
