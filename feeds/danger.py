"""How dangerous a changed path is, why, and which kind of thing it is. Pure.

The weights are ours for what gives rights or starts by itself, and those of the settings on top.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from approvals.scope import Globs, compile_globs
from defender.file_change_decode import FileChange

#: From this weight on a change is called dangerous and named on the card.
DANGEROUS_FROM: Final = 50
#: Weights beyond it are as good as this one; the order of rows needs a bound.
WEIGHT_MAX: Final = 1_000


class Why(StrEnum):
    """What such a change can do, in the words of the catalogue."""

    ADMIN_RIGHTS = "admin_rights"
    SIGN_IN_KEYS = "sign_in_keys"
    SIGN_IN = "sign_in"
    ACCOUNTS = "accounts"
    STARTS_AT_SIGN_IN = "starts_at_sign_in"
    STARTS_BY_ITSELF = "starts_by_itself"
    SCHEDULED = "scheduled"
    LOADED = "loaded"
    BOOT = "boot"
    SECRETS = "secrets"
    LISTED = "listed"


class Kind(StrEnum):
    """What a path is, as a card counts it."""

    SYSTEM_BINARY = "system_binary"
    LIBRARY = "library"
    CONFIG = "config"
    SCHEDULE = "schedule"
    KEYS = "keys"
    RUN_KEY = "run_key"
    REGISTRY = "registry"
    SERVICE = "service"
    SOFTWARE = "software"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Danger:
    """0 and no reason for an ordinary change."""

    weight: int = 0
    why: Why | None = None

    @property
    def is_dangerous(self) -> bool:
        return self.weight >= DANGEROUS_FROM


#: Where the administrator of a watched Linux machine is at home.
ROOT_HOME: Final = "/root"

_PATHS: Final = (
    (Why.ADMIN_RIGHTS, 100, ("/etc/sudoers", "/etc/sudoers.d/*", "/etc/polkit-1/*")),
    (Why.SIGN_IN_KEYS, 95, ("*/.ssh/authorized_keys*", "*\\administrators_authorized_keys")),
    (Why.ACCOUNTS, 90, ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow")),
    (Why.LOADED, 90, ("/etc/ld.so.preload", "/etc/ld.so.conf*", "*\\appinit_dlls",
                      "*\\appcertdlls*")),
    (Why.SIGN_IN, 85, ("/etc/pam.d/*", "/etc/ssh/sshd_config*", "*/security/*.so", "*\\winlogon\\*",
                       "*\\lsa\\*", "*\\ssh\\sshd_config")),
    (Why.STARTS_AT_SIGN_IN, 85, ("*\\currentversion\\run\\*", "*\\currentversion\\run",
                                 "*\\currentversion\\runonce*", "*\\runservices*",
                                 "*\\start menu\\*",
                                 "*\\shell folders\\*startup*", "/etc/profile", "/etc/profile.d/*",
                                 *(f"{ROOT_HOME}/{name}" for name in (".bashrc", ".profile")),
                                 "/etc/bash.bashrc")),
    (Why.SCHEDULED, 70, ("/etc/cron*", "/var/spool/cron/*", "*\\system32\\tasks\\*",
                         "*\\schedule\\taskcache\\*")),
    (Why.STARTS_BY_ITSELF, 65, ("/etc/systemd/system/*", "/etc/init.d/*", "/etc/rc.local",
                                "*\\currentcontrolset*\\services\\*",
                                "*\\image file execution options\\*")),
    (Why.SECRETS, 65, ("*\\security\\policy\\secrets*", "*\\cryptography\\oid*")),
    (Why.BOOT, 60, ("/boot/*", "*:\\boot.ini", "*:\\autoexec.bat", "*\\userinit.exe")),
)  # fmt: skip


def _compiled(patterns: tuple[str, ...]) -> Globs:
    found = compile_globs(patterns)
    assert found is not None
    return found


_RULES: Final = tuple((why, weight, _compiled(patterns)) for why, weight, patterns in _PATHS)
#: One look at a path tells whether any rule is worth asking: most paths are ordinary.
_ANY: Final = _compiled(tuple(pattern for _, _, patterns in _PATHS for pattern in patterns))
#: Packages write these all day: they count, they do not alarm by themselves.
_ORDINARY: Final = _compiled(
    ("/etc/cron.daily/*", "/etc/cron.weekly/*", "/etc/cron.monthly/*", "/etc/cron.hourly/*")
)
_ORDINARY_WEIGHT: Final = 30


def danger_of(change: FileChange, weight: Callable[[str], int] = lambda path: 0) -> Danger:
    """The heavier of our own weight and `weight`, the settings' one."""
    path = comparable(change.path)
    found = Danger()
    for why, heavy, globs in _RULES if _ANY.match(path) else ():
        if heavy > found.weight and globs.match(path):
            found = Danger(heavy, why)
    if found.why is Why.SCHEDULED and _ORDINARY.match(path):
        found = Danger(_ORDINARY_WEIGHT)
    listed = min(max(weight(change.path), weight(path)), WEIGHT_MAX)
    return Danger(listed, found.why or Why.LISTED) if listed > found.weight else found


_HIVES: Final = {
    "hkey_local_machine": "HKLM",
    "hkey_current_user": "HKCU",
    "hkey_users": "HKU",
    "hkey_classes_root": "HKCR",
    "hkey_current_config": "HKCC",
}


def comparable(path: str) -> str:
    """For look-ups: composed letters (C124), short names of the registry's hives."""
    return short_hive(unicodedata.normalize("NFC", path))


def short_hive(path: str) -> str:
    """`HKEY_LOCAL_MACHINE\\…` as `HKLM\\…`."""
    hive, dash, rest = path.partition("\\")
    return f"{_HIVES[hive.casefold()]}{dash}{rest}" if hive.casefold() in _HIVES else path


_BINARY: Final = re.compile(
    r"/(?:usr/(?:local/)?|opt/)?s?bin/.*|.*\\(?:windows|system32|syswow64)\\.*\.(?:exe|com|scr)",
    re.I,
)
_LIBRARY: Final = re.compile(r".*\.(?:so(?:\.[\d.]+)?|dll|sys|ko)|/(?:usr/)?lib(?:64)?/.*", re.I)
_CONFIG: Final = re.compile(
    r"/etc/.*|.*\.(?:conf|cnf|cfg|ini|ya?ml|toml|json|xml|properties|config)", re.I
)


def kind_of(change: FileChange, danger: Danger | None = None) -> Kind:
    """What a card counts it as; `danger` where it is known already."""
    path = comparable(change.path)
    why = (danger or danger_of(change)).why
    match change.what:
        case "registry":
            return Kind.RUN_KEY if why is Why.STARTS_AT_SIGN_IN else Kind.REGISTRY
        case "service" | "daemon":
            return Kind.SERVICE
        case "software":
            return Kind.SOFTWARE
        case _:
            return _file_kind(path, why)


def _file_kind(path: str, why: Why | None) -> Kind:
    if why is Why.SIGN_IN_KEYS:
        return Kind.KEYS
    if path.startswith("/etc/cron") or why is Why.SCHEDULED:
        return Kind.SCHEDULE
    for kind, pattern in (
        (Kind.SYSTEM_BINARY, _BINARY),
        (Kind.LIBRARY, _LIBRARY),
        (Kind.CONFIG, _CONFIG),
    ):
        if pattern.fullmatch(path):
            return kind
    return Kind.OTHER
