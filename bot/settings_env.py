"""Environment variables and secret files, put over what the YAML file says.

`SEKISHO_SLACK__BOT_TOKEN` is `slack.bot_token`; each secret also comes from the file that
`SEKISHO_SLACK__BOT_TOKEN_FILE`, or `bot_token_file:` in the YAML file, names. A secret that is set
in two places is refused: nobody could tell which of them is in use (C079).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.settings_file import Document, Loc, Problem, Value

PREFIX = "SEKISHO_"
#: Variables of ours that are no setting.
NOT_SETTINGS = frozenset({"SEKISHO_CONFIG"})
#: Names that Slack's own documentation uses, and the one key that most installations have.
ALIASES: dict[str, Loc] = {
    "SLACK_BOT_TOKEN": ("slack", "bot_token"),
    "SLACK_APP_TOKEN": ("slack", "app_token"),
    "SLACK_SIGNING_SECRET": ("slack", "signing_secret"),
    "SEKISHO_AUDIT_KEY": ("audit", "keys", 0, "secret"),
}
#: Settings that may come from a file of their own.
SECRETS: frozenset[Loc] = frozenset(
    {
        ("slack", "bot_token"),
        ("slack", "app_token"),
        ("slack", "signing_secret"),
        ("slack", "previous_signing_secret"),
        ("redis", "url"),
        ("azure", "client_secret"),
        ("azure", "graph_client_secret"),
        ("alerts", "push_secret"),
        ("alerts", "previous_push_secret"),
        ("audit", "keys", 0, "secret"),
    }
)
#: Not always a secret, so a variable may stand over the file's as with any other setting.
OVERRIDABLE: frozenset[Loc] = frozenset({("redis", "url")})
#: A token has some hundred characters; a bigger file is the wrong one.
SECRET_FILE_MAX_BYTES = 65_536
#: The id of the audit key where the environment alone gives one.
ONLY_KEY = "1"

_FILE = "_file"


@dataclass(slots=True)
class Merged:
    """What is set, and by which variable where it was not the file."""

    data: dict[str, Value]
    origins: dict[Loc, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def origin(self, loc: Loc) -> str | None:
        """The variable that set this place, or a place around or inside it."""
        near = (name for at, name in self.origins.items() if at[: len(loc)] == loc)
        around = (name for at, name in self.origins.items() if loc[: len(at)] == at)
        return next(around, None) or next(near, None)


def merge(document: Document, environ: Mapping[str, str]) -> Merged:
    """The file's values with its secret files read and the environment over them."""
    merged = Merged(_copy(document.data))
    folder = Path(document.path).parent if document.path else Path()
    _secret_files(merged, merged.data, (), folder)
    for name in sorted(environ):
        text = environ[name].strip()
        loc, is_file = _loc(name)
        if not loc or not text:
            continue
        value: Value = text
        if is_file:
            read = _read_secret(Path(text), loc, merged)
            if read is None:
                continue
            value = read
        elif text[0] in "[{":
            value = _json(text, loc, name, merged)
        elif "," in text:
            value = [part.strip() for part in text.split(",") if part.strip()]
        _set(merged, loc, value, name)
    return merged


def _loc(name: str) -> tuple[Loc, bool]:
    """Where a variable belongs, and whether it names a file."""
    if name in ALIASES:
        return ALIASES[name], False
    if name.removesuffix("_FILE") in ALIASES:
        return ALIASES[name.removesuffix("_FILE")], True
    if not name.startswith(PREFIX) or name in NOT_SETTINGS:
        return (), False
    parts: Loc = tuple(name[len(PREFIX) :].lower().split("__"))
    last = str(parts[-1])
    secret = (*parts[:-1], last.removesuffix(_FILE))
    if last.endswith(_FILE) and secret in SECRETS:
        return secret, True
    return parts, False


def _set(merged: Merged, loc: Loc, value: Value, name: str) -> None:
    is_set = _get(merged.data, loc) is not None and loc not in OVERRIDABLE
    if loc in SECRETS and (loc in merged.origins or is_set):
        merged.problems.append(Problem(loc, "secret_twice", {"variable": name}))
        return
    merged.origins[loc] = name
    if loc == ALIASES["SEKISHO_AUDIT_KEY"]:
        _set_audit_key(merged, value)
        return
    here = merged.data
    for part in loc[:-1]:
        inner = here.setdefault(str(part), {})
        if not isinstance(inner, dict):
            inner = here[str(part)] = {}
        here = inner
    here[str(loc[-1])] = value


def _set_audit_key(merged: Merged, value: Value) -> None:
    """The secret of the first key; the file may name its id and list older keys."""
    audit = merged.data.setdefault("audit", {})
    if not isinstance(audit, dict):
        return
    keys = audit.setdefault("keys", [{"id": ONLY_KEY}])
    if isinstance(keys, list) and keys and isinstance(keys[0], dict):
        keys[0]["secret"] = value


def _get(data: Value, loc: Loc) -> Value:
    for part in loc:
        if isinstance(data, dict) and isinstance(part, str):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def _json(text: str, loc: Loc, name: str, merged: Merged) -> Value:
    try:
        found: Value = json.loads(text)
    except (ValueError, RecursionError):
        merged.origins[loc] = name
        merged.problems.append(Problem(loc, "variable_json"))
        return None
    return found


def _secret_files(merged: Merged, value: Value, loc: Loc, folder: Path) -> None:
    """Replace `x_file: path` by `x: content` wherever x is a secret."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            _secret_files(merged, item, (*loc, index), folder)
    if not isinstance(value, dict):
        return
    for key in list(value):
        inner = (*loc, key.removesuffix(_FILE))
        if not key.endswith(_FILE) or not _is_secret(inner):
            _secret_files(merged, value[key], (*loc, key), folder)
            continue
        named = value.pop(key)
        if not isinstance(named, str):
            merged.problems.append(Problem((*loc, key), "want_text"))
        elif key.removesuffix(_FILE) in value:
            merged.problems.append(Problem((*loc, key), "secret_twice", {"variable": key}))
        else:
            read = _read_secret(folder / named, (*loc, key), merged)
            value[key.removesuffix(_FILE)] = read if read is not None else ""


def _is_secret(loc: Loc) -> bool:
    """`audit.keys[2].secret` is one as `audit.keys[0].secret` is."""
    return tuple(0 if isinstance(part, int) else part for part in loc) in SECRETS


def _read_secret(path: Path, loc: Loc, merged: Merged) -> str | None:
    try:
        with path.open("rb") as file:
            raw = file.read(SECRET_FILE_MAX_BYTES + 1)
        if len(raw) > SECRET_FILE_MAX_BYTES:
            reason = "too large"
        else:
            return raw.decode("utf-8-sig").strip()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
    except (UnicodeDecodeError, ValueError):
        reason = "not UTF-8 text"
    merged.problems.append(Problem(loc, "secret_file", {"reason": reason}))
    return None


def _copy(value: dict[str, Value]) -> dict[str, Value]:
    return {key: _copy_any(inner) for key, inner in value.items()}


def _copy_any(value: Value) -> Value:
    if isinstance(value, dict):
        return _copy(value)
    return [_copy_any(item) for item in value] if isinstance(value, list) else value
