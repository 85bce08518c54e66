"""Rows of both tables, in every odd shape, as file changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from defender.errors import AzureUnavailable
from defender.file_change_decode import MDE, TRACKING, FileChange, decode_change
from defender.file_change_rows import rows_of

WORKSPACE = "00000000-0000-0000-0000-0000000000b1"


def decoded(body: bytes, table: str) -> list[FileChange]:
    found = rows_of(body)
    return [decode_change(row, table=table, workspace=WORKSPACE) for row in found.rows]


def one(table: str, **columns: Any) -> FileChange:
    return decode_change(columns, table=table, workspace=WORKSPACE)


@pytest.fixture
def odd(shared: Path) -> list[FileChange]:
    body = (shared / "samples" / "fim-configurationchange-rows.json").read_bytes()
    return decoded(body, TRACKING)


@pytest.mark.proves("C087")
def test_a_late_row_has_the_time_of_its_change(odd: list[FileChange]) -> None:
    assert odd[0].changed_at == datetime(2026, 11, 24, 17, 1, 50, tzinfo=UTC)
    assert odd[0].seen_at == datetime(2026, 11, 24, 22, 41, 7, 113123, tzinfo=UTC)


@pytest.mark.proves("C023")
def test_a_row_without_a_machine_keeps_what_is_known(odd: list[FileChange]) -> None:
    assert (odd[1].machine, odd[1].resource_id) == ("", "")
    assert odd[1].agent_id == "00000000-0000-0000-0000-0000000000ab"
    assert odd[1].place == odd[1].agent_id
    assert odd[1].workspace == WORKSPACE


@pytest.mark.proves("E3")
def test_every_odd_row_is_read(odd: list[FileChange]) -> None:
    assert [change.what for change in odd] == [
        "file", "file", "registry", "registry", "service", "file", "file",
    ]  # fmt: skip
    assert odd[2].path.endswith("\\Run")
    assert odd[2].new_value == "C:\\Temp\\u.exe\0C:\\Temp\\v.exe\0"
    assert odd[5].new_size == 9007199254740993
    assert odd[5].new_rights == "-rw-r--r-- root root"
    assert odd[0].resource_group == "rg-web"
    assert odd[2].subscription_id == "00000000-0000-0000-0000-000000000001"


@pytest.mark.proves("E3")
def test_the_double_row_is_one_and_equal_instants_are_not(odd: list[FileChange]) -> None:
    assert odd[0].key == odd[6].key
    assert len({change.key for change in odd}) == 6


@pytest.mark.proves("E3")
def test_defender_for_endpoint_says_who_did_it(shared: Path) -> None:
    folder = shared / "azure-examples" / "LogAnalytics"
    nginx, run = decoded((folder / "MDCFileIntegrityMonitoringEvents_rows.json").read_bytes(), MDE)
    assert (nginx.account, nginx.process, nginx.process_id) == ("root", "vim", 4242)
    assert nginx.act == "touched", "Linux does not tell a new file from a changed one"
    assert (run.what, run.act) == ("registry", "modified")
    assert (run.old_value, run.new_value) == ("C:\\Program Files\\U\\u.exe", "C:\\Temp\\u.exe")
    assert run.path.endswith("\\CurrentVersion\\Run\\Updater")


@pytest.mark.parametrize("kind", ["File", "Files", "file"])
def test_both_names_of_a_file_are_read(kind: str) -> None:
    assert one(MDE, MonitoredEntityType=kind, ChangeType="Created", FilePath="C:\\a").what == "file"


@pytest.mark.parametrize(
    ("table", "columns", "act"),
    [
        (MDE, {"ChangeType": "Modified", "FilePath": "C:\\boot.ini"}, "modified"),
        (MDE, {"ChangeType": "Modified", "FilePath": "/etc/hosts"}, "touched"),
        (MDE, {"ChangeType": "RegistryKeyRenamed"}, "renamed"),
        (MDE, {"ChangeType": "Hardlinked"}, "hardlinked"),
        (TRACKING, {"ChangeCategory": "Added"}, "created"),
        (TRACKING, {"ChangeCategory": "Modified", "FileSystemPath": "/etc/hosts"}, "modified"),
        (TRACKING, {}, ""),
    ],
)
def test_what_was_done(table: str, columns: dict[str, Any], act: str) -> None:
    assert one(table, **columns).act == act


def test_two_spellings_of_one_row_are_one() -> None:
    base = {"MonitoredEntityType": "File", "ChangeType": "Created", "FilePath": "/etc/a"}
    arm = "/subscriptions/S/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/web-01"
    first = one(MDE, **base, AzureResourceId=arm, TimeGenerated="2026-11-24T22:41:07.1000000Z")
    second = one(MDE, **base, AzureResourceId=arm.upper(), TimeGenerated="2026-11-24T22:41:07.1Z")
    later = one(MDE, **base, AzureResourceId=arm, TimeGenerated="2026-11-24T22:41:07.1000001Z")
    assert first.key == second.key
    assert first.key != later.key


@pytest.mark.proves("C124")
def test_a_decomposed_path_keeps_its_bytes() -> None:
    path = "/srv/フ\u309aラン"
    assert one(MDE, FilePath=path, ChangeType="Created").path == path


def test_the_time_that_a_package_brought_is_not_the_change_s() -> None:
    change = one(
        TRACKING, TimeGenerated="2026-11-24T22:00:00Z", DateModified="2023-01-01T00:00:00Z"
    )
    assert change.changed_at == datetime(2026, 11, 24, 22, tzinfo=UTC)


@pytest.mark.proves("C081")
def test_a_partial_answer_keeps_its_rows_and_says_why(shared: Path) -> None:
    body = (shared / "samples" / "loganalytics-partial-error.json").read_bytes()
    found = rows_of(body)
    assert len(found.rows) == 2
    assert "exceed the set limit of 64000000 bytes" in found.partial


@pytest.mark.parametrize("body", [b"", b"  \n", b'{"tables":[]}', b"{}", b'{"tables":null}'])
def test_a_workspace_without_data_has_no_rows(body: bytes) -> None:
    assert rows_of(body).rows == ()


def test_what_is_no_answer_is_refused() -> None:
    with pytest.raises(AzureUnavailable):
        rows_of(b"<html>")


def test_a_row_that_is_no_row_is_counted() -> None:
    table = {"columns": [{"name": "Computer"}], "rows": [["web-01"], "odd", None, ["web-02", 1]]}
    found = rows_of(json.dumps({"tables": [table]}).encode())
    assert [row["Computer"] for row in found.rows] == ["web-01", "web-02"]
    assert found.bad == 2


@pytest.mark.proves("E7")
def test_every_recorded_answer_is_read(shared: Path) -> None:
    recorded = json.loads((shared / "recordings" / "log_analytics_query.json").read_text("utf-8"))
    for exchange in recorded:
        found = rows_of(json.dumps(exchange["response"]["body"]).encode())
        for row in found.rows:
            decode_change(row, table=TRACKING, workspace=WORKSPACE)
