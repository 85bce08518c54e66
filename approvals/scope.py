"""Which VMs a rule is for. Patterns are shell globs, compared without case and width."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Place(Protocol):
    """What a scope looks at; `defender.inventory.Machine` and `request.Target` both have it."""

    @property
    def name(self) -> str: ...
    @property
    def resource_group(self) -> str: ...
    @property
    def subscription_id(self) -> str: ...
    @property
    def tags(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Globs:
    """Shell patterns (`web-*`), any of which may match. Compiled once."""

    patterns: tuple[str, ...]
    _compiled: re.Pattern[str] = field(repr=False)

    def match(self, text: str) -> bool:
        """Whether one of them matches the whole text."""
        return self._compiled.fullmatch(fold(text)) is not None

    def cover(self, other: Globs) -> bool:
        """Whether all that `other` matches is surely matched by these, too."""
        return all(
            all(self.match(pattern.replace("*", many).replace("?", one)) for one, many in _SAMPLES)
            for pattern in other.patterns
        )


#: Letters put for `?` and `*`: what matches with both of them does not depend on them.
_SAMPLES = (("\ue000", ""), ("\ue001", "\ue002\ue003\ue004"))


@dataclass(frozen=True, slots=True)
class Scope:
    """Every dimension given must match; inside one, any of its patterns. Empty matches all."""

    subscriptions: frozenset[str] = frozenset()
    resource_groups: Globs | None = None
    names: Globs | None = None
    tags: tuple[tuple[str, Globs], ...] = ()

    def matches(self, place: Place) -> bool:
        """Whether the rule with this scope is the VM's."""
        if self.subscriptions and place.subscription_id.lower() not in self.subscriptions:
            return False
        if self.names and not self.names.match(place.name):
            return False
        if self.resource_groups and not self.resource_groups.match(place.resource_group):
            return False
        return not self.tags or self._tags_match(place.tags)

    def covers(self, other: Scope) -> bool:
        """Whether every VM of `other` is surely in this scope. False when it can't be told."""
        if self.subscriptions and not (
            other.subscriptions and other.subscriptions <= self.subscriptions
        ):
            return False
        others = dict(other.tags)
        pairs = [
            (self.names, other.names),
            (self.resource_groups, other.resource_groups),
            *((mine, others.get(key)) for key, mine in self.tags),
        ]
        return all(
            mine is None
            or (theirs is not None and mine.cover(theirs))
            # Every VM has a name and a group, but not every tag.
            or (mine in (self.names, self.resource_groups) and mine.patterns == ("*",))
            for mine, theirs in pairs
        )

    def _tags_match(self, tags: Mapping[str, str]) -> bool:
        # Azure's tag names know no case, their values do; ours are compared without it.
        folded = {fold(key): value for key, value in tags.items()}
        return all(key in folded and globs.match(folded[key]) for key, globs in self.tags)


def make_scope(
    *,
    subscriptions: Iterable[str] = (),
    resource_groups: Iterable[str] = (),
    names: Iterable[str] = (),
    tags: Mapping[str, Iterable[str]] | None = None,
) -> Scope:
    """Compile globs once, so that a keystroke's type-ahead over thousands of VMs stays cheap."""
    by_key: dict[str, list[str]] = {}
    for key, patterns in (tags or {}).items():
        by_key.setdefault(fold(key), []).extend(patterns)
    compiled = ((key, compile_globs(patterns)) for key, patterns in sorted(by_key.items()))
    return Scope(
        frozenset(subscription.lower() for subscription in subscriptions),
        compile_globs(resource_groups),
        compile_globs(names),
        tuple((key, globs) for key, globs in compiled if globs),
    )


def compile_globs(patterns: Iterable[str]) -> Globs | None:
    """One pattern for any of the globs; None for none of them."""
    kept = tuple(dict.fromkeys(fold(pattern) for pattern in patterns))
    if not kept:
        return None
    return Globs(kept, re.compile("|".join(fnmatch.translate(pattern) for pattern in kept)))


def fold(text: str) -> str:
    """How names are compared: full-width as half-width, composed, without case."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).casefold()
