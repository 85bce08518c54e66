"""Names that the gateway's tests share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from defender.records import Machine, PortRule, VmPolicy
from defender.resources import ResourceId

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-web"
VM_ID = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web-01"
LOCATION = f"{GROUP}/providers/Microsoft.Security/locations/westeurope"
POLICIES = f"{LOCATION}/jitNetworkAccessPolicies"
INITIATE = f"{POLICIES}/iot-jit/initiate"
NIC_ID = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/web-01-nic"
NSG_ID = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/web-nsg"
NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)

WEB_01 = Machine(
    resource_id=ResourceId(VM_ID),
    name="web-01",
    resource_group="rg-web",
    subscription_id=SUBSCRIPTION,
    subscription_name="Shop production",
    location="westeurope",
    os="Linux",
    tags={"env": "prod"},
    network_interface_ids=(NIC_ID,),
)

POLICY = VmPolicy(
    policy_id=ResourceId(f"{POLICIES}/iot-jit"),
    policy_name="iot-jit",
    resource_group="rg-web",
    location="westeurope",
    vm_id=ResourceId(VM_ID),
    ports=(PortRule(22, "TCP", ("*",), timedelta(hours=3)),),
    public_ip=None,
)


def machine(name: str, *, group: str = "rg-1", **tags: str) -> Machine:
    """A machine of this name, for look-ups."""
    return Machine(
        resource_id=ResourceId(
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
            f"/providers/Microsoft.Compute/virtualMachines/{name}"
        ),
        name=name,
        resource_group=group,
        subscription_id=SUBSCRIPTION,
        subscription_name="Shop",
        location="japaneast",
        os="Linux",
        tags=tags,
    )
