"""Estates as the bot keeps them in Redis, written there without any Azure."""

from __future__ import annotations

from datetime import timedelta

from redis.asyncio import Redis

from benchmarks.ground import SUBSCRIPTION, Ground, read_settings
from bot.clock import Clock
from defender.estate import Estate
from defender.records import Machine, PolicySnapshot, PortRule, Subscription, VmPolicy
from defender.resources import ResourceId

_ROLES = ("web", "app", "db", "cache", "batch", "worker", "queue", "search")
_GROUP_SIZE = 500


class _Lists:
    """Both listers of an estate that stands still."""

    def __init__(self, machines: tuple[Machine, ...]) -> None:
        self._machines = machines

    async def subscriptions(self) -> tuple[Subscription, ...]:
        return (Subscription(SUBSCRIPTION, "Shop production"),)

    async def machines(self, subscription_id: str) -> tuple[Machine, ...]:
        del subscription_id
        return self._machines

    async def policies(self, subscription_id: str) -> PolicySnapshot:
        del subscription_id
        return PolicySnapshot(policies=tuple(_policy(machine) for machine in self._machines))


async def demo_cache(ground: Ground, tag: str) -> None:
    """web-01 alone, as in the sandbox."""
    await _keep(ground, tag, (_machine("web-01", "rg-shop-prod", {"env": "prod"}),))


async def large_cache(ground: Ground, tag: str, count: int) -> list[str]:
    """Names, groups and tags as large companies have them; all of them may be asked for."""
    machines = tuple(
        _machine(
            f"{_ROLES[number % len(_ROLES)]}-{number:06}",
            f"rg-team-{number // _GROUP_SIZE:03}",
            {"env": ("prod", "test")[number % 2], "owner": f"team-{number // _GROUP_SIZE:03}"},
        )
        for number in range(count)
    )
    await _keep(ground, tag, machines)
    return [machine.name for machine in machines]


async def _keep(ground: Ground, tag: str, machines: tuple[Machine, ...]) -> None:
    lists = _Lists(machines)
    estate = Estate(lists, lists, clock=Clock().now)
    await estate.refresh_all()
    settings = read_settings(ground.environment(tag))
    async with Redis(unix_socket_path=str(ground.valkey.socket), protocol=2) as redis:
        await redis.set(f"{{{settings.redis.tag}}}:inventory", estate.to_cache())


def _machine(name: str, group: str, tags: dict[str, str]) -> Machine:
    return Machine(
        resource_id=ResourceId(
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
            f"/providers/Microsoft.Compute/virtualMachines/{name}"
        ),
        name=name,
        resource_group=group,
        subscription_id=SUBSCRIPTION,
        subscription_name="Shop production",
        location="japaneast",
        os="Linux",
        tags=tags,
    )


def _policy(machine: Machine) -> VmPolicy:
    policy_id = (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{machine.resource_group}/providers"
        "/Microsoft.Security/locations/japaneast/jitNetworkAccessPolicies/default"
    )
    return VmPolicy(
        policy_id=ResourceId(policy_id),
        policy_name="default",
        resource_group=machine.resource_group,
        location="japaneast",
        vm_id=machine.resource_id,
        ports=(PortRule(22, "TCP", ("*",), timedelta(hours=3)),),
        public_ip=None,
    )
