"""Which VMs a rule is for. Patterns are shell globs, compared without case and width."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
class Scope:
    """Every dimension given must match; inside one, any of its patterns. Empty matches all."""

    subscriptions: frozenset[str] = frozenset()
    resource_groups: re.Pattern[str] | None = None
    names: re.Pattern[str] | None = None
    tags: tuple[tuple[str, re.Pattern[str]], ...] = ()

    def matches(self, place: Place) -> bool:
        """Whether the rule with this scope is the VM's."""
        if self.subscriptions and place.subscription_id.lower() not in self.subscriptions:
            return False
        if self.names and not self.names.fullmatch(fold(place.name)):
            return False
        if self.resource_groups and not self.resource_groups.fullmatch(fold(place.resource_group)):
            return False
        return not self.tags or self._tags_match(place.tags)

    @property
    def is_everything(self) -> bool:
        """No limit at all: the rule is for every VM."""
        return not (self.subscriptions or self.resource_groups or self.names or self.tags)

    def _tags_match(self, tags: Mapping[str, str]) -> bool:
        # Azure's tag names know no case, their values do; ours are compared without it.
        folded = {fold(key): fold(value) for key, value in tags.items()}
        return all(key in folded and pattern.fullmatch(folded[key]) for key, pattern in self.tags)


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
    compiled = tuple(
        (key, pattern)
        for key, patterns in sorted(by_key.items())
        if (pattern := compile_globs(patterns)) is not None
    )
    return Scope(
        frozenset(subscription.lower() for subscription in subscriptions),
        compile_globs(resource_groups),
        compile_globs(names),
        compiled,
    )


def compile_globs(patterns: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern for any of the globs; None for none of them."""
    parts = [fnmatch.translate(fold(pattern)) for pattern in patterns]
    return re.compile("|".join(parts)) if parts else None


def fold(text: str) -> str:
    """How names are compared: full-width as half-width, composed, without case."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).casefold()
