"""A change that the sensor and the agentless scan both report is one; a second one stays a second.

Times are hours from when the sensor saw it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from defender.file_change_decode import MDE, TRACKING, FileChange, decode_change
from feeds.file_change_twins import is_of_scan, pairs
from tests.feeds.file_change_samples import WEB_01, change
from tests.feeds.test_file_change_feed import Desk, desk

__all__ = ["desk"]

HOUR = 3_600
NOBODY: dict[str, Any] = {"account": "", "process": ""}


def seen(key: str = "sensor", hours: float = 0, **facts: Any) -> FileChange:
    return change(seconds=hours * HOUR, **{"key": key, "new_hash": "aa", "new_size": 10, **facts})


def scanned(hours: float = 6, **facts: Any) -> FileChange:
    return seen("scan", hours, **{**NOBODY, **facts})


REGISTRY: dict[str, Any] = {"what": "registry", "act": "modified", "new_hash": "", "new_size": None}


@pytest.mark.proves("E2", "E3")
@pytest.mark.parametrize(
    ("rows", "is_one"),
    [
        ([seen(), scanned()], True),
        ([scanned(), seen()], True),
        ([seen(), scanned(hours=24)], True),
        ([seen(), scanned(new_hash="AA", new_size=11)], True),
        ([seen(new_hash=""), scanned()], True),
        ([seen(**REGISTRY, new_value="1"), scanned(**REGISTRY, new_value="1")], True),
        ([seen(new_hash="b"), seen("later", 1), scanned()], True),
        ([seen(), scanned(hours=26)], False),
        ([seen(), scanned(hours=-1)], False),
        ([seen(), scanned(new_hash="bb")], False),
        ([seen(new_hash=""), scanned(new_size=11)], False),
        ([seen(new_hash="", new_size=None), scanned(new_hash="", new_size=None)], False),
        ([seen(**REGISTRY, new_value="1"), scanned(**REGISTRY, new_value="2")], False),
        ([seen(**REGISTRY, new_value=""), scanned(**REGISTRY, new_value="")], False),
        ([seen(act="created"), scanned()], False),
        ([seen(), scanned(path="/etc/passwd")], False),
        ([seen(), scanned(resource_id="", machine="web-02")], False),
        ([seen(), seen("again", 6)], False),
        ([scanned(hours=0), seen("scan 2", 6, **NOBODY)], False),
        ([seen(table=TRACKING), scanned(table=TRACKING)], False),
        ([seen(), scanned(process_id=7)], False),
        ([seen(), scanned(remote="203.0.113.7")], False),
        ([seen(changed_at=None), scanned()], False),
        # another change in between: what the scan sees is one that the sensor has missed
        ([seen(), seen("later", 1, new_hash="bb"), scanned()], False),
        ([seen(twin="an earlier scan"), scanned()], False),
    ],
)  # fmt: skip
def test_what_is_one_change_and_what_is_not(rows: list[FileChange], is_one: bool) -> None:
    found = pairs(rows)
    assert len(found) == is_one
    if found:
        assert is_of_scan(found[0].scan)
        assert not is_of_scan(found[0].sensor)


@pytest.mark.proves("E3")
@pytest.mark.parametrize("nobody", [None, "", 0])
def test_rows_as_log_analytics_sends_them_are_joined(nobody: object) -> None:
    sensor = {
        "TimeGenerated": "2026-11-25T01:00:00.1234567Z", "Computer": "web-01",
        "AzureResourceId": WEB_01, "MonitoredEntityType": "File", "ChangeType": "Modified",
        "FilePath": "/etc/passwd", "FileSha256": "ab" * 32, "FileSize": "2048",
        "InitiatingProcessId": 4711, "InitiatingProcessName": "vim",
        "InitiatingProcessAccountName": "root",
    }  # fmt: skip
    who = ("InitiatingProcessId", "InitiatingProcessName", "InitiatingProcessAccountName")
    late = {"TimeGenerated": "2026-11-25T20:00:00Z", "AzureResourceId": WEB_01.upper()}
    scan = {**sensor, **late, **dict.fromkeys(who, nobody if nobody != 0 else None)}
    if nobody == 0:
        scan["InitiatingProcessId"] = 0
    rows = [decode_change(row, table=MDE, workspace="w") for row in (sensor, scan)]
    [pair] = pairs(rows)
    assert [pair.sensor, pair.scan] == rows
    assert rows[0].key != rows[1].key


def test_of_two_scans_one_alone_is_the_sensors() -> None:
    rows = [seen(), scanned(hours=2), seen("scan 2", 3, **NOBODY)]
    assert [(pair.sensor.key, pair.scan.key) for pair in pairs(rows)] == [("sensor", "scan")]


def told(at: datetime, rows: list[FileChange]) -> list[FileChange]:
    """The rows moved to where Redis' clock is: the last of them is a moment old."""
    last = max(row.changed_at for row in rows if row.changed_at)
    return [
        FileChange(
            **{
                **{name: getattr(row, name) for name in row.__struct_fields__},
                "changed_at": (row.changed_at or last) + (at - last),
                "seen_at": at,
            }
        )
        for row in rows
    ]


@pytest.mark.proves("E2", "E3", "E4")
@pytest.mark.parametrize("way", ["sensor first", "scan first", "at once"])
async def test_one_change_is_told_with_both_sources_whichever_comes_first(
    desk: Desk, way: str
) -> None:
    rows = told(await desk.at(-5), [seen(), scanned(hours=20)])
    if way == "at once":
        await desk.arrive(rows)
    else:
        for row in rows if way == "sensor first" else rows[::-1]:
            await desk.arrive([row])
    for _ in range(2):
        await desk.arrive(rows)
    [burst] = await desk.store.newest_bursts(rows[0].place)
    [kept] = await desk.store.rows(burst.id)
    assert (burst.count, kept.change.account, kept.change.process) == (1, "root", "vim")
    assert {kept.change.key, kept.change.twin} == {"sensor", "scan"}
    assert (await desk.counters())["changes_ingested"] == 1
    assert (await desk.counters())["changes_joined"] == 1


@pytest.mark.proves("E4")
async def test_second_change_of_the_same_file_is_never_dropped(desk: Desk) -> None:
    rows = told(await desk.at(-5), [seen(), scanned(), seen("scan 2", 7, **NOBODY)])
    for row in rows:
        await desk.arrive([row])
    assert (await desk.counters())["changes_ingested"] == 2


@pytest.mark.proves("E4")
async def test_killed_before_the_rows_are_joined_the_next_reading_does_it(desk: Desk) -> None:
    rows = told(await desk.at(-5), [seen(), scanned()])
    found = await desk.feed._joining.look(rows)
    await desk.arrive(found.own)  # as if the process had ended here
    await desk.arrive(rows)
    assert (await desk.counters())["changes_ingested"] == 1
    assert (await desk.counters())["changes_joined"] == 1
    assert (await desk.store.changes(["scan"])) == []
