"""What lists are sorted by is read of thousands at once, and is what the alerts themselves say."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from approvals.events import PersonId
from feeds.alert_lists import FACTS_MAX, READ_MAX, AlertLists
from feeds.cases import Case, write_case
from feeds.store import AlertStore
from tests.feeds.alerts import an_alert, arriving


async def decided(redis: Redis, store: AlertStore, key: str, case: Case) -> None:
    """As the ledger keeps it."""
    name = store.scripts.key("subject", f"alert:{key}")
    await redis.hset(name, mapping={"version": 1, "body": write_case(case)})


@pytest.mark.proves("D13")
async def test_open_ones_are_sorted_by_owner_severity_and_time(
    redis: Redis, store: AlertStore
) -> None:
    alerts = [
        an_alert(1, severity="High"),
        an_alert(2, severity="Low"),
        an_alert(3, severity="High"),
        an_alert(4, severity="Medium"),
        an_alert(5, severity="High"),
        an_alert(6, severity="High", status="Resolved"),
    ]
    await store.ingest(arriving(*alerts))
    await decided(redis, store, alerts[2].key, Case(owner=PersonId("U0SATO")))
    await decided(redis, store, alerts[4].key, Case(state="dismissed"))
    found = await AlertLists(store).open(100)
    numbers = [int(one.key[-5:]) for one in found]
    assert numbers == [1, 4, 2, 3]
    assert found[-1].case.owner == "U0SATO"


async def test_more_than_one_read_holds_all_of_them_once(store: AlertStore) -> None:
    count = READ_MAX + FACTS_MAX + 1
    alerts = [an_alert(number) for number in range(count)]
    for start in range(0, count, 500):
        await store.ingest(arriving(*alerts[start : start + 500]))
    lists = AlertLists(store)
    assert len(await lists.open(10_000)) == count
    assert len(await lists.open(FACTS_MAX + 3)) == FACTS_MAX + 3
    keys = [key async for key in lists.newest_keys()]
    assert keys == [alert.key for alert in reversed(alerts)]
    assert set(await lists.cases(keys)) == set(keys)


async def test_an_empty_store_has_no_lists(store: AlertStore) -> None:
    lists = AlertLists(store)
    assert await lists.open(10) == []
    assert await lists.cases([]) == {}
    assert await lists.cases(["unknown"]) == {"unknown": Case()}
    assert [key async for key in lists.newest_keys()] == []
