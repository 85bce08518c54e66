"""Rules are replaced by a right file only, and what happened is told."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.locales import load
from bot.policy_reload import Changed, Kept, LivePolicy, Unchanged, reload_text
from bot.settings import Settings, load_settings
from handlers.locale import Locale

EN = Locale("en", ZoneInfo("UTC"), load("en"))
JA = Locale("ja", ZoneInfo("Asia/Tokyo"), load("ja"))
ENVIRON = {
    "SLACK_BOT_TOKEN": "xoxb-1111111111-abcdef",
    "SLACK_APP_TOKEN": "xapp-1-A111-abcdef",
    "SEKISHO_AUDIT_KEY": "k" * 40,
}
GOOD = """\
redis: {url: "embedded:/tmp/x"}
azure: {subscriptions: [00000000-0000-0000-0000-000000000001]}
audit: {channel: C0AUDIT}
administrators: [U0ITO]
rules:
  - {name: a, scope: {names: ["*"]}, askers: [S0ENG], approvers: [S0SEC], longest: 4h,
     channel: C0OPS}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sekisho.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def live(file: Path) -> LivePolicy:
    found = load_settings(file, ENVIRON)
    assert isinstance(found, Settings)
    return LivePolicy(found, ENVIRON)


@pytest.mark.proves("C065", "FAULT-32")
def test_a_right_file_replaces_the_rules(file: Path, live: LivePolicy) -> None:
    before = live().version
    file.write_text(GOOD.replace("longest: 4h", "longest: 2h"))
    reload = live.reload()
    assert reload == Changed(before, live().version, 1)
    assert live().version != before
    assert live().rules[0].longest.total_seconds() == 7200
    said = reload_text(reload, EN)
    assert said is not None
    assert before in said
    assert live().version in said


@pytest.mark.proves("C065")
def test_a_wrong_file_changes_nothing_and_is_told(file: Path, live: LivePolicy) -> None:
    before = live()
    file.write_text(GOOD.replace("longest: 4h", "longest: 8"))
    reload = live.reload()
    assert isinstance(reload, Kept)
    assert live() is before
    for locale in (EN, JA):
        said = reload_text(reload, locale)
        assert said is not None
        assert before.version in said
        assert f"{file}:6: rules[0].longest" in said


@pytest.mark.proves("C065")
def test_what_needs_a_restart_is_named(file: Path, live: LivePolicy) -> None:
    file.write_text(GOOD + "language: ja\nhttp: {port: 3001}\n")
    reload = live.reload()
    assert reload == Unchanged(("languages", "http"))
    assert reload_text(reload, EN) == (
        "These settings differ from the file and need a restart: languages, http."
    )
    assert reload_text(Unchanged(), EN) is None


def test_the_file_is_read_when_it_was_touched(file: Path, live: LivePolicy) -> None:
    assert live.reload_if_touched() is None
    other = file.with_name("new.yaml")
    other.write_text(GOOD.replace("4h", "3h"))
    other.replace(file)
    assert isinstance(live.reload_if_touched(), Changed)
    assert live.reload_if_touched() is None
    file.unlink()
    assert live.reload_if_touched() is None
