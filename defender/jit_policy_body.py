"""A JIT policy's body: other machines' entries and unknown fields survive what is changed. Pure.

PUT replaces the whole policy and there is no ETag, so a body is always made from the one just read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import msgspec

from defender.decode_jit import snapshot_of
from defender.errors import AzureUnavailable
from defender.records import PortRule, VmPolicy
from defender.resources import fold

#: Azure's own: told with every policy, never taken.
_READ_ONLY = frozenset({"provisioningState"})
#: Where a machine has no entry yet.
_KIND = msgspec.Raw(b'"Basic"')

T = TypeVar("T")
Fields = dict[str, msgspec.Raw]


class _Machine(msgspec.Struct):
    id: str


def entries_of(body: bytes | None) -> tuple[VmPolicy, ...]:
    """Every machine's entry of a policy as GET tells it; none where there is no policy."""
    if body is None:
        return ()
    found = snapshot_of([b'{"value":[' + body + b"]}"])
    if found.partial:
        raise AzureUnavailable("UnreadablePolicy", "A part of the JIT policy could not be read.")
    return found.policies


def merged(body: bytes | None, wanted: Mapping[str, Sequence[PortRule]]) -> bytes | None:
    """The policy with these machines' ports (none: without the machine) and all else as it was.

    None where no machine is left: such a policy is deleted. Ids are compared without case.
    """
    policy = _fields(body) if body is not None else {}
    properties = _fields(policy["properties"]) if "properties" in policy else {}
    left = {fold(vm_id): (vm_id, ports) for vm_id, ports in wanted.items()}
    machines: list[object] = []
    for raw in _list(properties.get("virtualMachines")):
        key = fold(_machine(raw).id)
        if key not in {fold(vm_id) for vm_id in wanted}:
            machines.append(raw)
        elif key in left:  # an entry that stands there twice becomes one
            _, ports = left.pop(key)
            if ports:
                machines.append({**_fields(raw), "ports": [_port(port) for port in ports]})
    machines += [
        {"id": vm_id, "ports": [_port(port) for port in ports]}
        for vm_id, ports in left.values()
        if ports
    ]
    if not machines:
        return None
    kept = {name: value for name, value in properties.items() if name not in _READ_ONLY}
    return msgspec.json.encode(
        {
            "kind": policy.get("kind", _KIND),
            "properties": {**kept, "virtualMachines": machines},
        }
    )


def _port(port: PortRule) -> dict[str, object]:
    one = len(port.allowed_sources) == 1
    name = "allowedSourceAddressPrefix" if one else "allowedSourceAddressPrefixes"
    return {
        "number": port.number,
        "protocol": port.protocol or "*",
        name: port.allowed_sources[0] if one else list(port.allowed_sources),
        "maxRequestAccessDuration": duration_text(port.longest),
    }


def duration_text(length: timedelta) -> str:
    """ISO 8601 as Azure writes it: `PT3H`, `PT1H30M`."""
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    return f"PT{f'{hours}H' if hours else ''}{f'{minutes}M' if minutes or not hours else ''}"


def _fields(raw: bytes | msgspec.Raw) -> Fields:
    return _decoded(raw, Fields)


def _machine(raw: msgspec.Raw) -> _Machine:
    return _decoded(raw, _Machine)


def _list(raw: msgspec.Raw | None) -> list[msgspec.Raw]:
    return [] if raw is None or bytes(raw) == b"null" else _decoded(raw, list[msgspec.Raw])


def _decoded(raw: bytes | msgspec.Raw, kind: type[T]) -> T:
    """What can't be read must not be written back with a part missing."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        raise AzureUnavailable("UnreadablePolicy", f"{error}") from error
