"""How Azure writes instants, durations and ids, and how it reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

#: A body as it goes over the wire; nothing deeper in the sandbox passes one on.
Json = dict[str, Any]

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)
_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)(?:\.\d+)?S)?)?"
)


def instant_text(at: datetime) -> str:
    """With Azure's seven fractional digits."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def parse_instant(text: str) -> datetime | None:
    """None when it is no instant; a missing zone is UTC, digits past microseconds are cut."""
    found = _INSTANT.fullmatch(text.strip())
    if found is None:
        return None
    day, time, fraction, zone = found.groups()
    try:
        return datetime.fromisoformat(
            f"{day}T{time}.{(fraction or '0')[:6]:0<6}{(zone or 'Z').upper()}"
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_duration(text: str) -> timedelta | None:
    """ISO 8601 days to seconds (`PT3H`, `PT0H30M`, `P1D`); None for anything else."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groupdict().values()):
        return None
    try:
        return timedelta(**{unit: int(value) for unit, value in found.groupdict("0").items()})
    except OverflowError:
        return None


def duration_text(duration: timedelta) -> str:
    """`PT3H`, `PT30M`, `P1D`."""
    seconds = int(duration.total_seconds())
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    time = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if n)
    day = f"{days}D" if days else ""
    return f"P{day}T{time}" if time else f"P{day}" if day else "PT0S"


def fold(resource_id: str) -> str:
    """The id as a key: Azure spells one id in several cases."""
    return resource_id.strip().rstrip("/").lower()
