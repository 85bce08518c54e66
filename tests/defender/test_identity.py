"""Who we are to Azure."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from defender.clients import AzureClients
from tests.stage import set_stage

SCOPE = "https://redis.azure.com/.default"


@pytest.mark.proves("C110")
async def test_ca_file_is_read_once_for_calls_and_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await set_stage(tmp_path)
    read: list[object] = []
    make: Callable[..., ssl.SSLContext] = ssl.create_default_context

    def counted(*args: Any, **options: Any) -> ssl.SSLContext:
        read.append(options.get("cafile"))
        return make(*args, **options)

    monkeypatch.setattr(ssl, "create_default_context", counted)
    try:
        async with AzureClients(stage.settings.azure) as azure:
            await azure.token(SCOPE)
            await azure.token(SCOPE)
            await azure.get("/subscriptions", {"api-version": "2022-12-01"})
    finally:
        await stage.slack.stop()
        await stage.azure.stop()

    assert read == [str(stage.settings.azure.ca_file)]
