"""The catalogues: one TOML file per language, read once, and their keys flattened with dots.

A table whose keys are plural categories (`one`, `other`, …) is one text with plural forms; every
other table only groups keys. `edge.<language>.toml` holds what is said
beside the cards, `cli.<language>.toml` what the command line says, the others their feature's.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from types import MappingProxyType

LANGUAGES = ("en", "ja")

#: Files of one language; the first has no name of its own (`en.toml`).
PARTS = (
    "",
    "edge",
    "alerts",
    "alert_lists",
    "feeds",
    "file_integrity",
    "defender",
    "xdr",
    "changes",
    "cli",
)

#: CLDR's plural categories; no group of keys may consist of these words alone.
PLURAL_CATEGORIES = frozenset({"zero", "one", "two", "few", "many", "other"})

Text = str | Mapping[str, str]


class CatalogueError(Exception):
    """A catalogue holds what is no text, or one key twice."""


@functools.cache
def load(language: str) -> Mapping[str, Text]:
    """The texts of a language by dotted key. KeyError for a language that there is not."""
    if language not in LANGUAGES:
        raise KeyError(language)
    texts: dict[str, Text] = {}
    for name in (f"{part}.{language}.toml".removeprefix(".") for part in PARTS):
        for key, text in read(name):
            if key in texts:
                raise CatalogueError(f"{name}: {key} is there twice")
            texts[key] = text
    return MappingProxyType(texts)


def read(name: str) -> Iterator[tuple[str, Text]]:
    """The texts of one file by dotted key; none where the file is not part of this product."""
    file = resources.files(__package__).joinpath(name)
    if file.is_file():
        yield from _flatten(name, "", tomllib.loads(file.read_text("utf-8")))


def _flatten(name: str, prefix: str, table: Mapping[str, object]) -> Iterator[tuple[str, Text]]:
    for key, value in table.items():
        path = f"{prefix}{key}"
        match value:
            case str():
                yield path, value
            case dict() if _is_plural(value):
                yield path, {category: str(text) for category, text in value.items()}
            case dict():
                yield from _flatten(name, f"{path}.", value)
            case _:
                raise CatalogueError(f"{name}: {path} is no text")


def _is_plural(table: Mapping[str, object]) -> bool:
    return isinstance(table.get("other"), str) and set(table) <= PLURAL_CATEGORIES
