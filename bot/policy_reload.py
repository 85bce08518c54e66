"""Rules that change while we run: a right file replaces them, a wrong one changes nothing (C065).

Only the policy and the rules of the feeds are replaced. What else differs needs a restart, and that
is said, since half a change of the rest (tokens, Redis, Azure) would be worse than none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from approvals.policy_types import Policy
from bot import settings_process
from bot.settings import Mistake, Settings
from feeds.settings import FeedSettings
from handlers.locale import Locale

#: Mistakes that one message to the audit channel names; the log has all.
MISTAKES_SHOWN = 10
#: The settings that a reload replaces as far as it can.
_RULES = ("policy", "feeds")


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The policy is what it was. `restart` names other settings that differ.

    `feeds`: how many routes alerts and file changes have now, where their rules were replaced.
    """

    restart: tuple[str, ...] = ()
    feeds: int | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """New rules are in force."""

    before: str
    after: str
    rules: int
    restart: tuple[str, ...] = ()
    feeds: int | None = None


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
        self._feeds = settings.feeds
        self._stamp = self._read_stamp()

    def __call__(self) -> Policy:
        return self._policy

    def feeds(self) -> FeedSettings:
        """The rules of alerts and file changes in force."""
        return self._feeds

    def reload_if_touched(self) -> Reload | None:
        """Reload when the file is not the one that was read last; None when it is."""
        stamp = self._read_stamp()
        if stamp is None or stamp == self._stamp:
            return None
        reload = self.reload()
        self._stamp = stamp  # a reading that did not come about is tried again
        return reload

    def reload(self) -> Reload:
        """Read the file again, by another process: call this in a thread."""
        found = settings_process.Reading(self._settings.file, self._environ).result()
        if not isinstance(found, Settings):
            return Kept(tuple(found), self._policy.version)
        restart = _differing(self._settings, found)
        feeds = self._take_feeds(found.feeds)
        before, self._policy = self._policy, found.policy
        if before.version == found.policy.version:
            return Unchanged(restart, feeds)
        rules = len(found.policy.rules)
        return Changed(before.version, found.policy.version, rules, restart, feeds)

    def _take_feeds(self, found: FeedSettings) -> int | None:
        """How many routes there are now, None where nothing has changed."""
        before, self._feeds = self._feeds, self._settings.feeds.taking_over(found)
        return None if before == self._feeds else self._feeds.route_count

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
        case Unchanged(restart=restart, feeds=feeds):
            said = []
        case Changed(before, after, rules, restart, feeds):
            said = [locale.text("policy.reloaded", before=before, after=after, rules=rules)]
        case Kept(mistakes, version):
            first = [str(mistake) for mistake in mistakes[:MISTAKES_SHOWN]]
            kept = locale.text("policy.kept", version=version, n=len(mistakes))
            return "\n".join([kept, *first])
        case _:
            assert_never(reload)
    if feeds is not None:
        said.append(locale.text("policy.feeds_reloaded", routes=feeds))
    if restart:
        said.append(_restart(restart, locale))
    return " ".join(said) or None


def _restart(names: tuple[str, ...], locale: Locale) -> str:
    return locale.text("policy.restart", names=", ".join(names))


def _differing(old: Settings, new: Settings) -> tuple[str, ...]:
    """Names of the sections that changed besides the rules; never their values."""
    return tuple(
        part.name
        for part in dataclasses.fields(Settings)
        if part.name not in _RULES and getattr(old, part.name) != getattr(new, part.name)
    ) + old.feeds.needs_restart(new.feeds)
