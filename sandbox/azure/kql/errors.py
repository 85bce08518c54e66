"""What a query is refused for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: A missing table or column is a semantic error, a sentence that makes no sense a syntax error.
Kind = Literal["SyntaxError", "SemanticError"]


@dataclass(frozen=True, slots=True)
class KqlError(Exception):
    """The query is refused; nothing of it was run."""

    kind: Kind
    message: str


def syntax(message: str) -> KqlError:
    """The query is no sentence of the language, or uses a part that the sandbox lacks."""
    return KqlError("SyntaxError", message)


def semantic(message: str) -> KqlError:
    """The query names something that is not there."""
    return KqlError("SemanticError", message)


def unknown_name(operator: str, name: str) -> KqlError:
    """A column, in Kusto's words."""
    return semantic(f"'{operator}' operator: Failed to resolve scalar expression named '{name}'")
