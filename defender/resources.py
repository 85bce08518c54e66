"""Azure resource ids: compared without case, shown as they came.

One answer of Azure spells the same id three ways (`resourceGroups`, `resourcegroups`,
`RESOURCEGROUPS`, names in capitals too), so every comparison goes through `fold`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType

ResourceId = NewType("ResourceId", str)

#: A subscription id is a GUID; nothing else may be put into a URL as one.
_SUBSCRIPTION = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class InvalidResourceId(ValueError):
    """A text that is not the Azure resource id it should be."""


def fold(resource_id: str) -> str:
    """The key under which ids are compared and indexed: lower case, no slash at the end."""
    return resource_id.strip().rstrip("/").lower()


def fold_location(location: str) -> str:
    """`West Europe` and `westeurope` are one region."""
    return "".join(location.split()).lower()


def bare_subscription_id(text: str) -> str:
    """The GUID in `<id>` or `/subscriptions/<id>`; anything else is refused with a sentence."""
    parts = [part for part in text.strip().split("/") if part]
    if len(parts) == 2 and parts[0].lower() == "subscriptions":
        parts = parts[1:]
    if len(parts) == 1 and _SUBSCRIPTION.fullmatch(parts[0]):
        return parts[0].lower()
    raise InvalidResourceId(
        f"{text!r} is not a subscription: write its id, as in "
        "00000000-0000-0000-0000-000000000000, or /subscriptions/ followed by it."
    )


@dataclass(frozen=True, slots=True)
class ResourceName:
    """The parts of an id of something in a resource group, in the spelling it came in."""

    subscription_id: str
    group: str
    provider_type: str  # e.g. Microsoft.Compute/virtualMachines
    name: str
    path: tuple[tuple[str, str], ...]  # (type, name) pairs after the provider

    @classmethod
    def parse(cls, resource_id: str) -> ResourceName:
        """Split an id; InvalidResourceId when a part is missing or doubled."""
        parts = resource_id.strip().strip("/").split("/")
        if (
            len(parts) < 8
            or len(parts) % 2
            or not all(parts)
            or [parts[0].lower(), parts[2].lower(), parts[4].lower()]
            != ["subscriptions", "resourcegroups", "providers"]
            or not _SUBSCRIPTION.fullmatch(parts[1])
        ):
            raise InvalidResourceId(f"{resource_id!r} is not the id of a resource in a group")
        pairs = tuple(zip(parts[6::2], parts[7::2], strict=True))
        kind = "/".join([parts[5], *(kind for kind, _ in pairs)])
        return cls(parts[1], parts[3], kind, pairs[-1][1], pairs)

    def is_type(self, provider_type: str) -> bool:
        """Whether this is e.g. `Microsoft.Compute/virtualMachines`, whatever the case."""
        return self.provider_type.lower() == provider_type.lower()

    def part(self, kind: str) -> str | None:
        """The name that follows `kind` in the path, e.g. `locations` → `westeurope`."""
        return next((name for found, name in self.path if found.lower() == kind.lower()), None)


VIRTUAL_MACHINES = "Microsoft.Compute/virtualMachines"


def is_virtual_machine(resource_id: str) -> bool:
    """Only these can have a JIT policy; Arc machines and scale set members can not."""
    try:
        return ResourceName.parse(resource_id).is_type(VIRTUAL_MACHINES)
    except InvalidResourceId:
        return False
