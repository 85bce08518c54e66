"""What is remembered of the estate: with its age, for typing ahead alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from defender.errors import AzureUnavailable
from defender.estate import ARC, Estate
from defender.records import Machine, PolicySnapshot, Subscription
from tests.defender.estate import NOW, POLICY, SUBSCRIPTION, WEB_01, machine

OTHER = SUBSCRIPTION[:-1] + "2"


class Azure:
    """An estate that a test changes."""

    def __init__(self) -> None:
        self.known = [Subscription(SUBSCRIPTION, "Shop"), Subscription(OTHER, "Other")]
        self.is_down = False
        self.now = NOW

    def clock(self) -> datetime:
        return self.now

    async def subscriptions(self) -> tuple[Subscription, ...]:
        return tuple(self.known)

    async def machines(self, subscription_id: str) -> tuple[Machine, ...]:
        if self.is_down:
            raise AzureUnavailable("ServerBusy", "x", 503)
        return (WEB_01, machine("no-jit")) if subscription_id == SUBSCRIPTION else ()

    async def arc_machines(self, subscriptions: Sequence[Subscription]) -> tuple[Machine, ...]:
        if self.is_down:
            raise AzureUnavailable("ServerBusy", "x", 503)
        assert list(subscriptions) == self.known
        return (machine("arc-1"),)

    async def policies(self, subscription_id: str) -> PolicySnapshot:
        return PolicySnapshot((POLICY,) if subscription_id == SUBSCRIPTION else ())


@pytest.fixture
def azure() -> Azure:
    return Azure()


@pytest.fixture
async def estate(azure: Azure) -> Estate:
    made = Estate(azure, azure, clock=azure.clock)
    for subscription in await made.subscriptions():
        await made.refresh(subscription.id)
    return made


@pytest.mark.proves("A3")
async def test_machines_with_a_policy_can_be_asked_for(estate: Estate) -> None:
    assert [item.name for item in estate.index.machines] == ["no-jit", "web-01"]
    assert [item.name for item in estate.askable.machines] == ["web-01"]
    assert estate.has_policy(WEB_01)
    assert estate.policy_hint(WEB_01) == (POLICY,)
    assert estate.policy_hint(machine("no-jit")) == ()


async def test_knowledge_has_an_age_and_outlives_a_failed_reading(
    estate: Estate, azure: Azure
) -> None:
    azure.now += timedelta(minutes=7)
    azure.is_down = True
    with pytest.raises(AzureUnavailable):
        await estate.refresh(SUBSCRIPTION)
    assert estate.age(SUBSCRIPTION) == timedelta(minutes=7)
    assert estate.oldest() == timedelta(minutes=7)
    assert estate.age(SUBSCRIPTION[:-1] + "9") is None
    assert len(estate.index) == 2


async def test_one_subscription_that_fails_keeps_no_other_from_being_read(azure: Azure) -> None:
    estate = Estate(azure, azure, clock=azure.clock)
    assert await estate.refresh_all() == {}
    azure.now += timedelta(minutes=1)
    azure.is_down = True
    failed = await estate.refresh_all()
    assert {key: error.code for key, error in failed.items()} == {
        SUBSCRIPTION: "ServerBusy",
        OTHER: "ServerBusy",
    }
    assert estate.age(SUBSCRIPTION) == timedelta(minutes=1)
    assert len(estate.index) == 2


async def test_a_restart_can_type_ahead_at_once_and_knows_how_old_that_is(
    estate: Estate, azure: Azure
) -> None:
    restarted = Estate(azure, azure, clock=azure.clock)
    assert restarted.oldest() is None
    assert await restarted.from_cache(estate.to_cache())
    azure.now += timedelta(hours=1)
    assert restarted.age(SUBSCRIPTION) == timedelta(hours=1)
    assert restarted.index.machines == estate.index.machines
    assert restarted.policy_hint(WEB_01) == (POLICY,)


async def test_an_old_cache_never_replaces_what_was_read_since(
    estate: Estate, azure: Azure
) -> None:
    cache = estate.to_cache()
    azure.now += timedelta(hours=1)
    await estate.refresh(SUBSCRIPTION)
    assert await estate.from_cache(cache)
    assert estate.age(SUBSCRIPTION) == timedelta(0)


@pytest.mark.parametrize(
    "cache", [b"", b"\x80", b"garbage", b'{"format":1}', b"\x82\xa6format\x63\xa4seen\x90"]
)
async def test_a_cache_that_is_not_ours_is_left_alone(estate: Estate, cache: bytes) -> None:
    assert not await estate.from_cache(cache)
    assert len(estate.index) == 2


async def test_a_subscription_that_is_gone_is_forgotten(estate: Estate, azure: Azure) -> None:
    azure.known = azure.known[1:]
    await estate.subscriptions()
    assert len(estate.index) == 0
    assert estate.age(SUBSCRIPTION) is None


@pytest.mark.proves("D14")
async def test_machines_outside_azure_are_kept_apart_and_outlive_a_failed_reading(
    azure: Azure,
) -> None:
    estate = Estate(azure, azure, clock=azure.clock, arc=azure)
    assert await estate.refresh_all() == {}
    for index, names in ((estate.arc, ["arc-1"]), (estate.askable, ["web-01"])):
        assert [item.name for item in index.machines] == names
    assert estate.index.by_name("arc-1") == ()
    azure.is_down = True
    assert ARC in await estate.refresh_all()
    restarted = Estate(azure, azure, clock=azure.clock, arc=azure)
    assert await restarted.from_cache(estate.to_cache())
    assert [item.name for item in restarted.arc.machines] == ["arc-1"]


async def test_a_follower_takes_what_the_leader_has_read_since(
    estate: Estate, azure: Azure
) -> None:
    follower = Estate(azure, azure, clock=azure.clock)
    assert await follower.from_cache(estate.to_cache())
    azure.now += timedelta(hours=1)
    await estate.refresh(SUBSCRIPTION)
    assert await follower.from_cache(estate.to_cache())
    assert follower.age(SUBSCRIPTION) == timedelta(0)
