"""The lock files: complete, hashed, and silent about where packages come from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

NAMES = ("build", "dev", "runtime")
PINNED = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", re.MULTILINE)


def pins(repository: Path, name: str) -> dict[str, str]:
    """Package and version of each line of a lock."""
    return dict(PINNED.findall((repository / "locks" / f"{name}.txt").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_names_no_registry_and_no_path(repository: Path, name: str) -> None:
    text = (repository / "locks" / f"{name}.txt").read_text(encoding="utf-8")
    for forbidden in ("://", "--index", "--extra-index", "--find-links", "--trusted", "/", "@"):
        assert forbidden not in text


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_lock_is_a_pinned_version_with_hashes(repository: Path, name: str) -> None:
    text = (repository / "locks" / f"{name}.txt").read_text(encoding="utf-8")
    for requirement in text.replace("\\\n", " ").strip().splitlines():
        assert PINNED.match(requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


def test_the_locks_agree(repository: Path) -> None:
    dev = pins(repository, "dev")
    for name in ("build", "runtime"):
        assert pins(repository, name).items() <= dev.items()


def test_every_declared_package_is_locked(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    declared = {
        "runtime": project["project"]["dependencies"],
        "dev": [entry for entry in groups["dev"] if isinstance(entry, str)],
        "build": groups["build"],
    }
    for name, requirements in declared.items():
        names = {re.split(r"[><=;\[ ]", entry)[0].lower() for entry in requirements}
        assert names <= pins(repository, name).keys()
