"""Settings that another process reads are those that this one would read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import Settings, load_settings
from bot.settings_process import Reading, SettingsProcessFailed

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
  - {name: a, scope: {names: ["web-*"]}, askers: [S0ENG], approvers: [S0SEC], longest: 4h,
     channel: C0OPS}
alerts: {routes: [{name: all, channel: C0ALERTS}], default_channel: C0ALERTS}
"""


def test_the_settings_of_the_other_process_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "sekisho.yaml"
    file.write_text(GOOD)
    expected = load_settings(file, ENVIRON)
    found = Reading(file, ENVIRON).result()
    assert found == expected
    assert isinstance(found, Settings)
    assert isinstance(expected, Settings)
    # the prepared keys, which no pipe carries, are prepared again
    assert found.audit.keys.mac(found.audit.keys.current, b"x") == expected.audit.keys.mac(
        expected.audit.keys.current, b"x"
    )


def test_its_mistakes_are_the_same_in_the_language_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "sekisho.yaml"
    file.write_text(GOOD.replace("longest: 4h", "longest: soon").replace("[U0ITO]", "[]"))
    expected = load_settings(file, ENVIRON, language="ja")
    assert isinstance(expected, list)
    assert len(expected) >= 2
    assert Reading(file, ENVIRON, language="ja").result() == expected


def test_a_process_that_ends_early_is_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(SettingsProcessFailed, match="ended with 1"):
        Reading(None, ENVIRON).result()


def test_this_process_does_without_the_library_that_checks() -> None:
    """It would cost every bot 12 MB for as long as it runs."""
    script = "import sys, bot.run, bot.settings_process; assert 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
