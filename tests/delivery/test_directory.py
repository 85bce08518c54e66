"""What is known of people and groups, and for how long it may be believed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from delivery.directory import PROFILE_MAX_AGE_SECONDS, PROFILE_STALE_SECONDS, Directory
from delivery.web_client import web_client
from sandbox.slack import SandboxSlack

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


class Watch:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def directory(slack: SandboxSlack, watch: Watch) -> AsyncIterator[Directory]:
    client = web_client(slack.bot_token, slack.url)
    yield Directory(client, monotonic=watch)
    assert client.session is not None
    await client.session.close()


async def test_a_profile_is_read_once_and_again_when_it_is_old(
    directory: Directory, slack: SandboxSlack, watch: Watch
) -> None:
    first = await directory.profile("U0YAMADA")
    assert first is not None
    assert (first.locale, first.time_zone) == ("ja-JP", "Asia/Tokyo")
    assert await directory.profile("U0YAMADA") is first
    watch.seconds += PROFILE_MAX_AGE_SECONDS + 1
    assert await directory.profile("U0YAMADA") == first
    assert len(slack.calls_of("users.info")) == 2


async def test_somebody_unknown_is_nobody(directory: Directory, slack: SandboxSlack) -> None:
    assert await directory.profile("U0NOBODY") is None
    assert await directory.profile("") is None
    assert len(slack.calls_of("users.info")) == 1


async def test_an_old_profile_serves_while_slack_is_silent_but_not_for_ever(
    directory: Directory, slack: SandboxSlack, watch: Watch
) -> None:
    await directory.profile("U0ALICE")
    slack.faults.rate_limit("users.info", 30, times=None)
    watch.seconds += PROFILE_MAX_AGE_SECONDS + 1
    assert await directory.profile("U0ALICE") is not None
    watch.seconds += PROFILE_STALE_SECONDS
    assert await directory.profile("U0ALICE") is None


@pytest.mark.proves("B12")
async def test_a_person_removed_from_a_group_is_gone_with_the_next_reading(
    directory: Directory, slack: SandboxSlack
) -> None:
    await directory.refresh_groups(now=NOW)
    assert directory.groups is not None
    assert "U0SATO" in directory.groups.members["S0SECURITY"]
    slack.groups["S0SECURITY"].users.remove("U0SATO")
    await directory.refresh_groups(now=NOW)
    assert "U0SATO" not in directory.groups.members["S0SECURITY"]


@pytest.mark.proves("B12")
async def test_a_deactivated_member_is_inactive_once_the_event_was_heard(
    directory: Directory, slack: SandboxSlack
) -> None:
    await directory.refresh_groups(now=NOW)
    await slack.deactivate("sato")
    directory.forget("U0SATO")
    await directory.refresh_groups(now=NOW)
    assert directory.groups is not None
    assert "U0SATO" in directory.groups.inactive


async def test_one_refused_look_up_makes_no_approver_inactive_who_was_known(
    directory: Directory, slack: SandboxSlack, watch: Watch
) -> None:
    await directory.refresh_groups(now=NOW)
    watch.seconds += PROFILE_MAX_AGE_SECONDS + 1
    slack.faults.rate_limit("users.info", 30, times=None)
    await directory.refresh_groups(now=NOW)
    assert directory.groups is not None
    assert directory.groups.inactive == frozenset()


@pytest.mark.proves("O6")
async def test_somebody_who_was_never_looked_up_decides_nothing(
    directory: Directory, slack: SandboxSlack
) -> None:
    slack.faults.http("users.info", 503, times=None)
    await directory.refresh_groups(now=NOW)
    assert directory.groups is not None
    assert {"U0SATO", "U0SUZUKI", "U0ITO"} <= directory.groups.inactive


@pytest.mark.proves("C078")
@pytest.mark.parametrize("error", ["missing_scope", "permission_denied"])
async def test_groups_that_cannot_be_read_leave_the_old_reading_to_age(
    directory: Directory, slack: SandboxSlack, error: str
) -> None:
    await directory.refresh_groups(now=NOW)
    before = directory.groups
    slack.faults.error("usergroups.list", error)
    await directory.refresh_groups(now=NOW.replace(hour=10))
    assert directory.groups is before
    assert directory.problem == error
    await directory.refresh_groups(now=NOW.replace(hour=10))
    assert directory.problem == ""


async def test_only_people_of_groups_that_rules_name_are_looked_up(
    directory: Directory, slack: SandboxSlack
) -> None:
    await directory.refresh_groups(now=NOW, people_of=frozenset({"S0SECURITY"}))
    asked = {call.args["user"] for call in slack.calls_of("users.info")}
    assert asked == set(slack.groups["S0SECURITY"].users)
    assert directory.groups is not None
    assert "S0ENG" in directory.groups.members


@pytest.mark.proves("D5")
async def test_an_address_is_known_only_with_its_scope(
    directory: Directory, slack: SandboxSlack
) -> None:
    yamada = await directory.profile("U0YAMADA")
    assert yamada is not None
    assert yamada.email == "yamada@example.com"
    found = await directory.by_email("Sato@Example.com")
    assert found is not None
    assert (found.user_id, found.locale) == ("U0SATO", "ja-JP")
    assert await directory.by_email("nobody@example.com") is None

    slack.scopes.discard("users:read.email")
    suzuki = await directory.profile("U0SUZUKI")
    assert suzuki is not None
    assert suzuki.email == ""
    assert await directory.by_email("kimura@example.com") is None
