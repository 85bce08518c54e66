"""Subscriptions and machines out of Azure's pages. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from defender.decode import Reader, page_of
from defender.errors import AzureUnavailable
from defender.records import Machine, Subscription
from defender.resources import (
    VIRTUAL_MACHINES,
    InvalidResourceId,
    ResourceId,
    ResourceName,
    fold_location,
)


class _OsDisk(msgspec.Struct, rename="camel"):
    os_type: str | None = None


class _Storage(msgspec.Struct, rename="camel"):
    os_disk: _OsDisk | None = None


class _OsProfile(msgspec.Struct, rename="camel"):
    computer_name: str | None = None


class _Reference(msgspec.Struct):
    id: str | None = None


class _NetworkProfile(msgspec.Struct, rename="camel"):
    network_interfaces: list[_Reference | None] | None = None


class _VmProperties(msgspec.Struct, rename="camel"):
    storage_profile: _Storage | None = None
    os_profile: _OsProfile | None = None
    network_profile: _NetworkProfile | None = None


class _Vm(msgspec.Struct):
    id: str
    name: str | None = None
    location: str | None = None
    tags: dict[str, str | None] | None = None
    properties: _VmProperties | None = None


class _Subscription(msgspec.Struct, rename="camel"):
    subscription_id: str
    display_name: str | None = None
    state: str | None = None


#: States in which a subscription still answers; others (Deleted, Disabled) are left out.
_USABLE = frozenset({"", "enabled", "warned", "pastdue"})


def subscriptions_of(pages: Iterable[bytes]) -> tuple[Subscription, ...]:
    """Every subscription that can still be used."""
    reader = Reader()
    found = [
        Subscription(item.subscription_id.lower(), item.display_name or item.subscription_id)
        for body in pages
        for item in reader.each(page_of(body).items, _Subscription)
        if (item.state or "").lower() in _USABLE
    ]
    return tuple(found)


def machines_of(body: bytes, *, subscription_name: str) -> tuple[tuple[Machine, ...], int]:
    """The virtual machines of one page and how many items could not be read.

    Other kinds (scale set members, Arc machines) have no JIT and are left out.
    """
    reader = Reader()
    found: list[Machine] = []
    for item in reader.each(page_of(body).items, _Vm):
        try:
            machine = _machine(item, subscription_name)
        except InvalidResourceId:
            reader.miss()
            continue
        if machine is not None:
            found.append(machine)
    return tuple(found), reader.unread


def machine_of(body: bytes, *, subscription_name: str) -> Machine:
    """A single machine; AzureUnavailable when the answer is none."""
    try:
        machine = _machine(msgspec.json.decode(body, type=_Vm, strict=False), subscription_name)
    except (msgspec.MsgspecError, InvalidResourceId) as error:
        raise AzureUnavailable("UnreadableMachine", f"A VM could not be read: {error}.") from error
    if machine is None:
        raise AzureUnavailable("NotAMachine", "The answer is not a virtual machine.")
    return machine


def _machine(item: _Vm, subscription_name: str) -> Machine | None:
    name = ResourceName.parse(item.id)
    if not name.is_type(VIRTUAL_MACHINES):
        return None
    properties = item.properties or _VmProperties()
    disk = properties.storage_profile.os_disk if properties.storage_profile else None
    network = properties.network_profile
    return Machine(
        resource_id=ResourceId(item.id),
        name=item.name or name.name,
        resource_group=name.group,
        subscription_id=name.subscription_id.lower(),
        subscription_name=subscription_name or name.subscription_id,
        location=fold_location(item.location or ""),
        os=(disk.os_type or "") if disk else "",
        tags={key: value or "" for key, value in (item.tags or {}).items()},
        network_interface_ids=tuple(
            nic.id
            for nic in (network.network_interfaces or () if network else ())
            if nic and nic.id
        ),
        computer_name=properties.os_profile.computer_name if properties.os_profile else None,
    )
