"""The rows that tests prove, and the documents that hold them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import rows

#: What two tests claim to prove.
PROVES = {"one": ("A1",), "two": ("A1", "C019")}


def report(nodeid: str, outcome: str, when: str = "call") -> pytest.TestReport:
    """What pytest says of one phase of a test."""
    return pytest.TestReport(
        nodeid=nodeid,
        location=("", None, ""),
        keywords={},
        outcome=outcome,  # type: ignore[arg-type]  # its type is a Literal of the three
        longrepr=None,
        when=when,  # type: ignore[arg-type]  # likewise
        user_properties=[("proves", id) for id in PROVES[nodeid]],
    )


@pytest.fixture
def plugin() -> rows.RowsPlugin:
    return rows.RowsPlugin()


def test_a_row_is_proved_by_a_pass(plugin: rows.RowsPlugin) -> None:
    plugin.pytest_runtest_logreport(report("two", "passed"))
    assert plugin.outcomes["A1"].is_proved
    assert plugin.outcomes["C019"].is_proved


def test_a_row_with_a_failure_beside_the_pass_is_not_proved(plugin: rows.RowsPlugin) -> None:
    plugin.pytest_runtest_logreport(report("one", "passed"))
    plugin.pytest_runtest_logreport(report("two", "failed", when="teardown"))
    assert not plugin.outcomes["A1"].is_proved


def test_a_set_up_alone_proves_nothing(plugin: rows.RowsPlugin) -> None:
    plugin.pytest_runtest_logreport(report("one", "passed", when="setup"))
    assert plugin.outcomes == {}


def test_a_skipped_test_proves_nothing(plugin: rows.RowsPlugin) -> None:
    plugin.pytest_runtest_logreport(report("one", "skipped", when="setup"))
    assert not plugin.outcomes["A1"].is_proved
    assert rows.why_not(rows.Row("A1", is_planned=False), plugin.outcomes["A1"]) == rows.SKIPPED


def test_a_planned_row_is_named_as_planned() -> None:
    assert rows.why_not(rows.Row("A8", is_planned=True), rows.Outcomes()) == rows.PLANNED


@pytest.mark.parametrize("document", rows.DOCUMENTS.values(), ids=lambda path: path.name)
def test_every_line_of_a_table_is_read_as_a_row(document: Path) -> None:
    lines = [
        line
        for line in document.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| id |")
    ]
    ids = [row.id for row in rows.rows_of(document)]
    assert len(ids) == len(lines)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("source", "document", "id_pattern", "prefix"),
    [
        ("FEATURES.md", "features", r"^\| ([A-O]\d+) \|", ""),
        ("FAULTS.md", "faults", r"^\| (\d+) \|", "FAULT-"),
        ("CASES.md", "field cases", r"^\| (C\d{3}) \|", ""),
    ],
)
def test_the_documents_hold_every_agreed_row(
    shared: Path, source: str, document: str, id_pattern: str, prefix: str
) -> None:
    text = (shared / source).read_text(encoding="utf-8")
    agreed = [prefix + id for id in re.findall(id_pattern, text, re.MULTILINE)]
    assert agreed
    assert [row.id for row in rows.rows_of(rows.DOCUMENTS[document])] == agreed
