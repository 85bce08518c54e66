"""Rules that change while we run: a right file replaces them, a wrong one changes nothing (C065).

Only the policy is replaced. What else differs needs a restart, and that is said, since half a
change of the rest (tokens, Redis, Azure) would be worse than none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from approvals.policy_types import Policy
from bot.settings import Mistake, Settings, load_settings
from handlers.locale import Locale

#: Mistakes that one message to the audit channel names; the log has all.
MISTAKES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The rules are what they were. `restart` names other settings that differ."""

    restart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """New rules are in force."""

    before: str
    after: str
    rules: int
    restart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """The file is wrong: the old rules stay in force."""

    mistakes: tuple[Mistake, ...]
    version: str


Reload = Unchanged | Changed | Kept


class LivePolicy:
    """The policy in force; called for it by everything that decides."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._environ = environ
        self._policy = settings.policy
        self._stamp = self._read_stamp()

    def __call__(self) -> Policy:
        return self._policy

    def reload_if_touched(self) -> Reload | None:
        """Reload when the file is not the one that was read last; None when it is."""
        stamp = self._read_stamp()
        if stamp is None or stamp == self._stamp:
            return None
        self._stamp = stamp
        return self.reload()

    def reload(self) -> Reload:
        """Read the file again. It is small, but it is a file: call this in a thread."""
        found = load_settings(self._settings.file, self._environ)
        if not isinstance(found, Settings):
            return Kept(tuple(found), self._policy.version)
        restart = _differing(self._settings, found)
        before, self._policy = self._policy, found.policy
        if before.version == found.policy.version:
            return Unchanged(restart)
        return Changed(before.version, found.policy.version, len(found.policy.rules), restart)

    def _read_stamp(self) -> tuple[int, int, int] | None:
        """Inode, time and size; a mounted ConfigMap is replaced by another file of the name."""
        if self._settings.file is None:
            return None
        try:
            status = self._settings.file.stat()
        except OSError:
            return None  # between the old file and the new one
        return status.st_ino, status.st_mtime_ns, status.st_size


def reload_text(reload: Reload, locale: Locale) -> str | None:
    """What the audit channel is told; None where there is nothing to tell."""
    match reload:
        case Unchanged(restart=()):
            return None
        case Unchanged(restart=restart):
            return _restart(restart, locale)
        case Changed(before, after, rules, restart):
            said = locale.text("policy.reloaded", before=before, after=after, rules=rules)
            return f"{said} {_restart(restart, locale)}" if restart else said
        case Kept(mistakes, version):
            first = [str(mistake) for mistake in mistakes[:MISTAKES_SHOWN]]
            said = locale.text("policy.kept", version=version, n=len(mistakes))
            return "\n".join([said, *first])


def _restart(names: tuple[str, ...], locale: Locale) -> str:
    return locale.text("policy.restart", names=", ".join(names))


def _differing(old: Settings, new: Settings) -> tuple[str, ...]:
    """Names of the sections that changed besides the policy; never their values."""
    return tuple(
        part.name
        for part in dataclasses.fields(Settings)
        if part.name != "policy" and getattr(old, part.name) != getattr(new, part.name)
    )
