"""Fixtures that every folder of tests may use; a folder's own live in its own conftest.py."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import NoReturn

import pytest

pytest_plugins = ["tests.rows", "tests.redis_fixtures"]

REPOSITORY = Path(__file__).resolve().parent.parent

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder of this checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of facts, recordings and schemas that lies beside the checkout."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no ../shared beside this checkout: its facts and recordings are not here")
    return folder


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The system's Chromium, for tests of the page in the browser."""
    named = os.environ.get("SEKISHO_CHROMIUM")
    path = named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    return path or missing(
        "no Chromium: install it (Debian: apt-get install chromium fonts-ipafont-gothic "
        "fonts-noto-color-emoji) or name its program in SEKISHO_CHROMIUM"
    )


@pytest.fixture(scope="session")
def redis_server_path() -> str:
    """A real redis-server, for tests that must hold with it as with the embedded Valkey."""
    path = os.environ.get("SEKISHO_REDIS_SERVER") or shutil.which("redis-server")
    return path or missing(
        "no redis-server: install it (Debian: apt-get install redis-server) "
        "or name its program in SEKISHO_REDIS_SERVER"
    )


def missing(reason: str) -> NoReturn:
    """Skip for a program that is not installed; .ci/run installs all and lets none be skipped."""
    if os.environ.get("TESTS_REQUIRE_ALL"):
        pytest.fail(f"{reason}; TESTS_REQUIRE_ALL is set, so this is a failure", pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Logs with lone surrogates (a test's input) can't travel between xdist's processes."""
    report = yield
    report.sections = [
        (name, content.encode("utf-8", "backslashreplace").decode())
        for name, content in report.sections
    ]
    return report
