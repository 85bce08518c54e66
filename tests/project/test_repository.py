"""What no tracked file may hold, and what the entry points of the repository promise."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import missing

#: A folder of one person's machine.
HOME_FOLDER = re.compile(r"/(?:home|Users)/[a-z][\w.-]*/")


@pytest.fixture(scope="session")
def tracked_texts(repository: Path) -> dict[str, str]:
    """Name and text of each tracked file that is text."""
    if not shutil.which("git") or not (repository / ".git").exists():
        pytest.skip("not a git checkout, so no file is tracked: clone the repository with git")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repository, capture_output=True, check=True, text=True
    )
    texts: dict[str, str] = {}
    for name in filter(None, listed.stdout.split("\0")):
        content = (repository / name).read_bytes() if (repository / name).is_file() else b"\0"
        if b"\0" not in content:
            texts[name] = content.decode("utf-8")
    return texts


def test_no_tracked_file_names_a_folder_of_this_machine(
    repository: Path, tracked_texts: dict[str, str]
) -> None:
    folders = [repository, repository.parent / "shared", Path.home()]
    ours = "|".join(re.escape(str(folder)) for folder in folders if folder != Path("/"))
    # `../shared` and a folder of that name elsewhere are not this machine's.
    this_machine = re.compile(rf"(?<![\w.])(?:{ours})/")
    found = [
        name
        for name, text in tracked_texts.items()
        if HOME_FOLDER.search(text) or this_machine.search(text)
    ]
    assert found == []


def test_no_tracked_file_names_a_package_index(tracked_texts: dict[str, str]) -> None:
    index = re.compile(r"--(?:extra-)?index-url|(?:^|\s)index-url\s*=", re.MULTILINE)
    found = {name for name, text in tracked_texts.items() if index.search(text)}
    assert found <= {"tests/project/test_repository.py"}


def test_the_licence_is_apache_2(repository: Path) -> None:
    licence = (repository / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def test_what_is_missing_is_skipped_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TESTS_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium"):
        missing("no Chromium: install it")


def test_where_all_is_required_what_is_missing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTS_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="no Chromium"):
        missing("no Chromium: install it")


def test_ci_requires_all_and_is_a_program(repository: Path) -> None:
    script = repository / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail" in text
    assert "export TESTS_REQUIRE_ALL=1" in text
    assert text.rstrip().endswith("make test")
