"""The words of the settings file: durations, Slack ids, tokens, ports, networks. Checked strictly.

Each function returns the value or raises `Wrong` with the key of a sentence. No sentence holds what
was written: it may be a secret that stands in the wrong place.
"""

from __future__ import annotations

import re
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic_core import PydanticCustomError

from approvals.events import Kind
from approvals.ports import parse_port
from approvals.verdict import Refusal
from approvals.window import parse_length
from defender.resources import InvalidResourceId, bare_subscription_id

#: The widest network that may have a name: a rule for half the internet is no rule.
_WIDEST = {4: 8, 6: 32}

_SLACK_IDS = {
    "person": re.compile(r"[UW][A-Z0-9]{2,20}"),
    "group": re.compile(r"S[A-Z0-9]{2,20}"),
    "channel": re.compile(r"[CG][A-Z0-9]{2,20}"),
    "team": re.compile(r"T[A-Z0-9]{2,20}"),
    "enterprise": re.compile(r"E[A-Z0-9]{2,20}"),
    "app": re.compile(r"A[A-Z0-9]{2,20}"),
}
#: Prefix → what Slack calls such a token.
_TOKENS = {"xoxb-": "bot", "xapp-": "app", "xoxp-": "user", "xoxe.": "rotated"}
_TOKEN = re.compile(r"x(?:oxb|app)-[A-Za-z0-9-]{6,}")
_SIGNING_SECRET = re.compile(r"[A-Za-z0-9_-]{16,128}")
_QUOTES = "\"'`“”‘’「」"
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAME = re.compile(r"[^\W_][\w .-]{0,39}")


#: How `kinds:` of a rule is written. A kind has its line here once it can be asked for.
KINDS = {"jit": Kind.JIT_ACCESS, "jit_policy": Kind.JIT_POLICY}


class Wrong(PydanticCustomError):
    """A word that means nothing, or the wrong thing; `type` is the key of its sentence."""


def wrong(key: str, **args: object) -> Wrong:
    """The sentence is `settings.<key>` in the catalogue; pydantic wants a template, unused."""
    return Wrong(key, key, args)


def duration(value: object) -> timedelta:
    """`30m`, `1h30m`, `4h`, `90日`: always with its unit."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise wrong("duration")
    found = parse_length(value)
    if found is None or found <= timedelta():
        raise wrong("duration")
    return found


def port(value: object) -> int:
    """A number or a name such as `ssh`."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong("port")
    found = parse_port(str(value))
    if isinstance(found, Refusal):
        raise wrong("port")
    return found


def ports(value: object) -> frozenset[int] | None:
    """`any`, or a list of ports; None for any."""
    if value == "any":
        return None
    if not isinstance(value, list) or not value:
        raise wrong("ports")
    return frozenset(port(item) for item in value)


def kinds(value: object) -> frozenset[Kind]:
    """A list of what may be asked for; `jit` is JIT access."""
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(item, str) and item in KINDS for item in listed):
        raise wrong("kinds", kinds=", ".join(KINDS))
    return frozenset(KINDS[str(item)] for item in listed)


def network(value: object) -> IPv4Network | IPv6Network:
    """A network with its prefix length, not wider than a /8 or, for IPv6, a /32."""
    if not isinstance(value, str):
        raise wrong("network")
    try:
        found = ip_network(value.strip(), strict=True)
    except ValueError:
        raise wrong("network") from None
    if found.prefixlen < _WIDEST[found.version]:
        raise wrong("network_wide", widest=_WIDEST[found.version])
    return found


def slack_id(value: object, *kinds: str) -> str:
    """An id of one of the kinds, as Slack shows it under 'Copy ID'."""
    if isinstance(value, str) and any(_SLACK_IDS[kind].fullmatch(value) for kind in kinds):
        return value
    raise wrong(f"id_{'_or_'.join(kinds)}")


def subscription(value: object) -> str:
    """The bare id, from either of its two forms (C038)."""
    if not isinstance(value, str):
        raise wrong("subscription")
    try:
        return bare_subscription_id(value)
    except InvalidResourceId:
        raise wrong("subscription") from None


def token(value: object, prefix: str) -> str:
    """A Slack token without the white space of its file; another kind is named (C079)."""
    text = secret(value)
    if not text.startswith(prefix):
        kind = next((kind for start, kind in _TOKENS.items() if text.startswith(start)), None)
        raise wrong(f"token_is_{kind}" if kind else "token_prefix", prefix=prefix)
    if not _TOKEN.fullmatch(text):
        raise wrong("token_characters", prefix=prefix)
    return text


