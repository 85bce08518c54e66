"""The command line: what it says, in which language, with which exit code, at which cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.locales import read
from tests.bot.command import REPOSITORY, SECRETS, environment, sekisho, settings_file

HEAVY = ("azure", "slack_bolt", "slack_sdk", "babel", "prometheus_client")


def _modules_after(code: str) -> set[str]:
    """Top-level packages that are loaded when `code` has run in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        env=environment(), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.proves("J2")
def test_checking_the_log_needs_neither_azure_nor_bolt() -> None:
    loaded = _modules_after("import bot.cli, bot.audit_cli, bot.settings_reading")
    assert loaded.isdisjoint(HEAVY)


def test_help_loads_no_settings_and_no_server() -> None:
    loaded = _modules_after("import bot.cli\nbot.cli._parser(bot.cli.Console('en'))")
    assert loaded.isdisjoint({*HEAVY, "pydantic", "redis", "aiohttp", "yaml"})


@pytest.mark.proves("N1")
async def test_help_follows_the_language_of_the_terminal() -> None:
    japanese = await sekisho("--help", env={"LANG": "ja_JP.UTF-8"})
    english = await sekisho("--help", env={"LANG": "ja_JP.UTF-8", "LC_ALL": "C.UTF-8"})
    chosen = await sekisho("audit", "verify", "--language", "ja", "--help")
    assert "Azure VMへのJITアクセス" in japanese.out
    assert "Just-in-time access" in english.out
    assert "監査ログ全体を検証し" in chosen.out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("open-everything",),
        ("audit",),
        ("audit", "export", "--format", "xml", "--out", "x"),
        ("audit", "resume", "--accept-loss-after", "many"),
        ("run", "--nonsense"),
    ],
)
async def test_a_wrong_command_ends_with_2_and_says_where_help_is(words: tuple[str, ...]) -> None:
    ended = await sekisho(*words)
    assert ended.code == 2
    assert "--help" in ended.err
    assert "Traceback" not in ended.said


@pytest.mark.parametrize("command", [("run",), ("audit", "verify"), ("audit", "key")])
async def test_wrong_settings_end_with_2_and_name_the_line(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    file = settings_file(tmp_path, redis="mysql://x", more="surprise: true")
    ended = await sekisho(*command, "--config", str(file), env=SECRETS)
    assert ended.code == 2
    lines = ended.err.splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{file}:3", f"{file}:17"]
    assert "redis" in lines[0]
    assert "surprise" in lines[1]


async def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    ended = await sekisho("run", "--config", str(tmp_path / "none.yaml"))
    assert ended.code == 2
    assert "none.yaml" in ended.err
    assert "No such file" in ended.err


async def test_no_settings_at_all_says_how_to_name_them() -> None:
    ended = await sekisho("run")
    assert ended.code == 2
    assert "SEKISHO_CONFIG" in ended.err


@pytest.mark.proves("O7", "C079")
async def test_no_mistake_shows_a_secret(tmp_path: Path) -> None:
    file = settings_file(tmp_path, redis=f"embedded:{tmp_path}/data")
    secret = "xoxp-very-secret-value"
    ended = await sekisho("run", "--config", str(file), env={**SECRETS, "SLACK_BOT_TOKEN": secret})
    assert ended.code == 2
    assert "bot_token" in ended.err
    assert secret not in ended.said


async def test_a_start_that_fails_is_one_sentence(tmp_path: Path) -> None:
    file = settings_file(tmp_path, redis="redis://:hunter2secret@127.0.0.1:1")
    ended = await sekisho("run", "--config", str(file), env=SECRETS)
    assert ended.code == 1
    assert ended.err.splitlines()[-1].startswith("Sekisho did not start: Redis can't be used")
    assert "Traceback" not in ended.said
    assert "hunter2secret" not in ended.said


async def test_health_says_that_nobody_answers(tmp_path: Path) -> None:
    file = settings_file(
        tmp_path, redis=f"embedded:{tmp_path}", more="http: {health_host: 0.0.0.0, health_port: 1}"
    )
    ended = await sekisho("health", "--config", str(file), env=SECRETS)
    assert ended.code == 1
    assert "127.0.0.1:1" in ended.out


@pytest.mark.proves("N1")
def test_both_languages_say_the_same_things() -> None:
    english = dict(read("cli.en.toml"))
    japanese = dict(read("cli.ja.toml"))
    assert english.keys() == japanese.keys()
    for key, text in english.items():
        assert _places(text) == _places(japanese[key]), key


def _places(text: object) -> set[str]:
    import string

    return {name for _, name, _, _ in string.Formatter().parse(str(text)) if name}


def test_the_console_script_is_this_module() -> None:
    assert 'sekisho = "bot.cli:main"' in (REPOSITORY / "pyproject.toml").read_text()
