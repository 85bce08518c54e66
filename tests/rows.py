"""Which rows of the documents a passing test proves: a pytest plugin, and what `make rows` prints.

A test names its rows: ``@pytest.mark.proves("A1", "FAULT-7", "C019")``. A row is proved when at
least one test that names it passed and none failed. A run over all tests writes build/rows.json.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "build" / "rows.json"

#: What `make rows` counts apart, and the document that holds the rows.
DOCUMENTS = {
    "features": REPOSITORY / "docs" / "features.md",
    "faults": REPOSITORY / "docs" / "faults.md",
    "field cases": REPOSITORY / "docs" / "cases.md",
}

#: A change in one of these makes the outcomes of the last run old.
WATCHED = (
    "approvals", "bot", "defender", "delivery", "docs", "feeds", "handlers", "sandbox", "tests",
)  # fmt: skip

#: Why a row is not proved, worst first.
FAILED = "a test fails"
SKIPPED = "every test was skipped"
UNTESTED = "no test"
PLANNED = "planned for a later version"

#: A table row of a document: id first, since last.
ROW = re.compile(r"^\| (?P<id>[A-O]\d{1,2}|FAULT-\d+|C\d{3}) \| .* \| (?P<since>[^|]+) \|$")


@dataclass(frozen=True, slots=True)
class Row:
    """One promise of a document."""

    id: str
    is_planned: bool


@dataclass(slots=True)
class Outcomes:
    """How the tests that name one row ended."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def is_proved(self) -> bool:
        """A pass, and nothing against it; a skipped test says nothing."""
        return bool(self.passed) and not self.failed


def rows_of(document: Path) -> list[Row]:
    """The rows of a document, in its order."""
    matches = map(ROW.match, document.read_text(encoding="utf-8").splitlines())
    return [Row(m["id"], m["since"].strip() == "planned") for m in matches if m]


# --- the plugin ---------------------------------------------------------------------------------


class RowsPlugin:
    """Collects outcomes by row."""

    def __init__(self) -> None:
        """Start with no outcome."""
        self.outcomes: dict[str, Outcomes] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Learn what each test claims to prove, and refuse a row that no document has."""
        known = {row.id for document in DOCUMENTS.values() for row in rows_of(document)}
        for item in items:
            claimed = tuple(id for mark in item.iter_markers("proves") for id in mark.args)
            if unknown := [id for id in claimed if id not in known]:
                raise pytest.UsageError(
                    f"{item.nodeid} proves {', '.join(map(repr, unknown))}: no row of docs/ has it"
                )
            # with the report, since a worker process of xdist sends nothing else
            item.user_properties.extend(("proves", id) for id in claimed)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """File a test's outcome under its rows; errors before and after the test count too."""
        if report.outcome == "passed" and report.when != "call":
            return
        is_expected_failure = hasattr(report, "wasxfail")
        for id in (str(value) for name, value in report.user_properties if name == "proves"):
            outcomes = self.outcomes.setdefault(id, Outcomes())
            where = "failed" if is_expected_failure else report.outcome
            getattr(outcomes, where).append(report.nodeid)

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        """After a run over all tests: keep the outcomes, and say how many rows are proved."""
        if not covers_everything(config):
            return
        write_results(self.outcomes)
        terminalreporter.section("rows proved (make rows names the others)")
        for line in counts(self.outcomes):
            terminalreporter.write_line(line)


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin for this run."""
    config.pluginmanager.register(RowsPlugin(), "sekisho-rows")


def covers_everything(config: pytest.Config) -> bool:
    """Whether this run was over all tests; a run over some must not overwrite its outcomes."""
    narrowed = (
        "collectonly", "deselect", "ignore", "ignore_glob", "keyword", "lf", "markexpr", "maxfail",
    )  # fmt: skip
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(
        config.getoption(option, default=None) for option in narrowed
    )


# --- the file between the two -------------------------------------------------------------------


def write_results(outcomes: dict[str, Outcomes]) -> None:
    """Keep the outcomes for `make rows`."""
    RESULTS.parent.mkdir(exist_ok=True)
    content = {
        id: {"passed": o.passed, "failed": o.failed, "skipped": o.skipped}
        for id, o in sorted(outcomes.items())
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_results() -> dict[str, Outcomes]:
    """The outcomes of the last run over all tests."""
    content = json.loads(RESULTS.read_text(encoding="utf-8"))
    return {id: Outcomes(**lists) for id, lists in content.items()}


def is_fresh() -> bool:
    """Whether the last run over all tests saw every file as it is now."""
    if not RESULTS.exists():
        return False
    written_at = RESULTS.stat().st_mtime
    files = (file for folder in WATCHED for file in (REPOSITORY / folder).rglob("*.*"))
    return all(
        file.stat().st_mtime <= written_at for file in files if "__pycache__" not in file.parts
    )


# --- what is printed ----------------------------------------------------------------------------


def counts(outcomes: dict[str, Outcomes]) -> Iterator[str]:
    """One line for each document: of the rows of this version, and of all."""
    for name, document in DOCUMENTS.items():
        rows = rows_of(document)
        due = [row for row in rows if not row.is_planned]
        yield (
            f"{name}: {proved(due, outcomes)} of {len(due)} rows of this version proved, "
            f"{proved(rows, outcomes)} of {len(rows)} in all"
        )


def proved(rows: Iterable[Row], outcomes: dict[str, Outcomes]) -> int:
    """How many of the rows are proved."""
    return sum(outcomes.get(row.id, Outcomes()).is_proved for row in rows)


def details(outcomes: dict[str, Outcomes]) -> Iterator[str]:
    """Which rows are not proved, by document and by reason."""
    for document, count in zip(DOCUMENTS.values(), counts(outcomes), strict=True):
        yield count
        groups: dict[str, list[str]] = {}
        for row in rows_of(document):
            if reason := why_not(row, outcomes.get(row.id, Outcomes())):
                groups.setdefault(reason, []).append(row.id)
        for reason in (FAILED, SKIPPED, UNTESTED, PLANNED):
            if ids := groups.get(reason):
                yield f"  {reason}: {' '.join(ids)}"


def why_not(row: Row, outcomes: Outcomes) -> str | None:
    """Why a row is not proved; None when it is."""
    if outcomes.is_proved:
        return None
    if outcomes.failed:
        return FAILED
    if outcomes.skipped:
        return SKIPPED
    return PLANNED if row.is_planned else UNTESTED


def main() -> int:
    """Print the rows, after a run over all tests if the last one is not of these files."""
    if not is_fresh():
        print("No test run of the files as they are now: running pytest first.", flush=True)
        subprocess.run([sys.executable, "-m", "pytest", "--quiet"], cwd=REPOSITORY, check=False)
    if not RESULTS.exists():
        print("pytest could not run, so nothing is known of the rows.", file=sys.stderr)
        return 1
    print("\n".join(details(read_results())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
