"""Interfaces, public addresses and security groups as Azure's network shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.azure.wire import Json
from sandbox.world.model import SecurityGroup, SecurityRule, VirtualMachine

GROUPS = "Microsoft.Network/networkSecurityGroups"


def interface_body(vm: VirtualMachine) -> Json:
    """The machine's network interface."""
    address: Json = {
        "privateIPAddress": vm.private_ip,
        "privateIPAllocationMethod": "Dynamic",
        "privateIPAddressVersion": "IPv4",
        "subnet": {"id": vm.subnet_id},
        "primary": True,
        "provisioningState": "Succeeded",
    }
    if vm.public_ip_id is not None:
        address["publicIPAddress"] = {"id": vm.public_ip_id}
    properties: Json = {
        "provisioningState": "Succeeded",
        "ipConfigurations": [
            {
                "name": "ipconfig1",
                "id": f"{vm.nic_id}/ipConfigurations/ipconfig1",
                "type": "Microsoft.Network/networkInterfaces/ipConfigurations",
                "properties": address,
            }
        ],
        "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
        "enableIPForwarding": False,
        "primary": True,
        "virtualMachine": {"id": vm.id},
    }
    if vm.nsg_id is not None and not vm.is_nsg_on_subnet:
        properties["networkSecurityGroup"] = {"id": vm.nsg_id}
    return {
        "name": _name(vm.nic_id),
        "id": vm.nic_id,
        "type": "Microsoft.Network/networkInterfaces",
        "location": vm.location,
        "properties": properties,
    }


def public_ip_body(vm: VirtualMachine) -> Json:
    """The machine's public address, for one that has one."""
    public_ip_id = vm.public_ip_id or ""
    return {
        "name": _name(public_ip_id),
        "id": public_ip_id,
        "type": "Microsoft.Network/publicIPAddresses",
        "location": vm.location,
        "sku": {"name": "Standard", "tier": "Regional"},
        "properties": {
            "provisioningState": "Succeeded",
            "ipAddress": vm.public_ip,
            "publicIPAddressVersion": "IPv4",
            "publicIPAllocationMethod": "Static",
            "idleTimeoutInMinutes": 4,
            "ipConfiguration": {"id": f"{vm.nic_id}/ipConfigurations/ipconfig1"},
        },
    }


def group_body(
    group: SecurityGroup, rules: Iterable[SecurityRule], guarded: Iterable[VirtualMachine]
) -> Json:
    """A security group with every rule in it."""
    machines = list(guarded)
    properties: Json = {
        "provisioningState": "Succeeded",
        "securityRules": [rule_body(group, rule) for rule in rules],
        "defaultSecurityRules": [rule_body(group, rule, is_default=True) for rule in _DEFAULTS],
    }
    interfaces = [{"id": vm.nic_id} for vm in machines if not vm.is_nsg_on_subnet]
    subnets = dict.fromkeys(vm.subnet_id for vm in machines if vm.is_nsg_on_subnet)
    if interfaces:
        properties["networkInterfaces"] = interfaces
    if subnets:
        properties["subnets"] = [{"id": subnet} for subnet in subnets]
    return {
        "name": group.name,
        "id": group.id,
        "type": GROUPS,
        "location": group.location,
        "properties": properties,
    }


def rule_body(group: SecurityGroup, rule: SecurityRule, *, is_default: bool = False) -> Json:
    """One rule; one source is a text, several are a list."""
    part = "defaultSecurityRules" if is_default else "securityRules"
    is_list = len(rule.sources) > 1
    return {
        "name": rule.name,
        "id": f"{group.id}/{part}/{rule.name}",
        "type": f"{GROUPS}/{part}",
        "properties": {
            "provisioningState": "Succeeded",
            "description": rule.description,
            "protocol": rule.protocol,
            "sourcePortRange": "*",
            "destinationPortRange": rule.port,
            **({} if is_list else {"sourceAddressPrefix": rule.sources[0]}),
            "destinationAddressPrefix": rule.destination,
            "access": rule.access,
            "priority": rule.priority,
            "direction": "Inbound",
            "sourcePortRanges": [],
            "destinationPortRanges": [],
            "sourceAddressPrefixes": list(rule.sources) if is_list else [],
            "destinationAddressPrefixes": [],
        },
    }


_DEFAULTS = (
    SecurityRule(
        "AllowVnetInBound", 65000, "Allow", "*", ("VirtualNetwork",), "VirtualNetwork",
        description="Allow inbound traffic from all VMs in VNET",
    ),
    SecurityRule(
        "AllowAzureLoadBalancerInBound", 65001, "Allow", "*", ("AzureLoadBalancer",),
        description="Allow inbound traffic from azure load balancer",
    ),
    SecurityRule(
        "DenyAllInBound", 65500, "Deny", "*", ("*",), description="Deny all inbound traffic"
    ),
)  # fmt: skip


def _name(resource: str) -> str:
    return resource.rpartition("/")[2]
