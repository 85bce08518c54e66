"""Reading workspaces: what becomes of answers, failures, repetitions and silence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from redis.asyncio import Redis

from approvals.events import PersonId
from approvals.scope import compile_globs
from defender.errors import AzureBusy, AzureForbidden, AzureRefused, AzureUnavailable
from defender.file_change_decode import TRACKING, FileChange, decode_change
from defender.file_change_rows import rows_of
from defender.file_changes import ChangeBatch, FileIntegrityGateway, LastRow
from delivery.outbox import Card, ChannelId, Outbox
from feeds.file_change_store import FileChangeStore
from feeds.file_changes import FileChangeFeed
from feeds.routing import Route, Routing
from feeds.settings import FileChangeSettings
from feeds.windows import ChangeWindow, PathMute
from tests.feeds.file_change_samples import WEB_01, WORKSPACE, Gateway, change, settings

TAG = "sekisho"


class Desk:
    """A feed, its store and what it queued; rows are laid out relative to Redis' own time."""

    def __init__(self, redis: Redis, made: FileChangeSettings | None = None) -> None:
        self.gateway = Gateway()
        self.store = FileChangeStore(redis, tag=TAG)
        self.outbox = Outbox(redis, tag=TAG)
        self.settings = made or settings()
        self.feed = FileChangeFeed(
            cast(FileIntegrityGateway, self.gateway),
            self.store,
            lambda: self.settings,
            find=lambda resource_id: None,
        )

    async def arrive(self, rows: Sequence[FileChange], partial: str = "") -> None:
        now = await self.store.now()
        self.gateway.batches.append(ChangeBatch(tuple(rows), now, partial))
        await self.feed.poll()

    async def shown(self, channel: str = "C0WEB") -> list[str]:
        waiting = await self.outbox.waiting(ChannelId(channel), 1_000)
        return [str(q.item.object_id) for q in waiting if isinstance(q.item, Card)]

    async def counters(self) -> dict[str, int]:
        found = cast(Any, await cast(Any, self.store.redis.hgetall(f"{{{TAG}}}:counters:feeds")))
        return {name.decode(): int(n) for name, n in found.items()}

    async def at(self, seconds: float) -> datetime:
        return await self.store.now() + timedelta(seconds=seconds)


@pytest.fixture
def desk(redis: Redis) -> Desk:
    return Desk(redis)


async def recent(desk: Desk, *paths: str, **facts: Any) -> list[FileChange]:
    now = await desk.at(-5)
    return [
        change(path, changed_at=now, seen_at=now, seconds=n, **facts)
        for n, path in enumerate(paths)
    ]


@pytest.mark.proves("E4")
async def test_a_burst_becomes_one_card(desk: Desk) -> None:
    await desk.arrive(await recent(desk, "/etc/sudoers", "/etc/hosts", "/usr/bin/x"))
    assert await desk.shown() == ["changes:F-1"]
    burst = await desk.store.burst("F-1")
    assert burst is not None
    assert (burst.count, burst.dangerous) == (3, 1)
    assert {kind.value: n for kind, n in burst.kinds.items()} == {"config": 2, "system_binary": 1}
    rows = await desk.store.rows("F-1")
    assert rows[0].change.path == "/etc/sudoers", "the most dangerous first"


@pytest.mark.proves("E4")
async def test_reading_twice_tells_once(desk: Desk) -> None:
    rows = await recent(desk, "/etc/hosts", "/etc/motd")
    await desk.arrive(rows)
    await desk.arrive(rows)
    assert await desk.shown() == ["changes:F-1"]
    assert (await desk.counters())["changes_ingested"] == 2


@pytest.mark.proves("E4")
async def test_a_burst_grows_by_an_edit(desk: Desk) -> None:
    await desk.arrive(await recent(desk, "/etc/hosts"))
    await desk.arrive(await recent(desk, "/etc/hosts", "/etc/motd"))
    assert await desk.shown() == ["changes:F-1", "changes:F-1"]
    burst = await desk.store.burst("F-1")
    assert burst is not None
    assert (burst.count, burst.version) == (2, 2)


@pytest.mark.proves("E4")
async def test_what_comes_after_the_answer_is_asked_about_anew(desk: Desk) -> None:
    await desk.arrive(await recent(desk, "/etc/hosts"))
    case = json.dumps({"state": "resolved", "answer": "yes"})
    await cast(Any, desk.store.redis.hset(f"{{{TAG}}}:subject:changes:F-1", mapping={"body": case}))
    await desk.arrive(await recent(desk, "/etc/hosts", "/etc/shadow"))
    assert await desk.shown() == ["changes:F-1", "changes:F-2"]
    [burst] = await desk.store.bursts(["F-2"])
    assert (burst.count, burst.dangerous) == (1, 1)


