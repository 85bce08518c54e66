"""Fixtures of the tests of views: Slack's published types, both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.locale import Locale
from tests.handlers.views import samples


@pytest.fixture(scope="session")
def schemas(shared: Path) -> Path:
    """The folder of Slack's own types as JSON Schema."""
    return shared / "slack-schema"


@pytest.fixture(params=["en", "ja"])
def locale(request: pytest.FixtureRequest) -> Locale:
    return samples.locale(request.param)
