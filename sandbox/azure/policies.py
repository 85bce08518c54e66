"""A JIT policy's body: read from a PUT with Azure's checks, written as Azure shows it. Pure."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from sandbox.azure.errors import ArmError, internal_error, unreadable
from sandbox.azure.wire import Json, duration_text, parse_duration
from sandbox.world.model import JitEntry, JitPolicy, JitPort, resource_id

KIND = "Microsoft.Security/locations/jitNetworkAccessPolicies"

_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(days=1)
#: Characters of a policy's and a machine's name together.
_NAMES_MAX = 56


class _Port(msgspec.Struct, rename="camel"):
    number: int
    protocol: str
    max_request_access_duration: str
    allowed_source_address_prefix: str | None = None
    allowed_source_address_prefixes: tuple[str, ...] | None = None


class _Machine(msgspec.Struct, rename="camel"):
    id: str
    ports: tuple[_Port, ...] = ()
    public_ip_address: str | None = None


class _Properties(msgspec.Struct, rename="camel"):
    virtual_machines: tuple[_Machine, ...]


class _Body(msgspec.Struct):
    properties: _Properties
    kind: str = "Basic"


def policy_id(policy: JitPolicy) -> str:
    """The policy's own id."""
    return resource_id(
        policy.subscription_id,
        policy.resource_group,
        f"Microsoft.Security/locations/{policy.location}/jitNetworkAccessPolicies",
        policy.name,
    )


def parse_policy(
    body: bytes, *, name: str, resource_group: str, subscription_id: str, location: str
) -> JitPolicy:
    """The policy that a PUT asks for; its `requests` are Azure's own affair and not read."""
    try:
        read = msgspec.json.decode(body, type=_Body)
    except msgspec.MsgspecError as error:
        raise unreadable(str(error)) from error
    entries = tuple(_entry(machine, name) for machine in read.properties.virtual_machines)
    return JitPolicy(name, resource_group, subscription_id, location, entries)


def _entry(machine: _Machine, policy_name: str) -> JitEntry:
    vm_name = machine.id.rstrip("/").rpartition("/")[2]
    if policy_name != "default" and len(policy_name) + len(vm_name) > _NAMES_MAX:
        raise _invalid("The policy's name and the virtual machine's name are too long together.")
    return JitEntry(
        machine.id, tuple(_port(port) for port in machine.ports), machine.public_ip_address
    )


def _port(port: _Port) -> JitPort:
    one, many = port.allowed_source_address_prefix, port.allowed_source_address_prefixes
    longest = parse_duration(port.max_request_access_duration)
    if port.protocol not in ("TCP", "UDP", "*") or longest is None:
        raise internal_error()  # Azure says no more of a malformed policy
    if not 0 <= port.number <= 65_535:
        raise _invalid(f"The port number {port.number} is not between 0 and 65535.")
    if (one is None) == (not many):
        raise _invalid(
            "Exactly one of 'allowedSourceAddressPrefix' and 'allowedSourceAddressPrefixes' "
            "must be set."
        )
    if not _SHORTEST <= longest <= _LONGEST:
        raise _invalid("'maxRequestAccessDuration' must be between 5 minutes and 1 day.")
    return JitPort(port.number, port.protocol, tuple(many or ()) or (one or "*",), longest)


def _invalid(message: str) -> ArmError:
    # Azure's own code for these is not known; the published contract names the limits alone.
    return ArmError(400, "InvalidPolicyInput", message)


def policy_body(policy: JitPolicy, requests: list[Json], *, is_updating: bool) -> Json:
    """The policy as GET and PUT answer it."""
    return {
        "kind": "Basic",
        "properties": {
            "virtualMachines": [_entry_body(entry) for entry in policy.entries],
            "requests": requests,
            "provisioningState": "Updating" if is_updating else "Succeeded",
            "appendMode": False,
        },
        "id": policy_id(policy),
        "name": policy.name,
        "type": KIND,
        "location": policy.location,
    }


def _entry_body(entry: JitEntry) -> Json:
    body: Json = {"id": entry.vm_id, "ports": [_port_body(port) for port in entry.ports]}
    if entry.public_ip is not None:
        body["publicIpAddress"] = entry.public_ip
    return body


def _port_body(port: JitPort) -> Json:
    is_list = len(port.sources) > 1
    key = "allowedSourceAddressPrefixes" if is_list else "allowedSourceAddressPrefix"
    return {
        "number": port.number,
        "protocol": port.protocol,
        key: list(port.sources) if is_list else port.sources[0],
        "maxRequestAccessDuration": duration_text(port.max_duration),
    }
