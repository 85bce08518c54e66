"""docs/settings.md names every setting that there is, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.settings_schema import known_keys

WHOLE = ("slack", "redis", "azure", "audit", "http", "rules", "channels")


def _all_keys(path: tuple[str, ...] = ()) -> Iterator[str]:
    for key in known_keys(path):
        yield key
        if len(path) < 3:
            yield from _all_keys((*path, key))


@pytest.mark.proves("L1")
def test_every_setting_is_in_the_documents(repository: Path) -> None:
    text = (repository / "docs/settings.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z_]+)`", text))
    keys = set(_all_keys())
    assert {"bot_token", "resource_groups", "pattern", "longest_total", *WHOLE} <= keys
    assert keys <= named, keys - named


@pytest.mark.proves("L1")
def test_the_documents_name_no_setting_that_is_none(repository: Path) -> None:
    text = (repository / "docs/settings.md").read_text("utf-8")
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", text, flags=re.MULTILINE)
    named = {key for row in rows for key in re.findall(r"`([a-z_]+)`", row)}
    assert len(named) > 40
    assert named <= set(_all_keys()), named - set(_all_keys())
