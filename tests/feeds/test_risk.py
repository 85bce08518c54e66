"""B2, B3: what an approver is told of the VM; unknown is never "none"."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from msgspec import structs
from redis.asyncio import Redis

from approvals.deeds import Subject
from approvals.request import Request
from feeds.file_change_reads import FileChangeReads
from feeds.file_change_records import SilentMachine, Weighed, milliseconds
from feeds.risk import UNKNOWN, AlertRisk, ChangeRisk, FeedRisk, RiskFacts
from feeds.store import AlertStore
from tests.feeds.alerts import an_alert, arriving
from tests.feeds.file_change_samples import NOW, WEB_01, change
from tests.feeds.test_correlation import active

VM = "/subscriptions/s/resourceGroups/g/providers/x/virtualMachines/WEB-01"


def alerts(store: AlertStore, read_at: datetime | None = NOW) -> AlertRisk:
    async def read() -> datetime | None:
        return read_at

    async def now() -> datetime:
        return NOW + timedelta(seconds=10)

    return AlertRisk(store, read, now)


@pytest.mark.proves("B2")
async def test_open_alerts_by_severity_with_the_newest_of_the_worst_named(
    store: AlertStore,
) -> None:
    await store.ingest(
        arriving(
            an_alert(1, severity="High", title="Web shell"),
            an_alert(2, severity="High", title="Reverse shell"),
            an_alert(3, severity="Low", title="Newer, but low"),
            an_alert(4, severity="High", status="Resolved"),
            an_alert(5, severity="High", is_sample=True),
            an_alert(6, severity="Medium", resource_id=""),
            an_alert(7, severity="High", machine="db-01", resource_id="/another"),
        )
    )
    found = await alerts(store).of_machine(VM, "web-01")
    assert found.alerts is not None
    assert list(found.alerts.items()) == [("High", 2), ("Medium", 1), ("Low", 1)]
    assert found.newest is not None
    assert found.newest.title == "Reverse shell"
    assert found.alerts_since is None


@pytest.mark.proves("B2")
@pytest.mark.parametrize("read_at", [None, NOW - timedelta(minutes=6)], ids=["never", "silent"])
async def test_a_feed_that_is_not_read_knows_nothing(
    store: AlertStore, read_at: datetime | None
) -> None:
    risk = alerts(store, read_at)
    assert await risk.of_machine(VM, "web-01") == RiskFacts(alerts_since=read_at)
    await store.ingest(arriving(an_alert(1, severity="High")))
    found = await risk.of_machine(VM, "web-01")
    assert (found.alerts, found.alerts_since) == ({"High": 1}, read_at)


async def test_no_open_alert_is_said_only_when_read(store: AlertStore) -> None:
    assert (await alerts(store).of_machine(VM, "web-01")).alerts == {}


class Changes:
    """Changes as they lie in Redis, and what else is asked about them."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.reads = FileChangeReads(redis, tag="test")
        self.requests: list[Request] = []
        self.silent: list[SilentMachine] = []
        self.cases: dict[str, bytes] = {}

    async def arrive(self, *rows: Weighed) -> None:
        pipe = self.redis.pipeline()
        key = self.reads.key
        for row in rows:
            at = row.change.changed_at or NOW
            place, name = row.change.place, row.change.key
            pipe.hset(key("changes:names"), place, b"{}")
            pipe.zadd(key("changes:machine", place), {name: milliseconds(at)})
            body = json.dumps(_plain(row))
            pipe.hset(key("change", name), mapping={"body": body, "fate": row.fate, "weight": 1})
        await pipe.execute()

    async def of_web_01(self) -> RiskFacts:
        async def requests(_id: str, n: int) -> list[Request]:
            return self.requests[:n]

        async def subject(name: Subject) -> tuple[int, bytes | None]:
            return 1, self.cases.get(name)

        async def silent() -> list[SilentMachine]:
            return self.silent

        async def now() -> datetime:
            return NOW + timedelta(hours=1)

        risk = ChangeRisk(self.reads, requests, subject, silent, now)
        return await FeedRisk(None, risk).of_machine(WEB_01, "web-01")


def _plain(row: Weighed) -> dict[str, Any]:
    made = row.change
    facts = {name: getattr(made, name) for name in made.__struct_fields__}
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in facts.items()}


def row(path: str, fate: str = "F-1", *, hours: float = 0) -> Weighed:
    made = change(path, seconds=hours * 3600)
    return Weighed(made, cast(Any, None), cast(Any, None), fate)


@pytest.fixture
def changes(redis: Redis) -> Changes:
    return Changes(redis)


@pytest.mark.proves("B3", "E5")
async def test_changes_that_nobody_explains(changes: Changes) -> None:
    await changes.arrive(
        row("/etc/hosts"),
        row("/etc/sudoers"),
        row("/etc/cron.d/x", "F-2"),
        row("/var/log/x", "muted:M-1"),
        row("/usr/bin/patched", "W-1"),
        row("/etc/older", hours=-25),
    )
    assert (await changes.of_web_01()).unexplained == 3
    changes.cases["changes:F-2"] = b'{"state": "resolved", "answer": "yes"}'
    assert (await changes.of_web_01()).unexplained == 2


@pytest.mark.proves("B3", "E5")
async def test_a_change_while_a_port_was_open_is_explained(changes: Changes) -> None:
    session = active(at=NOW - timedelta(minutes=1))
    await changes.arrive(row("/etc/hosts"), row("/etc/sudoers", hours=-2))
    assert (await changes.of_web_01()).unexplained == 2
    changes.requests = [_at_web_01(session)]
    assert (await changes.of_web_01()).unexplained == 1


def _at_web_01(request: Request) -> Request:
    return replace(request, target=structs.replace(request.target, resource_id=WEB_01))


@pytest.mark.proves("B3", "E7")
async def test_no_data_is_not_no_changes(changes: Changes) -> None:
    assert await changes.of_web_01() == UNKNOWN
    await changes.arrive(row("/etc/hosts", hours=-30))
    assert (await changes.of_web_01()).unexplained == 0
    since = NOW - timedelta(hours=30)
    place = WEB_01.casefold()
    changes.silent = [
        SilentMachine(id="S-1", place=place, machine="web-01", workspace="law-sec", since=since)
    ]
    assert await changes.of_web_01() == RiskFacts(changes_since=since)
