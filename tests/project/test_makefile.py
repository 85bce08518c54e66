"""What the Makefile says when the machine lacks something."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import missing

#: A Python that is new enough and can't do what the last argument says.
WITHOUT = '#!/bin/sh\ncase "$*" in *{word}*) exit 1;; esac\nexec {python} "$@"\n'


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """A checkout in which nothing was installed."""
    if not shutil.which("make"):
        missing("no make: install it (Debian: apt-get install make)")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(repository / name, tmp_path)
    shutil.copytree(repository / "locks", tmp_path / "locks")
    return tmp_path


def make_with(checkout: Path, *, python: str) -> subprocess.CompletedProcess[str]:
    """`make check` with that Python."""
    (checkout / "python").write_text(python, encoding="utf-8")
    (checkout / "python").chmod(0o755)
    return subprocess.run(
        ["make", "check", "PYTHON=./python"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_old_python_is_refused_in_one_sentence(checkout: Path) -> None:
    done = make_with(checkout, python="#!/bin/sh\nexit 1\n")
    assert done.returncode == 2
    assert "Sekisho needs Python 3.11 or newer" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_names_the_package(checkout: Path) -> None:
    done = make_with(checkout, python=WITHOUT.format(word="venv", python=sys.executable))
    assert done.returncode == 2
    assert "install python3-venv" in done.stderr
    assert not (checkout / ".venv" / ".ready").exists()


def test_help_is_what_make_alone_prints(checkout: Path) -> None:
    done = subprocess.run(["make"], cwd=checkout, capture_output=True, text=True, check=True)
    for target in ("make demo", "make test", "make rows", "make bench", "make lock"):
        assert target in done.stdout