@pytest.mark.proves("C087")
async def test_a_flood_is_one_digest(desk: Desk) -> None:
    now = await desk.at(0)
    kept = [
        change(f"/srv/{n}", seconds=n, changed_at=now - timedelta(hours=5, seconds=200 * n))
        for n in range(2_000)
    ]
    await desk.arrive(kept)
    assert set(await desk.shown()) == {"changes:F-1"}
    burst = await desk.store.burst("F-1")
    assert burst is not None
    assert (burst.kind, burst.count) == ("flood", 2_000)


@pytest.mark.proves("C023")
async def test_an_unknown_machine_goes_to_the_default_channel(desk: Desk, shared: Path) -> None:
    body = (shared / "samples" / "fim-configurationchange-rows.json").read_bytes()
    rows = [decode_change(r, table=TRACKING, workspace=WORKSPACE.id) for r in rows_of(body).rows]
    await desk.arrive(rows)
    [unknown] = await desk.shown("C0DEFAULT")
    burst = await desk.store.burst(unknown.removeprefix("changes:"))
    assert burst is not None
    assert burst.facts.machine == ""
    assert burst.facts.agent_id == "00000000-0000-0000-0000-0000000000ab"
    assert (await desk.counters())["changes_ingested"] == 6, "the double row is one"


@pytest.mark.proves("E6")
async def test_a_window_folds_changes_into_one_card(desk: Desk) -> None:
    now = await desk.at(0)
    window = ChangeWindow(
        id="W-1", pattern="web-*", opened_by=PersonId("U0SATO"), reason="patching",
        opened_at=now - timedelta(minutes=5), until=now + timedelta(hours=2),
    )  # fmt: skip
    await desk.store.put_window(window)
    one = await recent(desk, "/etc/sudoers", "/etc/hosts")
    two = await recent(desk, "/usr/bin/x", machine="web-02", resource_id="")
    other = await recent(desk, "/usr/bin/x", machine="db-01", resource_id="")
    await desk.arrive([*one, *two, *other])
    burst = await desk.store.burst("W-1")
    assert burst is not None
    assert (burst.kind, burst.count, burst.machines) == ("window", 3, 2)
    assert sorted(set(await desk.shown())) == ["changes:F-1", "changes:W-1"]


@pytest.mark.proves("E4", "E6")
async def test_muted_and_ignored_paths_are_counted_and_not_told(redis: Redis) -> None:
    desk = Desk(redis, settings(ignored=compile_globs(("/var/log/*",))))
    mute = PathMute(
        id="M-1", place=change().place, machine="web-01", pattern="/srv/*",
        muted_by=PersonId("U0SATO"), until=await desk.at(3_600),
    )  # fmt: skip
    await desk.store.put_mute(mute)
    await desk.arrive(await recent(desk, "/var/log/x", "/srv/y"))
    assert await desk.shown() == []
    counters = await desk.counters()
    assert (counters["changes_ingested"], counters["changes_muted"]) == (2, 2)
    found = await desk.store.of_path("/srv/y", await desk.at(-60))
    assert [row.fate for row in found] == ["muted:M-1"]


async def test_a_route_names_the_channel(redis: Redis) -> None:
    route = Route("database", "C0DB", names=compile_globs(("db-*",)))
    desk = Desk(redis, settings(routing=Routing((route,), "C0DEFAULT")))
    await desk.arrive(await recent(desk, "/etc/hosts", machine="DB-01", resource_id=""))
    assert await desk.shown("C0DB") == ["changes:F-1"]


# --- windows of reading ---


@pytest.mark.proves("E7")
async def test_windows_of_reading_overlap(desk: Desk) -> None:
    await desk.feed.poll()
    await desk.feed.poll()
    (first, end), (second, _) = desk.gateway.asked
    assert second == end - timedelta(minutes=10)
    assert end - first == timedelta(hours=1, minutes=10)
    assert desk.gateway.probes == 1


@pytest.mark.proves("C081")
async def test_a_partial_answer_is_told_and_halves_the_window(desk: Desk) -> None:
    now = await desk.at(0)
    seen = now - timedelta(minutes=40)
    row = change(changed_at=seen, seen_at=seen)
    desk.gateway.batches.append(ChangeBatch((row,), seen, "exceed the set limit", 0, seen))
    await desk.feed.poll()
    assert await desk.shown() == ["changes:F-1"]
    state = await desk.feed.states.read(WORKSPACE)
    assert (state.problem, state.read_to) == ("partial", seen)
    assert "exceed" in state.detail
    await desk.feed.poll()
    since, until = desk.gateway.asked[-1]
    assert since == seen - timedelta(minutes=10)
    assert timedelta(minutes=34) < until - seen < timedelta(minutes=36), "half of 70 minutes"
    assert (await desk.feed.states.read(WORKSPACE)).problem == ""


