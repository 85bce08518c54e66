"""Log Analytics over the wire: the product's own queries, both generations, every refusal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.identity.aio import ClientSecretCredential

from defender.file_changes import query_text
from sandbox.azure import SandboxAzure
from sandbox.azure.faults import too_many
from sandbox.azure.file_tables import HEARTBEAT, MDE, SCHEMAS, TRACKING
from tests.sandbox_azure.asking import Asker, Reply, asker

SHOP, DATA_WORKSPACE = (f"00000000-0000-0000-0000-0000000000{number}" for number in ("a1", "a2"))
QUERY_READ = "Microsoft.OperationalInsights/workspaces/query/read"


@pytest.fixture
async def logs(azure: SandboxAzure, credential: ClientSecretCredential) -> AsyncIterator[Asker]:
    async with asker(azure, credential, "https://api.loganalytics.io/.default") as found:
        yield found


async def ask(logs: Asker, query: str, workspace: str = SHOP, **more: str) -> Reply:
    return await logs.send(
        "POST", f"/v1/workspaces/{workspace}/query", {}, {"query": query, **more}
    )


def rows(reply: Reply) -> list[dict[str, Any]]:
    (table,) = reply.body["tables"]
    names = [column["name"] for column in table["columns"]]
    return [dict(zip(names, row, strict=True)) for row in table["rows"]]


def paths(reply: Reply) -> list[str]:
    return [row.get("FilePath") or row.get("FileSystemPath") or "" for row in rows(reply)]


def recent(azure: SandboxAzure, table: str, hours: float = 1) -> str:
    now = azure.clock.now()
    return query_text(table, now - timedelta(hours=hours), now + timedelta(seconds=5))


async def test_each_generation_writes_its_own_table(azure: SandboxAzure, logs: Asker) -> None:
    azure.change_file("web-01", "/etc/nginx/nginx.conf", account="root", process="vim")
    azure.change_file("dwh-01", "/etc/passwd")

    new = rows(await ask(logs, recent(azure, MDE)))
    old = rows(await ask(logs, recent(azure, TRACKING), DATA_WORKSPACE))

    assert [(row["Computer"], row["FilePath"], row["InitiatingProcessName"]) for row in new] == [
        ("web-01", "/etc/nginx/nginx.conf", "vim")
    ]
    assert [(row["Computer"], row["FileSystemPath"], row["ChangeCategory"]) for row in old] == [
        ("dwh-01", "/etc/passwd", "Modified")
    ]


@pytest.mark.parametrize(
    ("table", "workspace"), [(TRACKING, SHOP), (MDE, DATA_WORKSPACE), ("Nothing", SHOP)]
)
async def test_a_table_of_another_generation_is_a_semantic_error(
    logs: Asker, shared: Path, table: str, workspace: str
) -> None:
    published = json.loads((shared / "azure-examples/LogAnalytics/missing_table.json").read_text())

    refused = await ask(logs, f"{table}\n| where Computer == 'x'", workspace)

    assert refused.status == published["status"]
    expected = json.loads(json.dumps(published["body"]).replace(MDE, table))
    assert refused.body == expected


async def test_a_column_of_the_other_table_is_a_semantic_error(logs: Asker) -> None:
    refused = await ask(logs, f"{MDE} | where ConfigChangeType in ('Registry', 'Files')")

    inner = refused.body["error"]["innererror"]["innererror"]
    assert (refused.status, inner["code"]) == (400, "SEM0100")
    assert "Failed to resolve scalar expression named 'ConfigChangeType'" in inner["message"]


async def test_syntax_is_refused_in_other_words(logs: Asker, shared: Path) -> None:
    published = json.loads((shared / "azure-examples/LogAnalytics/errors.json").read_text())

    refused = await ask(logs, f"{MDE} | frobnicate")

    error = refused.body["error"]
    del error["innererror"]["innererror"]
    assert (refused.status, error) == (400, published["400_syntax"]["error"])


async def test_rows_are_found_by_when_they_became_readable(
    azure: SandboxAzure, logs: Asker
) -> None:
    azure.change_file("web-01", "/late", ago=timedelta(hours=6), delay=timedelta(minutes=1))
    azure.change_file("web-01", "/now")
    before = await ask(logs, recent(azure, MDE))
    azure.clock.advance(timedelta(minutes=2))
    after = await ask(logs, recent(azure, MDE))
    next_window = await ask(logs, recent(azure, MDE, hours=0.02))

    assert paths(before) == ["/now"]
    assert paths(after) == ["/now", "/late"]
    assert paths(next_window) == ["/late"]


async def test_services_are_left_out_and_registry_is_not(azure: SandboxAzure, logs: Asker) -> None:
    workspace = azure.workspaces.find(DATA_WORKSPACE)
    assert workspace is not None
    azure.change_file("dwh-01", "HKEY_LOCAL_MACHINE\\SOFTWARE\\Run", value_name="u", value="u.exe")
    azure.change_file("dwh-01", "/usr/sbin/d", columns={"ConfigChangeType": "Daemons"})

    found = rows(await ask(logs, recent(azure, TRACKING), DATA_WORKSPACE))

    assert [(row["ConfigChangeType"], row["ValueData"]) for row in found] == [("Registry", "u.exe")]


async def test_linux_tells_no_new_file_from_a_changed_one(azure: SandboxAzure, logs: Asker) -> None:
    azure.change_file("web-01", "/etc/cron.d/x", act="Created")
    azure.change_file("app-11", "C:\\Windows\\win.ini", act="Created")

    found = rows(await ask(logs, recent(azure, MDE)))

    assert [row["ChangeType"] for row in found] == ["Modified", "Created"]


async def test_a_change_may_be_written_twice(azure: SandboxAzure, logs: Asker) -> None:
    azure.change_file("web-01", "/etc/passwd", twice=True)

    assert paths(await ask(logs, recent(azure, MDE))) == ["/etc/passwd"] * 2


async def test_take_and_order_are_meant(azure: SandboxAzure, logs: Asker) -> None:
    for number in range(5):
        azure.change_file("web-01", f"/f{number}", delay=timedelta(seconds=-number))

    found = await ask(
        logs,
        f"{MDE} | extend SeenAt = ingestion_time() | order by SeenAt asc | project FilePath "
        "| take 2",
    )
    newest = await ask(logs, f"{MDE} | summarize LastAt = max(TimeGenerated), count() by Computer")

    assert paths(found) == ["/f4", "/f3"]
    (one,) = rows(newest)
    assert (one["Computer"], one["count_"]) == ("web-01", 5)
    types = [column["type"] for column in newest.body["tables"][0]["columns"]]
    assert types == ["string", "datetime", "long"]


async def test_a_timespan_beside_the_query_counts(azure: SandboxAzure, logs: Asker) -> None:
    azure.change_file("web-01", "/old", ago=timedelta(hours=3))
    azure.change_file("web-01", "/new")

    found = await ask(logs, f"{MDE} | project FilePath", timespan="PT3600.0S")

    assert paths(found) == ["/new"]


@pytest.mark.proves("C081")
async def test_a_partial_answer_has_rows_and_an_error(
    azure: SandboxAzure, logs: Asker, shared: Path
) -> None:
    sample = json.loads((shared / "samples/loganalytics-partial-error.json").read_text())
    for number in range(4):
        azure.change_file("web-01", f"/f{number}")
    azure.workspaces.faults.partial_answers = 1

    partial = await ask(logs, recent(azure, MDE))
    whole = await ask(logs, recent(azure, MDE))

    assert (partial.status, len(rows(partial)), len(rows(whole))) == (200, 2, 4)
    assert partial.body["error"] == sample["error"]
    assert "error" not in whole.body


async def test_machines_beat_unless_they_are_silent(azure: SandboxAzure, logs: Asker) -> None:
    azure.workspaces.silence(azure.machine("web-01"), azure.clock.now() - timedelta(hours=2))
    since = (azure.clock.now() - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = (
        f"{HEARTBEAT}\n| where TimeGenerated >= datetime({since})\n"
        "| summarize LastAt = max(TimeGenerated) by Computer, Resource = _ResourceId"
    )

    found = {row["Computer"] for row in rows(await ask(logs, query))}

    assert {"web-02", "app-11", "stg-web-01"} <= found
    assert not {"web-01", "web-08", "dwh-01"} & found


async def test_an_empty_workspace_says_nothing(azure: SandboxAzure, logs: Asker) -> None:
    workspace = azure.workspaces.find(SHOP)
    assert workspace is not None
    workspace.is_blank = True

    reply = await ask(logs, recent(azure, MDE))

    assert (reply.status, reply.body) == (204, "")


async def test_strangers_and_unknown_places_are_refused(
    azure: SandboxAzure, logs: Asker, credential: ClientSecretCredential
) -> None:
    async with asker(azure, credential, "https://graph.microsoft.com/.default") as other:
        wrong_audience = await ask(other, MDE)
    unknown = await ask(logs, MDE, "00000000-0000-0000-0000-0000000000ff")
    no_route = await logs.send("GET", "/v1/nothing")
    azure.rights.deny(QUERY_READ)
    forbidden = await ask(logs, MDE)

    assert (wrong_audience.status, wrong_audience.code) == (401, "InvalidTokenError")
    assert [(r.status, r.code) for r in (unknown, no_route)] == [(404, "PathNotFoundError")] * 2
    assert (forbidden.status, forbidden.code) == (403, "InsufficientAccessError")


async def test_too_many_queries_are_told_to_wait(azure: SandboxAzure, logs: Asker) -> None:
    azure.faults.add(too_many(7, path_contains="/query"))

    busy = await ask(logs, MDE)

    assert (busy.status, busy.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize("table", [MDE, TRACKING])
async def test_the_columns_are_those_of_the_published_rows(shared: Path, table: str) -> None:
    published = json.loads((shared / f"azure-examples/LogAnalytics/{table}_rows.json").read_text())[
        "tables"
    ][0]["columns"]

    assert {c["name"]: c["type"] for c in published}.items() <= SCHEMAS[table].items()


async def test_the_columns_are_those_of_the_sample(shared: Path) -> None:
    sample = json.loads((shared / "samples/fim-configurationchange-rows.json").read_text())

    columns = {c["name"]: c["type"] for c in sample["tables"][0]["columns"]}
    assert columns.items() <= SCHEMAS[TRACKING].items()