def signing_secret(value: object) -> str:
    """The app's signing secret, never one of its tokens."""
    text = secret(value)
    if text.startswith(tuple(_TOKENS)):
        raise wrong("signing_secret_is_token")
    if not _SIGNING_SECRET.fullmatch(text):
        raise wrong("signing_secret")
    return text


def secret(value: object) -> str:
    """A secret, trimmed. Quotes around it and letters no header can carry are refused."""
    if not isinstance(value, str):
        raise wrong("secret_type")
    text = value.strip().strip("\ufeff").strip()
    if not text:
        raise wrong("secret_empty")
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        raise wrong("secret_quotes")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise wrong("secret_characters")
    return text


def pattern(value: object) -> str:
    """A regular expression that can't take for ever on a person's ticket number."""
    if not isinstance(value, str) or not value:
        raise wrong("pattern")
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError):
        raise wrong("pattern") from None
    if re.search(r"[*+}]\)*\)[*+{]", value) or re.search(r"\\[1-9]", value):
        raise wrong("pattern_slow")
    return value


def ticket_url(value: object) -> str:
    """An https address with `{ticket}` in it."""
    text = https_url(value, schemes=("https", "http"))
    if text.count("{ticket}") != 1 or "{ticket}" in text.partition("://")[2].partition("/")[0]:
        raise wrong("ticket_url")
    return text


def https_url(value: object, schemes: tuple[str, ...] = ("https",)) -> str:
    """An address without user or password in it."""
    if not isinstance(value, str):
        raise wrong("url", schemes=", ".join(schemes))
    try:
        parts = urlsplit(value.strip())
        is_usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    else:
        if parts.username or parts.password:
            raise wrong("url_user")
    if not is_usable or not value.isprintable() or any(c in value for c in " <>|\"'"):
        raise wrong("url", schemes=", ".join(schemes))
    return value.strip()


def redis_url(value: object) -> str:
    """`embedded:FOLDER`, `redis://`, `rediss://` or `unix://`, database 0."""
    if not isinstance(value, str):
        raise wrong("redis_url")
    text = value.strip()
    try:
        parts = urlsplit(text)
        scheme, path, host = parts.scheme, parts.path, parts.hostname
        parts.port  # noqa: B018 - raises on a port that is none
    except ValueError:
        raise wrong("redis_url") from None
    if scheme == "embedded":
        if not text.partition(":")[2]:
            raise wrong("redis_folder")
        return text
    if scheme not in ("redis", "rediss", "unix") or (scheme != "unix" and not host):
        raise wrong("redis_url")
    named = re.search(r"(?:^|&)db=(\d+)", parts.query)
    database = named[1] if named else "" if scheme == "unix" else path.strip("/")
    if database not in ("", "0"):
        raise wrong("redis_database")
    return text


def time_zone(value: object) -> ZoneInfo:
    """An IANA name such as `Asia/Tokyo`."""
    if isinstance(value, ZoneInfo):
        return value
    try:
        if not isinstance(value, str):
            raise wrong("time_zone")
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise wrong("time_zone") from None


def time_of_day(value: object) -> time:
    """`08:30`, in quotes where YAML would read a number."""
    if isinstance(value, str) and (found := _TIME.fullmatch(value)):
        return time(int(found[1]), int(found[2]))
    raise wrong("time_of_day")


def guid(value: object) -> str:
    """An id such as that of a workspace, lower-cased."""
    if isinstance(value, str) and _GUID.fullmatch(value.strip()):
        return value.strip().lower()
    raise wrong("guid")


def whole(value: object) -> int:
    """A whole number; digits in an environment variable are one too, `true` is not."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong("whole")
    return value


def yes_no(value: object) -> bool:
    """`true` or `false`, as text too where it comes from the environment."""
    if value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise wrong("yes_no")
    return value


def name(value: object) -> str:
    """A name for a rule, a network or a key: letters, digits, space, `.`, `-`, `_`."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise wrong("name")
    return value


def glob(value: object) -> str:
    """A pattern for names: text with `*` and `?`."""
    if not isinstance(value, str) or not value or len(value) > 128:
        raise wrong("glob")
    return value
