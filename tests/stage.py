"""The whole product on loopback: sandbox Slack and Azure, a Redis, the real bot in this process.

`stage` is what behaviour tests use: people act through Slack, and what Slack shows, what Azure
received and what the ledger holds is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from approvals.driving import Failpoint, Timing, nowhere
from approvals.events import RequestId, State
from approvals.ledger import Ledger
from approvals.request import Request
from bot.service import Service
from bot.settings import Settings, load_settings
from feeds.settings import FeedSettings
from sandbox.azure import SandboxAzure
from sandbox.azure.view import azure_view
from sandbox.director import Director
from sandbox.slack import SandboxSlack
from sandbox.world.clock import SandboxClock
from sandbox.world.estate import demo_estate
from sandbox.world.model import Estate
from tests.sent import assert_all_valid

DEMO_CONFIG = Path(__file__).parent.parent / "bot" / "demo.yaml"
SETTLE = timedelta(seconds=0.05)
#: How often the feeds are read.
SOON = timedelta(seconds=0.2)

#: The product's times, shortened where a test would have to wait for them.
QUICK = Timing(
    send_within=timedelta(seconds=3),
    look_again=timedelta(seconds=0.2),
    poll=timedelta(seconds=0.02),
    poll_longest=timedelta(seconds=0.2),
    busy_default=timedelta(seconds=0.5),
    prove_closed_within=timedelta(seconds=3),
    change_within=timedelta(seconds=4),
)


@dataclass(slots=True)
class Stage:
    """Everything a test needs. `service` may be stopped and started anew."""

    slack: SandboxSlack
    azure: SandboxAzure
    clock: SandboxClock
    settings: Settings
    timing: Timing = QUICK
    failpoint: Failpoint = nowhere
    claim_idle: timedelta = timedelta(seconds=1)
    service: Service = field(init=False)

    @property
    def ledger(self) -> Ledger:
        return self.service.ledger

    async def start_bot(self) -> None:
        """A fresh process of the bot, as far as one Python process can be one."""
        self.service = Service(
            self.settings,
            timing=self.timing,
            failpoint=self.failpoint,
            claim_idle=self.claim_idle,
            post_interval=0.0,
        )
        await self.service.start()
        await until(lambda: bool(self.service.estate.askable.machines))

    async def stop_bot(self) -> None:
        await self.service.stop()

    async def stop(self) -> None:
        await self.stop_bot()
        await self.slack.stop()
        await self.azure.stop()
        assert_all_valid(self.slack)

    async def request(self, number: int | str = 1) -> Request:
        found = await self.ledger.read(RequestId(str(number)))
        assert found is not None, f"no request {number}"
        return found

    async def wait_state(
        self, state: State, number: int | str = 1, within: float = 10.0
    ) -> Request:
        """The request once it is in `state`."""
        deadline = asyncio.get_running_loop().time() + within
        while True:
            request = await self.request(number)
            if request.state is state:
                return request
            assert asyncio.get_running_loop().time() < deadline, (
                f"request {number} is {request.state}, not {state}: {request.failure}"
            )
            await asyncio.sleep(0.02)

    def advance(self, **delta: float) -> None:
        """Move the clock of Slack, Azure and the bot."""
        self.clock.advance(timedelta(**delta))


async def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    """Wait for a condition, with a bound."""
    deadline = asyncio.get_running_loop().time() + within
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "the condition did not come true"
        await asyncio.sleep(0.01)


def environment(
    slack: SandboxSlack, azure: SandboxAzure, redis_url: str, offset: Path
) -> dict[str, str]:
    """What `sekisho run` would find in its environment."""
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SEKISHO_SLACK__API_URL": slack.url,
        "SEKISHO_REDIS__URL": redis_url,
        "SEKISHO_AUDIT_KEY": "0123456789abcdef0123456789abcdef",
        "SEKISHO_AZURE__AUTHORITY": azure.authority,
        "SEKISHO_AZURE__RESOURCE_MANAGER": azure.url,
        "SEKISHO_AZURE__LOG_ANALYTICS": azure.log_analytics_url,
        "SEKISHO_AZURE__GRAPH": azure.graph_url,
        "SEKISHO_AZURE__CA_FILE": str(azure.ca_file),
        "SEKISHO_AZURE__TENANT_ID": azure.tenant_id,
        "SEKISHO_AZURE__CLIENT_ID": azure.client_id,
        "SEKISHO_AZURE__CLIENT_SECRET": azure.client_secret,
        "SEKISHO_CLOCK_OFFSET_FILE": str(offset),
    }


def read_settings(environ: dict[str, str], config: Path = DEMO_CONFIG) -> Settings:
    settings = load_settings(config, environ)
    assert isinstance(settings, Settings), "\n".join(str(mistake) for mistake in settings)
    return quickened(settings)


def quickened(settings: Settings, every: timedelta = SOON) -> Settings:
    """On free ports, and with the rhythms that a test would have to wait for."""
    return replace(
        settings,
        http=replace(settings.http, health_port=0, port=0),
        feeds=quick_feeds(settings.feeds, every),
    )


def quick_feeds(feeds: FeedSettings, every: timedelta = SOON) -> FeedSettings:
    """The feeds' rhythms, shortened where a test would have to wait for them."""
    alerts, changes = feeds.alerts, feeds.file_changes
    return FeedSettings(
        # quiet hours follow the clock on the wall, which tests don't
        replace(alerts, every=every, quiet_hours=None) if alerts else None,
        replace(changes, every=every) if changes else None,
    )


async def set_stage(folder: Path, *, redis_url: str = "", estate: Estate | None = None) -> Stage:
    """Sandbox and settings; the bot is started by `start_bot`."""
    offset = folder / "clock-offset"
    clock = SandboxClock(offset)
    azure = SandboxAzure(estate or demo_estate(), clock, state_dir=folder, settle=SETTLE)
    director = Director(clock, azure)
    slack = SandboxSlack(clock, azure_view=lambda: azure_view(azure), director=director)
    director.attach(slack)
    azure.on_change(slack.azure_changed)
    await azure.start()
    await slack.start()
    settings = read_settings(environment(slack, azure, f"embedded:{folder / 'ledger'}", offset))
    if redis_url:  # afterwards: the settings refuse a clock that can be moved with a real Redis
        settings = replace(settings, redis=replace(settings.redis, url=redis_url))
    return Stage(slack=slack, azure=azure, clock=clock, settings=settings)
