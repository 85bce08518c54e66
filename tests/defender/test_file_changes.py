"""Log Analytics over the wire: which table there is, windows, partial answers, refusals."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from defender.clients import AzureClients
from defender.errors import AzureBusy, AzureForbidden, AzureNotFound, AzureRefused
from defender.file_change_decode import MDE, TRACKING
from defender.file_change_queries import ROWS_MAX, query_text
from defender.file_changes import FileIntegrityGateway
from tests.defender.wire import Answer, Wire

GUID = "00000000-0000-0000-0000-0000000000b1"
PATH = f"/v1/workspaces/{GUID}/query"
SINCE = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=1)
ZONES = st.sampled_from([UTC, ZoneInfo("Asia/Tokyo"), ZoneInfo("America/St_Johns")])
INSTANT = re.compile(r"datetime\(([^)]*)\)")


@pytest.fixture
async def gateway(wire: Wire) -> AsyncIterator[FileIntegrityGateway]:
    async with AzureClients(wire.settings(log_analytics=wire.url)) as clients:
        yield FileIntegrityGateway(clients)


def table(rows: list[list[Any]], *, error: Any = None) -> Answer:
    names = ["SeenAt", "TimeGenerated", "Computer", "ChangeType", "FilePath"]
    columns = [{"name": name, "type": "string"} for name in names]
    body: dict[str, Any] = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]}
    return Answer(body | ({"error": error} if error else {}))


def row(minute: float, path: str = "/etc/hosts") -> list[Any]:
    at = (SINCE + timedelta(minutes=minute)).isoformat()
    return [at, at, "web-01", "Modified", path]


def missing(shared: Path) -> Answer:
    found = json.loads(
        (shared / "azure-examples" / "LogAnalytics" / "missing_table.json").read_text("utf-8")
    )
    return Answer(found["body"], found["status"])


def queries(wire: Wire) -> list[str]:
    return [call.body["query"] for call in wire.received]


def windows(wire: Wire) -> list[tuple[float, float]]:
    """The asked windows, in minutes after SINCE."""
    found = []
    for text in queries(wire):
        line = next(each for each in text.splitlines() if "SeenAt >=" in each)
        first, last = (datetime.fromisoformat(each) for each in INSTANT.findall(line))
        found.append(
            ((first - SINCE) / timedelta(minutes=1), (last - SINCE) / timedelta(minutes=1))
        )
    return found


def by_table(shared: Path, *there: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def play(request: web.Request) -> web.StreamResponse:
        asked = json.loads(await request.text())["query"].split()[0]
        return (table([]) if asked in there else missing(shared)).response()

    return play


@pytest.mark.proves("C043", "E7")
@pytest.mark.parametrize("there", [(), (MDE,), (TRACKING,), (MDE, TRACKING)])
async def test_the_generation_is_found_by_asking(
    wire: Wire, gateway: FileIntegrityGateway, shared: Path, there: tuple[str, ...]
) -> None:
    wire.answer("POST", PATH, by_table(shared, *there))
    assert await gateway.generation(GUID) == there
    assert len(wire.received) == 2


@pytest.mark.proves("C043")
async def test_a_semantic_error_is_asked_once(
    wire: Wire, gateway: FileIntegrityGateway, shared: Path
) -> None:
    wire.answer("POST", PATH, missing(shared))
    with pytest.raises(AzureRefused):
        await gateway.changes(GUID, SINCE, UNTIL, tables=(MDE,))
    assert len(wire.received) == 1


@pytest.mark.proves("E7")
async def test_rows_are_read_by_when_they_became_readable(
    wire: Wire, gateway: FileIntegrityGateway
) -> None:
    wire.answer("POST", PATH, table([row(5), row(1), row(5)]))
    batch = await gateway.changes(GUID, SINCE, UNTIL, tables=(MDE,))
    assert [change.seen_at for change in batch.rows] == [
        SINCE + timedelta(minutes=1),
        SINCE + timedelta(minutes=5),
    ]
    assert (batch.complete_to, batch.is_partial) == (UNTIL, False)
    assert batch.last_seen_at == SINCE + timedelta(minutes=5)
    [text] = queries(wire)
    assert "ingestion_time()" in text
    assert text == query_text(MDE, SINCE, UNTIL)


@pytest.mark.proves("C081")
async def test_a_partial_answer_is_asked_again_in_halves(
    wire: Wire, gateway: FileIntegrityGateway, shared: Path
) -> None:
    error = json.loads((shared / "samples" / "loganalytics-partial-error.json").read_text("utf-8"))
    partial = table([row(1, "/etc/a")], error=error["error"])
    wire.answer("POST", PATH, partial, table([row(1, "/etc/a"), row(2)]), table([row(45)]))
    batch = await gateway.changes(GUID, SINCE, UNTIL, tables=(MDE,))
    assert windows(wire) == [(0, 60), (0, 30), (30, 60)]
    assert len(batch.rows) == 3
    assert batch.complete_to == UNTIL
    assert "exceed the set limit" in batch.partial


@pytest.mark.proves("C081")
async def test_an_answer_that_stays_partial_moves_to_its_last_row(
    wire: Wire, gateway: FileIntegrityGateway
) -> None:
    wire.answer("POST", PATH, table([row(3)], error={"code": "PartialError", "message": "cut"}))
    batch = await gateway.changes(GUID, SINCE, UNTIL, tables=(MDE,))
    assert len(wire.received) == 4, "a few halves, then the rest waits for the next reading"
    assert batch.complete_to == SINCE + timedelta(minutes=3)


@pytest.mark.proves("C081")
async def test_a_full_answer_is_sliced_by_time(wire: Wire, gateway: FileIntegrityGateway) -> None:
    full = table([row(n / 1_000, f"/srv/{n}") for n in range(ROWS_MAX + 1)])
    wire.answer("POST", PATH, full, table([row(1)]), table([row(40)]))
    batch = await gateway.changes(GUID, SINCE, UNTIL, tables=(MDE,))
    assert windows(wire) == [(0, 60), (0, 30), (30, 60)]
    assert batch.complete_to == UNTIL
    assert not batch.is_partial


@pytest.mark.parametrize("status", [200, 204])
async def test_an_empty_body_is_no_rows(
    wire: Wire, gateway: FileIntegrityGateway, status: int
) -> None:
    wire.answer("POST", PATH, Answer(status=status))
    batch = await gateway.changes(GUID, SINCE, UNTIL, tables=(MDE, TRACKING))
    assert batch.rows == ()
    assert batch.complete_to == UNTIL


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [("403_access", 403, AzureForbidden), ("404", 404, AzureNotFound)],
)
async def test_refusals_keep_their_names(
    wire: Wire, gateway: FileIntegrityGateway, shared: Path, name: str, status: int, kind: Any
) -> None:
    bodies = json.loads(
        (shared / "azure-examples" / "LogAnalytics" / "errors.json").read_text("utf-8")
    )
    wire.answer("POST", PATH, Answer(bodies[name], status))
    with pytest.raises(kind):
        await gateway.generation(GUID)


async def test_too_many_questions_are_answered_with_a_wait(
    wire: Wire, gateway: FileIntegrityGateway
) -> None:
    wire.answer("POST", PATH, Answer({}, 429, {"Retry-After": "120"}))
    with pytest.raises(AzureBusy) as busy:
        await gateway.generation(GUID)
    assert busy.value.retry_after == timedelta(seconds=120)


@pytest.mark.proves("FAULT-29")
@settings(max_examples=100, deadline=None)
@given(
    since=st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=ZONES),
    minutes=st.integers(0, 10_000),
    table=st.sampled_from([MDE, TRACKING]),
)
def test_a_query_is_our_text_and_two_instants(since: datetime, minutes: int, table: str) -> None:
    text = query_text(table, since, since + timedelta(minutes=minutes))
    said = INSTANT.sub("datetime()", text)
    assert said == INSTANT.sub("datetime()", query_text(table, SINCE, UNTIL))
    for instant in INSTANT.findall(text):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", instant)


@pytest.mark.proves("FAULT-29")
@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(), st.sampled_from([f"{GUID}/query?x=", f"{GUID}\n", f"{GUID}'"])))
def test_a_workspace_is_named_by_a_guid_alone(name: str) -> None:
    clients = cast(AzureClients, None)  # nothing is asked: it would be an AttributeError
    with pytest.raises(ValueError, match="GUID"):
        FileIntegrityGateway(clients).generation(name).send(None)


async def test_no_query_holds_foreign_text(wire: Wire, gateway: FileIntegrityGateway) -> None:
    with pytest.raises(ValueError, match="GUID"):
        await gateway.generation("x' | drop")
    assert wire.received == []


@pytest.mark.proves("E7")
async def test_who_sent_last_and_who_beats(
    wire: Wire, gateway: FileIntegrityGateway, shared: Path
) -> None:
    names = ["Computer", "Resource", "LastAt"]
    rows = [
        ["web-01", "/subscriptions/S/web-01", "2026-11-24T22:00:00Z"],
        ["WEB-01", "/SUBSCRIPTIONS/s/WEB-01", "2026-11-24T23:00:00Z"],
        ["", "", "2026-11-24T23:00:00Z"],
        ["app-07", "", None],
    ]
    body = {"tables": [{"columns": [{"name": n} for n in names], "rows": rows}]}
    wire.answer("POST", PATH, Answer(body), Answer(body), missing(shared))
    [last] = await gateway.last_seen(GUID, UNTIL, tables=(MDE,))
    assert last.at == datetime(2026, 11, 24, 23, tzinfo=UTC)
    beats = await gateway.heartbeats(GUID, SINCE)
    assert beats is not None
    assert set(beats) == {"web-01", "/subscriptions/s/web-01"}
    assert await gateway.heartbeats(GUID, SINCE) is None  # no such table: nothing is known
