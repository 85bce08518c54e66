"""The estate: which subscriptions and machines there are."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
from types import ModuleType
from typing import Protocol

from defender.clients import READ_DEADLINE, AzureClients, ends_after
from defender.decode_compute import machine_of, machines_of, subscriptions_of
from defender.records import Machine, Subscription
from defender.resources import (
    VIRTUAL_MACHINES,
    InvalidResourceId,
    ResourceName,
    bare_subscription_id,
)
from defender.versions import COMPUTE_VERSION, SUBSCRIPTIONS_VERSION

__all__ = ["Inventory", "Machine", "Machines", "Subscription"]

logger = logging.getLogger(__name__)


class Machines(Protocol):
    """What deciding needs of a single machine."""

    async def machine(self, resource_id: str) -> Machine:
        """The machine as Azure shows it now; AzureNotFound when it is gone."""

    async def power_state(self, resource_id: str) -> str | None:
        """`running`, `deallocated`, …, or None where Azure names none."""


class Inventory:
    """Subscriptions and virtual machines, read from Azure each time."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients
        self._names: dict[str, str] = {}
        self._instance_view: ModuleType | None = None

    async def subscriptions(self) -> tuple[Subscription, ...]:
        """The configured subscriptions, or all that our identity sees where none are."""
        pages = [
            body async for body in self._clients.pages("/subscriptions", SUBSCRIPTIONS_VERSION)
        ]
        found = {item.id: item for item in subscriptions_of(pages)}
        self._names.update({item.id: item.name for item in found.values()})
        wanted = self._clients.settings.subscriptions
        if not wanted:
            return tuple(found.values())
        for missing in (bare for bare in wanted if bare not in found):
            logger.warning("azure.subscription_not_visible", extra={"subscription": missing})
        return tuple(found[bare] for bare in wanted if bare in found)

    async def machines(self, subscription_id: str) -> tuple[Machine, ...]:
        """Every virtual machine of a subscription."""
        bare = bare_subscription_id(subscription_id)
        path = f"/subscriptions/{bare}/providers/{VIRTUAL_MACHINES}"
        name = await self._name(bare)
        found: list[Machine] = []
        unread = 0
        async for body in self._clients.pages(path, COMPUTE_VERSION):
            page, odd = machines_of(body, subscription_name=name)
            found.extend(page)
            unread += odd
            await asyncio.sleep(0)  # a page takes about 1 ms of the loop; clicks come first
        if unread:
            logger.warning("azure.machines_unreadable", extra={"count": unread})
        return tuple(found)

    async def machine(self, resource_id: str) -> Machine:
        """The machine as Azure shows it now; AzureNotFound when it is gone."""
        name = _virtual_machine(resource_id)
        body = await self._clients.get(_path(name), COMPUTE_VERSION)
        subscription_name = await self._name(name.subscription_id.lower())
        return machine_of(body, subscription_name=subscription_name)

    async def power_state(self, resource_id: str) -> str | None:
        """`running`, `deallocated`, …, or None where Azure names none."""
        name = _virtual_machine(resource_id)
        await self._clients.warm()
        module = self._instance_view or await _imported("defender.instance_view")
        self._instance_view = module
        state: str = await self._clients.read(
            lambda sdk, witness: module.power_state(
                sdk, name.subscription_id, name.group, name.name, witness=witness
            ),
            subscription_id=name.subscription_id,
            ends_at=ends_after(READ_DEADLINE),
        )
        return state or None

    async def _name(self, subscription_id: str) -> str:
        """The subscription's display name, its id where the list doesn't show it."""
        if subscription_id not in self._names:
            await self.subscriptions()
            self._names.setdefault(subscription_id, subscription_id)
        return self._names[subscription_id]


async def _imported(name: str) -> ModuleType:
    """In a thread. Its thousands of classes are never garbage: full collections pass them over."""
    module = await asyncio.to_thread(importlib.import_module, name)
    gc.freeze()
    return module


def _virtual_machine(resource_id: str) -> ResourceName:
    name = ResourceName.parse(resource_id)
    if not name.is_type(VIRTUAL_MACHINES):
        raise InvalidResourceId(f"{resource_id!r} is not a virtual machine")
    return name


def _path(name: ResourceName) -> str:
    return (
        f"/subscriptions/{name.subscription_id}/resourceGroups/{name.group}"
        f"/providers/{VIRTUAL_MACHINES}/{name.name}"
    )
