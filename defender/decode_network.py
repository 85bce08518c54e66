"""Network interfaces, addresses and the rules that JIT wrote. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from defender.decode import Reader, page_of
from defender.errors import AzureUnavailable
from defender.records import NsgRule
from defender.resources import ResourceId, fold

T = TypeVar("T")

#: Deny and allow rules differ in `_` and `-`, and not even reliably: `access` tells them apart.
_JIT_NAME = re.compile(r"SecurityCenter-JITRule[_-]-?\d+[_-][0-9A-F]{32}", re.IGNORECASE)
#: `… rule for policy 'default' of VM 'NAME'.`
_VM_IN_TEXT = re.compile(r"\bof VM '([^']+)'", re.IGNORECASE)


class _Reference(msgspec.Struct):
    id: str | None = None


class _IpProperties(msgspec.Struct):
    private: str | None = msgspec.field(default=None, name="privateIPAddress")
    public: _Reference | None = msgspec.field(default=None, name="publicIPAddress")
    subnet: _Reference | None = None
    primary: bool | None = None


class _IpConfiguration(msgspec.Struct):
    properties: _IpProperties | None = None


class _NicProperties(msgspec.Struct, rename="camel"):
    ip_configurations: list[_IpConfiguration] | None = None
    network_security_group: _Reference | None = None
    primary: bool | None = None


class _Nic(msgspec.Struct):
    properties: _NicProperties | None = None


class _PublicIpProperties(msgspec.Struct, rename="camel"):
    ip_address: str | None = None


class _PublicIp(msgspec.Struct):
    properties: _PublicIpProperties | None = None


class _RuleProperties(msgspec.Struct, rename="camel"):
    access: str | None = None
    direction: str | None = None
    priority: int | None = None
    description: str | None = None
    source_address_prefix: str | None = None
    source_address_prefixes: list[str] | None = None
    destination_address_prefix: str | None = None
    destination_address_prefixes: list[str] | None = None
    destination_port_range: str | None = None
    destination_port_ranges: list[str] | None = None


class _Rule(msgspec.Struct):
    name: str | None = None
    properties: _RuleProperties | None = None


class _NsgProperties(msgspec.Struct, rename="camel"):
    security_rules: list[msgspec.Raw] | None = None
    subnets: list[_Reference | None] | None = None


class _Nsg(msgspec.Struct):
    id: str
    properties: _NsgProperties | None = None


@dataclass(frozen=True, slots=True)
class Interface:
    """What a network interface says; the primary address comes first."""

    private_ips: tuple[str, ...]
    public_ip_ids: tuple[str, ...]
    subnet_ids: tuple[str, ...]
    nsg_id: str | None
    is_primary: bool


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A network security group and JIT's rules in it."""

    nsg_id: ResourceId
    jit_rules: tuple[NsgRule, ...]
    #: of every inbound rule, whoever wrote it.
    inbound_priorities: frozenset[int] = frozenset()


def interface_of(body: bytes) -> Interface:
    """A network interface; AzureUnavailable when the answer is none."""
    nic = _required(body, _Nic).properties or _NicProperties()
    found = [item.properties for item in nic.ip_configurations or [] if item.properties]
    found.sort(key=lambda item: not item.primary)
    return Interface(
        private_ips=tuple(item.private for item in found if item.private),
        public_ip_ids=tuple(i.public.id for i in found if i.public and i.public.id),
        subnet_ids=tuple(i.subnet.id for i in found if i.subnet and i.subnet.id),
        nsg_id=nic.network_security_group.id if nic.network_security_group else None,
        is_primary=nic.primary is not False,
    )


def public_ip_of(body: bytes) -> str | None:
    """The address, None while none is allocated."""
    properties = _required(body, _PublicIp).properties
    return (properties.ip_address or None) if properties else None


def security_group_of(body: bytes) -> SecurityGroup:
    """One network security group; AzureUnavailable when the answer is none."""
    return _group(_required(body, _Nsg))


def subnets_of(body: bytes) -> tuple[tuple[str, frozenset[str]], ...]:
    """Each group of a page with the folded ids of the subnets it is in force on."""
    reader = Reader()
    found = tuple((item.id, _subnets(item)) for item in reader.each(page_of(body).items, _Nsg))
    if reader.unread:
        raise AzureUnavailable("UnreadableGroup", "A network security group could not be read.")
    return found


def concerns(rule: NsgRule, *, vm_name: str, private_ips: Iterable[str]) -> bool:
    """Whether a JIT rule is about this machine.

    The destination decides where it is an address; the description guards against two networks
    that use the same addresses under one security group.
    """
    told = _VM_IN_TEXT.search(rule.description)
    is_named = told is not None and told[1].lower() == vm_name.lower()
    if told is not None and not is_named:
        return False
    destinations = {part.removesuffix("/32") for part in rule.destination.split(",") if part}
    if destinations & set(private_ips):
        return True
    return is_named and (not destinations or "*" in destinations)


def _group(item: _Nsg) -> SecurityGroup:
    properties = item.properties or _NsgProperties()
    reader = Reader()
    every = tuple(reader.each(properties.security_rules, _Rule))
    rules = tuple(
        _rule(ResourceId(item.id), rule) for rule in every if _JIT_NAME.fullmatch(rule.name or "")
    )
    if reader.unread:
        raise AzureUnavailable("UnreadableRule", "A network security rule could not be read.")
    return SecurityGroup(ResourceId(item.id), rules, _inbound(every))


def _inbound(rules: Iterable[_Rule]) -> frozenset[int]:
    found = (rule.properties for rule in rules if rule.properties is not None)
    return frozenset(
        rule.priority
        for rule in found
        if rule.priority is not None and (rule.direction or "").lower() != "outbound"
    )


def _subnets(item: _Nsg) -> frozenset[str]:
    subnets = item.properties.subnets if item.properties else None
    return frozenset(fold(subnet.id) for subnet in subnets or [] if subnet and subnet.id)


def _rule(nsg_id: ResourceId, rule: _Rule) -> NsgRule:
    found = rule.properties or _RuleProperties()
    sources = _joined(found.source_address_prefix, found.source_address_prefixes)
    return NsgRule(
        nsg_id=nsg_id,
        name=rule.name or "",
        access=found.access or "",
        priority=found.priority or 0,
        source=",".join(sources),
        destination=",".join(
            _joined(found.destination_address_prefix, found.destination_address_prefixes)
        ),
        port=",".join(_joined(found.destination_port_range, found.destination_port_ranges)),
        description=found.description or "",
        sources=sources,
    )


def _joined(one: str | None, many: list[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in [one, *(many or [])] if text))


def _required(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except msgspec.MsgspecError as error:
        raise AzureUnavailable("Unreadable", f"An answer could not be read: {error}.") from error
