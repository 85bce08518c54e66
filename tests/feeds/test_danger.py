"""Which paths are dangerous, why, and what kind of thing they are."""

from __future__ import annotations

import pytest

from approvals.scope import compile_globs
from feeds.danger import ROOT_HOME, Kind, Why, danger_of, kind_of, short_hive
from feeds.settings import Dangerous
from tests.feeds.file_change_samples import change, settings

RUN = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\Updater"


@pytest.mark.proves("E4")
@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/etc/sudoers", Why.ADMIN_RIGHTS),
        ("/etc/sudoers.d/90-deploy", Why.ADMIN_RIGHTS),
        (f"{ROOT_HOME}/.ssh/authorized_keys", Why.SIGN_IN_KEYS),
        ("/home/ビルド/.ssh/authorized_keys2", Why.SIGN_IN_KEYS),
        ("C:\\ProgramData\\ssh\\administrators_authorized_keys", Why.SIGN_IN_KEYS),
        ("/etc/shadow", Why.ACCOUNTS),
        ("/etc/ssh/sshd_config.d/50-本番 <!here>.conf", Why.SIGN_IN),
        ("/etc/pam.d/sshd", Why.SIGN_IN),
        (RUN, Why.STARTS_AT_SIGN_IN),
        (RUN.removesuffix("\\Updater"), Why.STARTS_AT_SIGN_IN),
        (RUN.upper(), Why.STARTS_AT_SIGN_IN),
        ("/etc/cron.d/x", Why.SCHEDULED),
        ("/var/spool/cron/root", Why.SCHEDULED),
        ("C:\\Windows\\System32\\Tasks\\x", Why.SCHEDULED),
        ("/etc/systemd/system/x.service", Why.STARTS_BY_ITSELF),
        ("HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\X\\Start", Why.STARTS_BY_ITSELF),
        ("/etc/ld.so.preload", Why.LOADED),
        ("/boot/grub/grub.cfg", Why.BOOT),
    ],
)
def test_dangerous_paths(path: str, why: Why) -> None:
    what = "registry" if path.startswith("HKEY") else "file"
    found = danger_of(change(path, what=what))
    assert found.is_dangerous
    assert found.why is why


@pytest.mark.parametrize(
    "path",
    ["/etc/hosts", "/usr/bin/openssl", "/etc/cron.daily/logrotate", "C:\\Users\\a", "", "[", "\\"],
)
def test_ordinary_paths(path: str) -> None:
    assert not danger_of(change(path)).is_dangerous


@pytest.mark.proves("E4")
def test_the_settings_weigh_on_top() -> None:
    globs = compile_globs(("/srv/prod/*",))
    assert globs is not None
    made = settings(dangerous=(Dangerous(globs, 80),))
    assert danger_of(change("/srv/prod/x"), made.weight).why is Why.LISTED
    assert danger_of(change("/etc/sudoers"), made.weight).weight == 100


@pytest.mark.parametrize(
    ("path", "what", "kind"),
    [
        ("/usr/bin/openssl", "file", Kind.SYSTEM_BINARY),
        ("/sbin/init", "file", Kind.SYSTEM_BINARY),
        ("C:\\Windows\\System32\\cmd.exe", "file", Kind.SYSTEM_BINARY),
        ("C:\\Windows\\System32\\kernel32.dll", "file", Kind.LIBRARY),
        ("/etc/nginx/nginx.conf", "file", Kind.CONFIG),
        ("/opt/app/app.yaml", "file", Kind.CONFIG),
        ("/etc/cron.daily/logrotate", "file", Kind.SCHEDULE),
        (f"{ROOT_HOME}/.ssh/authorized_keys", "file", Kind.KEYS),
        (RUN, "registry", Kind.RUN_KEY),
        ("HKEY_LOCAL_MACHINE\\SOFTWARE\\X", "registry", Kind.REGISTRY),
        ("W32Time", "service", Kind.SERVICE),
        ("sshd", "daemon", Kind.SERVICE),
        ("curl", "software", Kind.SOFTWARE),
        ("/srv/data.bin", "file", Kind.OTHER),
        ("", "file", Kind.OTHER),
    ],
)
def test_kinds(path: str, what: str, kind: Kind) -> None:
    assert kind_of(change(path, what=what)) is kind


def test_hives_are_shortened() -> None:
    assert short_hive("HKEY_LOCAL_MACHINE\\SOFTWARE") == "HKLM\\SOFTWARE"
    assert short_hive("HKLM\\SOFTWARE") == "HKLM\\SOFTWARE"
    assert short_hive("hkey_users") == "HKU"
