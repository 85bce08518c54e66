"""Change windows and muted paths: whom they cover, and who may open one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from approvals.events import PersonId, Target
from approvals.scope import make_scope
from feeds.windows import ChangeWindow, PathMute, is_machine_pattern, meant, mute_for, window_for
from tests.approvals import policy_samples as samples
from tests.approvals.policy_samples import membership, policy, rule
from tests.feeds.file_change_samples import NOW, change

ALICE = PersonId("U0ALICE")
WINDOW = ChangeWindow(
    id="W-1",
    pattern="web-*",
    opened_by=ALICE,
    opened_at=NOW,
    until=NOW + timedelta(hours=2),
    reason="patching",
)


@pytest.mark.proves("E6")
@pytest.mark.parametrize(
    ("name", "minutes", "covered"),
    [
        ("web-01", 0, True),
        ("WEB-01", 119, True),
        ("web-01", 120, False),
        ("web-01", -1, False),
        ("db-01", 5, False),
        ("", 5, False),
    ],
)
def test_what_a_window_covers(name: str, minutes: int, *, covered: bool) -> None:
    at = NOW + timedelta(minutes=minutes)
    assert (window_for(name, at, [WINDOW]) is not None) is covered


@pytest.mark.proves("E6")
def test_a_closed_window_covers_nothing_more() -> None:
    closed = msgspec.structs.replace(WINDOW, closed_at=NOW + timedelta(minutes=10))
    assert closed.covers("web-01", NOW + timedelta(minutes=9))
    assert not closed.covers("web-01", NOW + timedelta(minutes=10))
    assert not closed.is_open(NOW + timedelta(minutes=10))


@pytest.mark.proves("E6", "C124")
@pytest.mark.parametrize(
    ("pattern", "path", "muted"),
    [
        ("/var/log/*", "/var/log/app/x", True),
        ("/srv/プ*", "/srv/フ\u309aラン", True),
        ("HKEY_LOCAL_MACHINE\\SOFTWARE\\X\\*", "HKLM\\software\\x\\y", True),
        ("/etc/hosts", "/etc/hostname", False),
    ],
)
def test_what_a_muted_path_covers(pattern: str, path: str, *, muted: bool) -> None:
    place = change().place
    mute = PathMute(
        id="M-1", place=place, machine="web-01", pattern=pattern, muted_by=ALICE,
        until=NOW + timedelta(days=1),
    )  # fmt: skip
    assert (mute_for(place, path, NOW, [mute]) is not None) is muted
    assert mute_for("another", path, NOW, [mute]) is None
    assert mute_for(place, path, NOW + timedelta(days=2), [mute]) is None


@pytest.mark.proves("E6")
def test_askers_and_approvers_of_every_machine_may_open_a_window() -> None:
    machines = [target("web-01"), target("web-02"), target("db-01")]
    askers = rule(scope=make_scope(names=["web-*"]))
    rules = policy(askers)
    for person in (samples.ALICE, samples.SUZUKI):
        found = meant("web-*", machines, person=person, policy=rules, membership=membership())
        assert found.is_allowed
        assert found.machines == ("web-01", "web-02")
    found = meant("*", machines, person=samples.ALICE, policy=rules, membership=membership())
    assert not found.is_allowed
    assert found.not_yours == ("db-01",)
    found = meant("web-*", machines, person=samples.STRANGER, policy=rules, membership=membership())
    assert found.not_yours == ("web-01", "web-02")


def test_machines_that_nobody_knows_are_an_administrators() -> None:
    rules = replace(policy(rule()), administrators=frozenset({samples.ITO}))
    for person, is_allowed in ((samples.ALICE, False), (samples.ITO, True)):
        found = meant("onprem-*", [], person=person, policy=rules, membership=membership())
        assert found.is_allowed is is_allowed


def target(name: str) -> Target:
    return Target("/id/" + name, name, "rg", samples.SUBSCRIPTION, "sub", "japaneast")


@pytest.mark.parametrize(
    ("word", "fits"), [("web-*", True), ("", False), ("web 01", False), ("x" * 101, False)]
)
def test_patterns(word: str, *, fits: bool) -> None:
    assert is_machine_pattern(word) is fits
