"""From the file and the environment to `Settings`, or to every mistake at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from approvals.window import length_text
from bot.locales import Text, load
from bot.settings import Mistake, Settings
from bot.settings_build import build, check
from bot.settings_env import Merged, merge
from bot.settings_file import Document, Loc, Problem, place, read_document, shown
from bot.settings_schema import Root, known_keys

#: pydantic's names for what is wrong → ours. Our own come through as they are.
_KEYS = {
    "missing": "missing",
    "string_type": "want_text",
    "list_type": "want_list",
    "dict_type": "want_mapping",
    "model_type": "want_mapping",
    "model_attributes_type": "want_mapping",
    "bool_type": "yes_no",
    "int_type": "whole",
    "path_type": "want_text",
    "greater_than_equal": "at_least",
    "less_than_equal": "at_most",
    "too_short": "list_short",
    "string_too_short": "text_short",
    "string_pattern_mismatch": "letters",
}


def read_settings(
    path: Path | None, environ: Mapping[str, str], *, language: str = "en"
) -> Settings | list[Mistake]:
    """See `bot.settings.load_settings`."""
    named = path or (Path(environ["SEKISHO_CONFIG"]) if environ.get("SEKISHO_CONFIG") else None)
    document = read_document(named) if named else Document()
    if document.problems and not document.data:
        return _mistakes(document.problems, document, Merged({}), language)
    merged = merge(document, environ)
    problems = [*document.problems, *merged.problems]
    root, wrong = _validate(merged, {problem.loc for problem in problems})
    problems += wrong
    if root is not None:
        problems += check(root)
    if root is None or problems:
        return _mistakes(problems, document, merged, language)
    return build(root, environ, document)


def _validate(merged: Merged, known: set[Loc]) -> tuple[Root | None, list[Problem]]:
    """pydantic's verdict; a place that has a problem already is not told twice."""
    try:
        return Root.model_validate(merged.data), []
    except ValidationError as error:
        # Never str(error), nor the input: both quote what was written, secrets too.
        details = error.errors(include_url=False, include_input=False)
    found = [_problem(detail) for detail in details]
    return None, [problem for problem in found if problem.loc not in known]


def _problem(detail: ErrorDetails) -> Problem:
    loc: Loc = tuple(detail["loc"])
    kind = detail["type"]
    context = dict(detail.get("ctx", {}))
    if loc and loc[-1] == "[key]":
        loc = loc[:-1]
    if kind == "extra_forbidden":
        return _unknown_key(loc)
    if kind == "literal_error":
        allowed = re.findall(r"'([a-z_]+)'", str(context.get("expected", "")))
        return Problem(loc, "choice", {"allowed": ", ".join(allowed)})
    limit = next((context[key] for key in ("ge", "le", "min_length") if key in context), "")
    return Problem(loc, _KEYS.get(kind, kind), {"limit": limit, **context})


def _unknown_key(loc: Loc) -> Problem:
    key = str(loc[-1])
    near = difflib.get_close_matches(key[:40], known_keys(loc[:-1]), n=1, cutoff=0.6)
    if near:
        return Problem(loc, "unknown_key_near", {"key": shown(key), "near": near[0]})
    args = {"key": shown(key), "known": ", ".join(known_keys(loc[:-1]))}
    return Problem(loc, "unknown_key", args)


def _mistakes(
    problems: list[Problem] | tuple[Problem, ...], document: Document, merged: Merged, language: str
) -> list[Mistake]:
    texts = load(language)
    found = {_mistake(problem, document, merged, texts): None for problem in problems}
    return sorted(found, key=lambda mistake: (mistake.line == 0, mistake.line, mistake.path))


def _mistake(
    problem: Problem, document: Document, merged: Merged, texts: Mapping[str, Text]
) -> Mistake:
    text = texts.get(f"settings.{problem.key}") or texts["settings.invalid"]
    assert isinstance(text, str), "settings have no plural texts"
    args = {name: _plain(value) for name, value in problem.args.items()}
    sentence = text.format_map({"place": place(problem.loc), **args})
    variable = merged.origin(problem.loc) if problem.line is None and problem.loc else None
    if variable and problem.loc not in document.lines:
        return Mistake(variable, 0, sentence)
    line = problem.line if problem.line is not None else document.line(problem.loc)
    return Mistake(document.path, line, sentence)


def _plain(value: object) -> str:
    return length_text(value) if isinstance(value, timedelta) else str(value)