@pytest.mark.proves("C043")
@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (AzureRefused("BadArgumentError", "Failed to resolve", 400), "refused"),
        (AzureForbidden("InsufficientAccessError", "no", 403), "forbidden"),
        (AzureBusy("429", "", 429, retry_after=timedelta(seconds=30)), "busy"),
        (AzureUnavailable("GatewayTimeout", "", 504), "unavailable"),
    ],
)
async def test_a_failure_is_named_and_not_repeated_at_once(
    desk: Desk, error: Any, problem: str
) -> None:
    desk.gateway.error = error
    for _ in range(3):
        await desk.feed.poll()
    assert len(desk.gateway.asked) == 1
    state = await desk.feed.states.read(WORKSPACE)
    assert state.problem == problem
    assert state.wait_until is not None
    assert desk.feed.warning() == f"law-sec: {problem}"


@pytest.mark.proves("C043")
async def test_one_workspace_stops_no_other(redis: Redis) -> None:
    other = type(WORKSPACE)("law-two", "00000000-0000-0000-0000-0000000000b2")
    desk = Desk(redis, settings(workspaces=(WORKSPACE, other)))
    desk.gateway.error = AzureRefused("BadArgumentError", "", 400)
    await desk.feed.poll()
    assert len(desk.gateway.asked) == 2


@pytest.mark.proves("E7", "C043")
async def test_a_workspace_without_tables_is_named(desk: Desk) -> None:
    desk.gateway.tables = ()
    await desk.feed.poll()
    assert desk.gateway.asked == []
    assert (await desk.feed.states.read(WORKSPACE)).problem == "no_tables"


# --- silence ---


def last(name: str, at: datetime) -> LastRow:
    return LastRow(name, WEB_01.replace("web-01", name), at)


@pytest.mark.proves("E7")
async def test_a_silent_machine_is_told_once_and_when_it_is_back(desk: Desk) -> None:
    now = await desk.at(0)
    alive, silent = last("web-01", now), last("app-07", now - timedelta(hours=36))
    desk.gateway.last = (silent, alive)
    await desk.feed.poll()
    assert await desk.shown("C0DEFAULT") == ["changes:S-1"]
    [machine] = await desk.feed.silence.all()
    assert machine.machine == "app-07"
    await again(desk)
    assert await desk.shown("C0DEFAULT") == ["changes:S-1"]
    desk.gateway.last = (alive, last("app-07", now))
    await again(desk)
    assert await desk.feed.silence.all() == []
    burst = await desk.store.burst("S-1")
    assert burst is not None
    assert burst.back_at is not None


@pytest.mark.proves("E7")
async def test_a_machine_that_beats_is_only_quiet(desk: Desk) -> None:
    now = await desk.at(0)
    desk.gateway.last = (last("app-07", now - timedelta(hours=36)), last("web-01", now))
    desk.gateway.beats = {"app-07": now}
    await desk.feed.poll()
    assert await desk.shown("C0DEFAULT") == []


@pytest.mark.proves("E7")
@pytest.mark.parametrize(("beats", "is_unknown"), [(None, True), ({}, False)])
async def test_no_table_of_heartbeats_is_not_the_same_as_no_beat(
    desk: Desk, beats: dict[str, datetime] | None, is_unknown: bool
) -> None:
    now = await desk.at(0)
    desk.gateway.last = (last("app-07", now - timedelta(hours=36)), last("web-01", now))
    desk.gateway.beats = beats
    await desk.feed.poll()
    told = await desk.store.burst("S-1")
    assert told is not None
    assert told.facts.is_unknown is is_unknown
    assert (await desk.feed.states.read(WORKSPACE)).has_beats is not is_unknown


@pytest.mark.proves("E7")
async def test_a_silent_workspace_is_one_message(desk: Desk) -> None:
    old = await desk.at(-36 * 3600)
    desk.gateway.last = tuple(last(f"app-{n}", old) for n in range(40))
    await desk.feed.poll()
    await again(desk)
    assert await desk.shown("C0DEFAULT") == ["changes:S-1"]
    assert (await desk.feed.states.read(WORKSPACE)).is_silent


async def again(desk: Desk) -> None:
    """The next look at silence, a quarter of an hour later."""
    state = await desk.feed.states.read(WORKSPACE)
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    state = msgspec.structs.replace(state, silence_looked_at=long_ago)
    await desk.feed.states.write(WORKSPACE, state)
    await desk.feed.poll()
