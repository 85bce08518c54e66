"""The main job with a real redis-server, and that server killed between two clicks."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from approvals.audit.verify import verify
from approvals.events import State
from bot.redis_client import NotDurable
from tests.journeys.main_job import play_main_job
from tests.stage import Stage, set_stage

START_WITHIN = 10.0
LINE = "/jit db-02 22 for 1h from 203.0.113.7 ticket CHG-4821 because index rebuild"


@dataclass(slots=True)
class RealRedis:
    """One server with its data in a folder; may be killed and started again."""

    program: str
    folder: Path
    process: asyncio.subprocess.Process | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "redis.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    async def start(self, **options: str) -> None:
        """Return when it answers."""
        wanted = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
            "logfile": str(self.folder / "redis.log"),
        } | options
        arguments = [part for name, value in wanted.items() for part in (f"--{name}", value)]
        self.process = await asyncio.create_subprocess_exec(self.program, *arguments)
        async with asyncio.timeout(START_WITHIN):
            while not await self._answers():
                assert self.process.returncode is None, (self.folder / "redis.log").read_text()
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        client = Redis.from_url(self.url)
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()

    async def version(self) -> tuple[int, ...]:
        client = Redis.from_url(self.url)
        try:
            info = await client.info("server")
        finally:
            await client.aclose()
        return tuple(map(int, str(info["redis_version"]).split(".")))

    async def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(how)
            async with asyncio.timeout(START_WITHIN):
                await self.process.wait()


@pytest.fixture
async def real_redis(redis_server_path: str, tmp_path: Path) -> AsyncIterator[RealRedis]:
    """Debian's server, with what the product demands of it."""
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RealRedis(redis_server_path, folder)
    try:
        await server.start()
        yield server
    finally:
        await server.end()


@pytest.fixture
async def real_stage(real_redis: RealRedis, tmp_path: Path) -> AsyncIterator[Stage]:
    """The whole product on that server."""
    stage = await set_stage(tmp_path, redis_url=real_redis.url)
    try:
        await stage.start_bot()
        yield stage
    finally:
        await stage.stop()


@pytest.mark.proves("A2", "A3", "B1", "C1", "C3", "C4", "J1", "J2")
async def test_the_main_job_with_a_real_redis(real_redis: RealRedis, real_stage: Stage) -> None:
    assert await real_redis.version() >= (7,)
    await play_main_job(real_stage)


@pytest.mark.proves("FAULT-9", "FAULT-11", "B7")
async def test_a_killed_redis_keeps_the_first_of_two_approvals(
    real_redis: RealRedis, real_stage: Stage
) -> None:
    slack = real_stage.slack
    sato, suzuki = slack.person("sato"), slack.person("suzuki")
    await slack.person("alice").command("C0OPS", LINE)
    card = await slack.wait_message("C0OPS", containing="2 approvals needed", timeout=15)
    assert (await suzuki.click(card, "jit_approve")).acked
    await suzuki.wait_ephemeral("You approved: 1 of 2", timeout=15)
    await real_redis.end()
    await sato.click(card, "jit_approve")
    await sato.wait_ephemeral("監査ログ", timeout=15)
    assert not real_stage.azure.initiates
    await real_redis.start()
    await sato.click(card, "jit_approve")
    request = await real_stage.wait_state(State.ACTIVE, within=20)
    assert [approval.approver for approval in request.approvals] == ["U0SUZUKI", "U0SATO"]
    assert len(real_stage.azure.initiates) == 1
    report = await verify(real_stage.ledger.store, real_stage.ledger.keys)
    assert report.is_good


@pytest.mark.proves("M3", "FAULT-15")
async def test_a_real_redis_that_may_lose_writes_is_refused(
    redis_server_path: str, tmp_path: Path
) -> None:
    folder = tmp_path / "careless"
    folder.mkdir()
    server = RealRedis(redis_server_path, folder)
    try:
        await server.start(appendfsync="everysec")
        stage = await set_stage(tmp_path, redis_url=server.url)
        with pytest.raises(NotDurable, match="appendfsync"):
            await stage.start_bot()
        await stage.stop()
    finally:
        await server.end()
