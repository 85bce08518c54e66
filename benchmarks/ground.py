"""What every measurement stands on: a sandbox in its own process, one Valkey with fsync always.

Workspaces are kept apart by the hash tag of their keys, so that a floor and the product meet the
same server, disk and load.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from approvals.events import Kind, Length, OpId, PersonId, Rule, Submitted, Target, Terms
from approvals.ledger import Ledger, Recorded
from approvals.request import Request
from benchmarks.children import child, compiled
from bot import embedded
from bot.demo.world import Addresses, bot_environment
from bot.embedded import Embedded
from bot.settings import Settings, load_settings

ASKER = PersonId("U0ALICE")
APPROVER = PersonId("U0SUZUKI")
CHANNEL = "C0OPS"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
_LAPSES_IN = timedelta(hours=4)
#: As the demo's rule `production` makes it.
_RULE = Rule(
    name="production",
    version="v1",
    line=12,
    channel=CHANNEL,
    groups=("S0SECURITY",),
    people=(),
    quorum=1,
    longest_seconds=14400,
    longest_total_seconds=28800,
)


class _Slack(msgspec.Struct, frozen=True):
    signing_secret: str


class _Line(msgspec.Struct, frozen=True):
    slack: _Slack


@dataclass(frozen=True, slots=True)
class Ground:
    """Where everything is."""

    folder: Path
    addresses: Addresses
    signing_secret: str
    valkey: Embedded

    def environment(
        self, tag: str, *, mode: str = "http", changes: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """What `sekisho run` finds in its environment; `tag` names the workspace in Redis."""
        base = bot_environment(
            self.addresses, self.folder, health_port=free_port(), environ=compiled(self.folder)
        )
        for name in ("SEKISHO_CLOCK_OFFSET_FILE", "SEKISHO_AUDIT__SIGNING_KEY_FILE"):
            del base[name]
        return {
            **base,
            "SEKISHO_SLACK__MODE": mode,
            "SEKISHO_SLACK__SIGNING_SECRET": self.signing_secret,
            "SEKISHO_REDIS__URL": self.valkey.url,
            "SEKISHO_REDIS__TAG": tag,
            "SEKISHO_AUDIT_KEY": "0123456789abcdef" * 2,
            "SEKISHO_AUDIT__SECOND_SINK": str(self.folder / f"{tag}.jsonl"),
            **(changes or {}),
        }


@asynccontextmanager
async def ground(folder: Path) -> AsyncIterator[Ground]:
    """Sandbox and Valkey, ended at the end."""
    state = folder / "sandbox"
    state.mkdir()
    words = ["sandbox", "--state-dir", str(state)]
    async with child("sandbox", words, compiled(folder), folder) as (_, line):
        valkey = await embedded.start(folder / "valkey", os.environ)
        try:
            yield Ground(
                folder=folder,
                addresses=msgspec.json.decode(line, type=Addresses),
                signing_secret=msgspec.json.decode(line, type=_Line).slack.signing_secret,
                valkey=valkey,
            )
        finally:
            await valkey.stop()


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings on free ports; mistakes are ours."""
    found = load_settings(None, environ)
    if not isinstance(found, Settings):
        raise ValueError("\n".join(str(mistake) for mistake in found))
    return replace(found, http=replace(found.http, port=0, health_port=-1))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ledger_of(settings: Settings, redis: Redis) -> Ledger:
    """The ledger of this workspace."""
    return Ledger(redis, settings.audit.keys, tag=settings.redis.tag)


async def file_requests(ledger: Ledger, count: int, *, vms: tuple[str, ...] = ()) -> list[Request]:
    """`count` pending requests of one asker, each for another VM or source."""
    now = await ledger.now()
    filed = []
    for number in range(count):
        vm = vms[number % len(vms)] if vms else f"web-{number:05}"
        event = Submitted(
            kind=Kind.JIT_ACCESS,
            target=_target(vm),
            terms=Terms((22,), f"203.0.113.{number % 250 + 1}", Length(7200)),
            justification="TLS renewal on the shop's front end",
            ticket="",
            rule=_RULE,
            same_person=(ASKER,),
            lapses_at=now + _LAPSES_IN,
        )
        outcome = await ledger.submit(event, actor=ASKER, op_id=OpId(f"bench-file-{number}"))
        if not isinstance(outcome, Recorded):
            raise TypeError(f"request {number} was not filed: {outcome}")
        filed.append(outcome.request)
    return filed


def _target(vm: str) -> Target:
    return Target(
        resource_id=(
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shop-prod"
            f"/providers/Microsoft.Compute/virtualMachines/{vm}"
        ),
        name=vm,
        resource_group="rg-shop-prod",
        subscription_id=SUBSCRIPTION,
        subscription_name="Shop production",
        location="japaneast",
        os="Linux",
        tags={"env": "prod", "owner": "shop"},
    )
