"""Secrets: where they may come from, which ones are mixed up, and that none is ever shown."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.locales import load as catalogue
from bot.settings import Mistake, Settings, load_settings
from bot.settings_env import merge
from bot.settings_file import parse_document
from bot.settings_reading import _KEYS, _mistakes, _validate

BOT = "xoxb-1111111111-abcdef"
APP = "xapp-1-A111-abcdef"
KEY = "k" * 40
ENVIRON = {"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": APP, "SEKISHO_AUDIT_KEY": KEY}
GOOD = """\
redis: {url: "redis://:hunter2secret@localhost:6379"}
azure: {subscriptions: [00000000-0000-0000-0000-000000000001]}
audit: {channel: C0AUDIT}
administrators: [U0ITO]
rules:
  - {name: a, scope: {names: ["*"]}, askers: [S0ENG], approvers: [S0SEC], longest: 4h,
     channel: C0OPS}
"""


def load(tmp_path: Path, environ: Mapping[str, str], more: str = "") -> Settings | list[Mistake]:
    file = tmp_path / "sekisho.yaml"
    file.write_text(GOOD + more, "utf-8")
    return load_settings(file, environ)


def right(found: Settings | list[Mistake]) -> Settings:
    assert isinstance(found, Settings), "\n".join(map(str, found))
    return found


def sentence(found: Settings | list[Mistake]) -> str:
    assert isinstance(found, list)
    (mistake,) = found
    return str(mistake)


@pytest.mark.parametrize(
    "content", [f"{BOT}\r\n", f"\ufeff{BOT}", f"  {BOT}\n\n", f"\ufeff {BOT}\t"]
)
@pytest.mark.proves("C079", "O7")
def test_a_secret_file_is_trimmed(tmp_path: Path, content: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(content.encode())
    environ = {**ENVIRON, "SLACK_BOT_TOKEN_FILE": str(file)}
    del environ["SLACK_BOT_TOKEN"]
    assert right(load(tmp_path, environ)).slack.bot_token == BOT


def test_a_secret_file_is_named_in_the_yaml_file_too(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("0123456789abcdef0123456789abcdef\n")
    more = "slack: {mode: http, signing_secret_file: secret}\n"
    slack = right(load(tmp_path, ENVIRON, more)).slack
    assert slack.signing_secrets == ("0123456789abcdef0123456789abcdef",)


def test_older_audit_keys_still_check(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("o" * 32)
    (tmp_path / "sekisho.yaml").write_text(
        GOOD.replace(
            "{channel: C0AUDIT}",
            "{channel: C0AUDIT, keys: [{id: new}, {id: old, secret_file: old}]}",
        )
    )
    keys = right(load_settings(tmp_path / "sekisho.yaml", ENVIRON)).audit.keys
    assert keys.current == "new"
    assert dict(keys.secrets) == {"new": KEY.encode(), "old": b"o" * 32}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (APP, "slack.bot_token holds an app token (xapp-); here belongs the one that begins with"),
        ("xoxp-1111-abcdef", "slack.bot_token holds a user token (xoxp-)"),
        ("xoxe.xoxb-1-abcdef", "slack.bot_token holds a token of Slack's token rotation"),
        (f'"{BOT}"', "slack.bot_token begins or ends with a quotation mark"),
        (f"“{BOT}”", "slack.bot_token begins or ends with a quotation mark"),
        ("xoxb=1111111111=abcdef", "slack.bot_token must begin with xoxb-."),
        ("xoxb-1111111111=abcdef", "slack.bot_token must be xoxb- and then letters"),
        ("xoxb-１１１１１１", "slack.bot_token holds a space or a character that no header"),
        ("xoxb-1111 abcdef", "slack.bot_token holds a space or a character that no header"),
    ],
)
@pytest.mark.proves("C079", "O7")
def test_a_mixed_up_token_is_named_and_never_shown(tmp_path: Path, value: str, says: str) -> None:
    said = sentence(load(tmp_path, {**ENVIRON, "SLACK_BOT_TOKEN": value}))
    assert said.startswith(f"SLACK_BOT_TOKEN: {says}")
    assert value.strip('"“”') not in said


@pytest.mark.proves("C079")
def test_a_secret_that_is_set_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(BOT)
    said = sentence(load(tmp_path, {**ENVIRON, "SLACK_BOT_TOKEN_FILE": str(file)}))
    assert said.startswith("SLACK_BOT_TOKEN: slack.bot_token is set twice")
    both = sentence(load(tmp_path, ENVIRON, f"slack:\n  bot_token: {BOT}\n"))
    assert both.endswith("slack.bot_token is set twice (also by SLACK_BOT_TOKEN); leave one.")


@pytest.mark.proves("C079")
def test_a_secret_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    environ = {**ENVIRON, "SEKISHO_AZURE__CLIENT_SECRET_FILE": str(tmp_path / "absent")}
    assert sentence(load(tmp_path, environ)).endswith(
        "The file with azure.client_secret can't be used: no such file or directory."
    )


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"SLACK_APP_TOKEN": ""}, "slack.app_token is missing: Socket Mode needs it"),
        ({"SEKISHO_SLACK__MODE": "http"}, "slack.signing_secret is missing: the mode http"),
        ({"SEKISHO_AUDIT_KEY": "short"}, "audit.keys[0].secret must have at least 32"),
        ({"SEKISHO_AUDIT_KEY": BOT + BOT}, None),
        ({"SLACK_SIGNING_SECRET": BOT}, "slack.signing_secret holds a token"),
        ({"SLACK_SIGNING_SECRET": KEY}, "audit.keys[0].secret is the same as one of Slack's"),
        (
            {"SEKISHO_SLACK__PREVIOUS_SIGNING_SECRET": "a" * 32},
            "slack.previous_signing_secret is set without",
        ),
    ],
)
@pytest.mark.proves("C079")
def test_each_mode_needs_its_own_secrets(
    tmp_path: Path, environ: dict[str, str], says: str | None
) -> None:
    found = load(tmp_path, {**ENVIRON, **environ})
    if says is None:
        right(found)
    else:
        assert says in sentence(found)


@pytest.mark.proves("O7")
def test_no_repr_shows_a_secret(tmp_path: Path) -> None:
    environ = {
        **ENVIRON,
        "SLACK_SIGNING_SECRET": "s" * 32,
        "SEKISHO_AZURE__CLIENT_SECRET": "azureclientsecret",
        "HTTPS_PROXY": "http://u:proxypassword@proxy.example.com",
    }
    found = right(load(tmp_path, environ))
    assert len(found.secrets) == 7
    for secret in (*found.secrets, "hunter2secret", "proxypassword"):
        assert secret not in repr(found)
        assert secret in found.secrets


CANARY = "xoxb-CANARY-4f3c9a"
scalars = st.sampled_from(
    [
        *(CANARY, f"'{CANARY}'", f'"{CANARY}"', f"*{CANARY}", f"!!{CANARY} x", f"{CANARY}:"),
        *(f"[{CANARY}", f"{{{CANARY}: 1}}", f"- {CANARY}", f"a: {CANARY}"),
        *("1", "yes", "22:00", "", "[a, b]", "{a: b}"),
    ]
)
keys = st.sampled_from(
    f"slack bot_token mode url redis rules name scope tags networks approvers longest keys secret "
    f"audit people ticket pattern {CANARY}".split()
)
variables = (
    "SLACK_BOT_TOKEN SEKISHO_RULES SEKISHO_SLACK__MODE SEKISHO_SLACK SEKISHO_REDIS__URL "
    "SEKISHO_PROXY SEKISHO_HTTP__PORT SEKISHO_AUDIT_KEY"
)


@given(
    lines=st.lists(st.tuples(st.integers(0, 3), keys, scalars), max_size=12),
    environ=st.dictionaries(
        st.sampled_from(variables.split()),
        st.sampled_from([CANARY, f"[{CANARY}", f'["{CANARY}"]', f'{{"{CANARY}": "{CANARY}"}}']),
    ),
    language=st.sampled_from(["en", "ja"]),
)
@hypothesis_settings(max_examples=150, deadline=None)
@pytest.mark.proves("O7", "C065")
def test_whatever_is_wrong_no_sentence_shows_what_was_written(
    lines: list[tuple[int, str, str]], environ: dict[str, str], language: str
) -> None:
    text = "".join(f"{'  ' * indent}{key}: {value}\n" for indent, key, value in lines)
    document = parse_document(text, "sekisho.yaml")
    merged = merge(document, environ)
    _, wrong = _validate(merged, set())
    problems = [*document.problems, *merged.problems, *wrong]
    assert problems
    for mistake in _mistakes(problems, document, merged, language):
        assert "CANARY" not in str(mistake)
        assert "\n" not in str(mistake)


def _keys_in_code() -> set[str]:
    """The constant keys given to wrong(key), Problem(loc, key) and _note(loc, key)."""
    places = {"wrong": 0, "Problem": 1, "_note": 1}
    found = set(_KEYS.values())
    for path in (Path(__file__).parents[2] / "bot").glob("settings*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in places and len(node.args) > places[name]:
                key = node.args[places[name]]
                found |= {str(c.value) for c in ast.walk(key) if isinstance(c, ast.Constant)}
    return found


@pytest.mark.proves("N1")
def test_every_sentence_has_its_text_in_both_languages() -> None:
    used = {key for key in _keys_in_code() if not key.endswith("_")} - {"token_prefix"}
    assert len(used) > 50
    for language in ("en", "ja"):
        texts = {key.removeprefix("settings.") for key in catalogue(language)}
        assert used <= texts, used - texts
