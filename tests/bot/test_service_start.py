"""A start that fails, or is cut short, leaves nothing behind: no server, no task, no connection."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError

from bot import embedded, run
from bot.embedded import EmbeddedError
from bot.service import Service
from bot.settings import Proxy, Settings
from tests.stage import Stage, set_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Slack and Azure; the test starts the bot."""
    stage = await set_stage(tmp_path)
    yield stage
    await stage.slack.stop()
    await stage.azure.stop()


def folder_of(settings: Settings) -> Path:
    return Path(settings.redis.url.removeprefix("embedded:"))


async def assert_nothing_left(stage: Stage, before: set[asyncio.Task[object]]) -> None:
    """The embedded server has ended and so has every task of the start."""
    assert embedded._lock_is_free(folder_of(stage.settings))
    left = {task for task in asyncio.all_tasks() - before if not task.done()}
    own = {
        task.get_name() for task in left if task.get_name() in ("redis", "socket mode", "behind")
    }
    assert own == set()


def refuse_bot_token(settings: Settings) -> Settings:
    return replace(settings, slack=replace(settings.slack, bot_token="xoxb-0-wrong"))


def refuse_app_token(settings: Settings) -> Settings:
    return replace(settings, slack=replace(settings.slack, app_token="xapp-1-A0-wrong"))


@pytest.mark.proves("M1")
@pytest.mark.parametrize("harm", [refuse_bot_token, refuse_app_token])
async def test_refused_token_ends_what_was_begun(stage: Stage, harm: object) -> None:
    assert callable(harm)
    before = asyncio.all_tasks()
    service = Service(harm(stage.settings))
    with pytest.raises(SlackApiError):
        await service.start()
    await assert_nothing_left(stage, before)
    await service.stop()  # as `sekisho run` does, whatever became of the start


async def test_catalogue_that_is_missing_ends_the_server(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails while the server is just being started beside it."""

    def missing(_language: str) -> None:
        raise FileNotFoundError("en.toml")

    monkeypatch.setattr("bot.service.load", missing)
    before = asyncio.all_tasks()
    with pytest.raises(FileNotFoundError):
        await Service(stage.settings).start()
    await assert_nothing_left(stage, before)


@pytest.mark.parametrize("after", [0.0, 0.01, 0.02, 0.04, 0.06, 0.1])
async def test_start_that_is_cut_short_leaves_nothing(stage: Stage, after: float) -> None:
    before = asyncio.all_tasks()
    service = Service(stage.settings)
    starting = asyncio.create_task(service.start())
    await asyncio.wait({starting}, timeout=after)  # wherever it is by then, or ready
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    if not starting.cancelled():
        await service.stop()
    await assert_nothing_left(stage, before)


async def test_server_that_does_not_start_is_said(stage: Stage, tmp_path: Path) -> None:
    environ = {**os.environ, "SEKISHO_VALKEY_SERVER": str(tmp_path / "no-such-program")}
    with pytest.raises(EmbeddedError, match="no-such-program"):
        await Service(stage.settings, environ=environ).start()


@pytest.mark.proves("C094")
async def test_service_in_process_hands_the_proxy_over_to_azures_clients(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")  # put back afterwards
    proxy = Proxy(url="http://proxy.example.com:8080", direct=("intern.example.com",))
    service = Service(replace(refuse_bot_token(stage.settings), proxy=proxy))
    with pytest.raises(SlackApiError):
        await service.start()
    assert os.environ["https_proxy"] == "http://proxy.example.com:8080"
    assert os.environ["no_proxy"].startswith("intern.example.com,localhost,127.0.0.1")


async def test_stopping_twice_is_stopping_once(stage: Stage) -> None:
    service = Service(stage.settings)
    await service.start()
    await service.stop()
    await service.stop()
    assert embedded._lock_is_free(folder_of(stage.settings))


class Gated(Service):
    """Its feeds come when the test says so."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.gate = asyncio.Event()
        self.is_broken = False

    async def _wire_feeds(self) -> None:
        await self.gate.wait()
        if self.is_broken:
            raise RuntimeError("the feeds can't be wired")
        await super()._wire_feeds()


async def test_what_is_about_the_feeds_waits_for_them(stage: Stage) -> None:
    """The JIT edge answers meanwhile; nobody hears that a command does not exist."""
    service = Gated(stage.settings)
    await service.start()
    try:
        alice = stage.slack.person("alice")
        early = asyncio.create_task(alice.command("C0OPS", "/alerts help"))
        await alice.command("C0OPS", "/jit help")
        await alice.wait_ephemeral("/jit")
        assert not early.done()
        service.gate.set()
        await early
        await alice.wait_ephemeral("/alerts")
    finally:
        await service.stop()


async def test_feeds_that_cannot_be_wired_end_the_process(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a bot that answers and never tells an alert would be worse than none."""
    made: list[Gated] = []

    def make(settings: Settings) -> Gated:
        service = Gated(settings)
        service.is_broken = True
        service.gate.set()
        made.append(service)
        return service

    monkeypatch.setattr(run, "Service", make)
    before = asyncio.all_tasks()
    with pytest.raises(RuntimeError, match="can't be wired"):
        await run._run(stage.settings)
    assert made
    await assert_nothing_left(stage, before)
