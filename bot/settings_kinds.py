"""The kinds of values that the settings file holds, for its sections (`bot.settings_schema`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from annotated_types import Ge, Le
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from bot import settings_words as words


def ids(*kinds: str) -> Callable[[object], str]:
    return lambda value: words.slack_id(value, *kinds)


def _askers(value: object) -> str:
    return "everyone" if value == "everyone" else words.slack_id(value, "group", "person")


def one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


def between(low: timedelta, high: timedelta) -> Callable[[object], timedelta]:
    def check(value: object) -> timedelta:
        found = words.duration(value)
        if not low <= found <= high:
            raise words.wrong("duration_between", low=low, high=high)
        return found

    return check


Glob = Annotated[str, PlainValidator(words.glob)]
Globs = Annotated[list[Glob], BeforeValidator(one_or_many), Field(min_length=1)]
Name = Annotated[str, PlainValidator(words.name)]
Network = Annotated[IPv4Network | IPv6Network, PlainValidator(words.network)]
Person = Annotated[str, PlainValidator(ids("person"))]
Group = Annotated[str, PlainValidator(ids("group"))]
Member = Annotated[str, PlainValidator(ids("group", "person"))]
Asker = Annotated[str, PlainValidator(_askers)]
Channel = Annotated[str, PlainValidator(ids("channel"))]
Team = Annotated[str, PlainValidator(ids("team"))]
Whole = Annotated[int, BeforeValidator(words.whole)]
Secret = Annotated[str, PlainValidator(words.secret)]
Url = Annotated[str, PlainValidator(words.https_url)]
Zone = Annotated[ZoneInfo, PlainValidator(words.time_zone)]
Subscription = Annotated[str, PlainValidator(words.subscription)]
Guid = Annotated[str, PlainValidator(words.guid)]
TimeOfDay = Annotated[time, PlainValidator(words.time_of_day)]
YesNo = Annotated[bool, BeforeValidator(words.yes_no)]
Language = Literal["en", "ja"]
TcpPort = Annotated[int, BeforeValidator(words.whole), Ge(1), Le(65535)]


class Section(BaseModel):
    """One part of the file: nothing unknown, nothing converted behind one's back."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )
