"""The catalogues are complete: same keys, same arguments, right plural forms, all of them used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.core import Locale as BabelLocale

from bot.locales import LANGUAGES, load, read

CATALOGUES = {language: load(language) for language in LANGUAGES}
ENGLISH = CATALOGUES["en"]
#: What the views say; what the command line says is tested with it.
OURS = tuple(key for key, _ in read("en.toml"))


def forms(language: str, key: str) -> list[str]:
    text = CATALOGUES[language][key]
    return [text] if isinstance(text, str) else list(text.values())


def arguments(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.proves("N1")
def test_languages_have_the_same_keys() -> None:
    assert set(ENGLISH) == set(CATALOGUES["ja"])


@pytest.mark.proves("N1")
@pytest.mark.parametrize("key", OURS)
def test_languages_take_the_same_arguments(key: str) -> None:
    english = set().union(*(arguments(text) for text in forms("en", key)))
    japanese = set().union(*(arguments(text) for text in forms("ja", key)))
    assert japanese - english - {"n"} <= _given_beyond(key)
    assert english - japanese - {"n"} <= _left_out(key)


def _given_beyond(key: str) -> set[str]:
    """Arguments that every caller gives and Japanese alone uses."""
    return {
        "card.for": {"plain_source"},
        "decide.asks": {"plain_source"},
        "card.ended.asker": {"who"},
        "card.pending.asks": {"thing"},
        "card.pending.text": {"what"},
    }.get(key, set())


def _left_out(key: str) -> set[str]:
    """Arguments that Japanese does not need, since another line says the same."""
    return {
        "card.for": {"source"},
        "decide.asks": {"source"},
        "card.pending.headline": {"thing"},
        "card.pending.more": {"thing"},
        "card.pending.text": {"window"},
        "card.lapsed.some": {"given", "who"},
        "card.ended.expired_length": {"who"},
        "card.ended.expired_until": {"who"},
    }.get(key, set())


@pytest.mark.proves("N1")
@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_those_of_the_language(language: str) -> None:
    wanted = set(BabelLocale.parse(language).plural_form.tags) | {"other"}
    for key, text in CATALOGUES[language].items():
        if not isinstance(text, str):
            assert set(text) == wanted, key


def test_the_same_keys_have_plural_forms() -> None:
    for key, text in ENGLISH.items():
        assert isinstance(text, str) == isinstance(CATALOGUES["ja"][key], str), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_reaches_into_its_arguments(language: str) -> None:
    for key in CATALOGUES[language]:
        for text in forms(language, key):
            for name in arguments(text):
                assert re.fullmatch(r"[a-z_]+", name), key


@pytest.mark.proves("N1")
def test_japanese_is_written_by_its_rules() -> None:
    for key in OURS:
        for text in forms("ja", key):
            assert not re.search(r"することができ|を行い|させていただ|あなた", text), key
            assert not re.search(r"サーバ[^ー]|ユーザ[^ー]", text), key
            assert "!" not in text, key
            assert "！" not in text, key
            # `18時まで など` ends a list of examples in a placeholder, as the layouts have it.
            tight = re.sub(r"まで など|/jit .*", "", text)
            assert not re.search(r"[ぁ-んァ-ヶ一-龠][ ][ぁ-んァ-ヶ一-龠]", tight), key


def test_english_has_no_exclamation_and_no_successfully() -> None:
    for key in OURS:
        for text in forms("en", key):
            assert "!" not in text, key
            assert "successfully" not in text.lower(), key


# --- used keys --------------------------------------------------------------------------------


def sources(repository: Path) -> Iterator[Path]:
    for room in ("handlers", "bot", "delivery"):
        yield from (repository / room).rglob("*.py")


def strings(tree: ast.AST) -> tuple[set[str], set[str]]:
    """String constants, and f-strings as patterns."""
    plain: set[str] = set()
    patterns: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            plain.add(node.value)
        if isinstance(node, ast.JoinedStr):
            patterns.add("".join(map(_pattern, node.values)))
    return plain, patterns


def _pattern(part: ast.expr) -> str:
    match part:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case _:
            return r"[a-z_+]+"


def asked(tree: ast.AST) -> Iterator[str]:
    """Keys that are asked for by a literal."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="text" | "plural"), args=[key, *_]):
                yield from _literals(key)


def _literals(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(key)):
            yield key
        case ast.IfExp(body=body, orelse=orelse):
            yield from _literals(body)
            yield from _literals(orelse)


@pytest.mark.proves("N1")
def test_every_key_that_is_asked_for_exists(repository: Path) -> None:
    missing = [
        f"{path.name}: {key}"
        for path in sources(repository)
        for key in asked(ast.parse(path.read_text("utf-8")))
        if key not in ENGLISH
    ]
    assert missing == []


@pytest.mark.proves("N1")
def test_every_key_is_used(repository: Path) -> None:
    plain: set[str] = set()
    patterns: set[str] = set()
    for path in sources(repository):
        found = strings(ast.parse(path.read_text("utf-8")))
        plain |= found[0]
        patterns |= found[1]
    anchored = [re.compile(each) for each in patterns if re.match(r"[a-z_]+\\\.", each)]
    suffixes = {each.split(r"\.", 1)[1] for each in patterns if each.startswith(r"[a-z_+]+\.")}
    unused = [key for key in OURS if not _is_used(key, plain, anchored, suffixes)]
    assert unused == []


def _is_used(
    key: str, plain: set[str], anchored: list[re.Pattern[str]], suffixes: set[str]
) -> bool:
    if key in plain or any(pattern.fullmatch(key) for pattern in anchored):
        return True
    prefix, _, last = key.rpartition(".")
    whole = prefix in plain or any(pattern.fullmatch(prefix) for pattern in anchored)
    return whole and (last in suffixes or re.escape(last) in suffixes or "[a-z_+]+" in suffixes)
