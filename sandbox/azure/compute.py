"""Subscriptions and machines as Resource Manager shows them. Pure."""

from __future__ import annotations

import uuid

from sandbox.azure.wire import Json
from sandbox.world.model import ArcMachine, Subscription, VirtualMachine, resource_id

MACHINES = "Microsoft.Compute/virtualMachines"

_IMAGES = {
    "Linux": ("Canonical", "ubuntu-24_04-lts", "server"),
    "Windows": ("MicrosoftWindowsServer", "WindowsServer", "2022-datacenter-azure-edition"),
}
_SYSTEMS = {
    "Linux": ("ubuntu", "24.04"),
    "Windows": ("Microsoft Windows Server 2022", "10.0.20348"),
}


def subscription_body(subscription: Subscription, tenant_id: str) -> Json:
    """A subscription in the list of those we see."""
    return {
        "id": f"/subscriptions/{subscription.id}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription.id,
        "tenantId": tenant_id,
        "displayName": subscription.name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "EnterpriseAgreement_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def machine_body(vm: VirtualMachine, *, with_view: bool = False) -> Json:
    """A machine; its instance view only where it was asked for."""
    body: Json = {
        "name": vm.name,
        "id": vm.id,
        "type": MACHINES,
        "location": vm.location,
        "tags": dict(vm.tags),
        "properties": {
            "vmId": str(uuid.uuid5(uuid.NAMESPACE_URL, vm.id.lower())),
            "hardwareProfile": {"vmSize": vm.size},
            "storageProfile": _storage(vm),
            "osProfile": _os_profile(vm),
            "networkProfile": {
                "networkInterfaces": [{"id": vm.nic_id, "properties": {"primary": True}}]
            },
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
            "provisioningState": "Succeeded",
        },
    }
    if not vm.tags:
        del body["tags"]
    if with_view:
        body["properties"]["instanceView"] = instance_view(vm)
    return body


def instance_view(vm: VirtualMachine) -> Json:
    """What the machine does right now; a fresh one has no power state."""
    statuses = [_status("ProvisioningState/succeeded", "Provisioning succeeded")]
    view: Json = {"computerName": vm.name, "hyperVGeneration": "V2"}
    if vm.power_state is not None:
        words = f"VM {vm.power_state}"
        statuses.append(_status(f"PowerState/{vm.power_state}", words))
    if vm.power_state == "running":
        view["osName"], view["osVersion"] = _SYSTEMS[vm.os_type]
        view["vmAgent"] = {
            "vmAgentVersion": "2.11.1.12",
            "statuses": [
                {
                    **_status("ProvisioningState/succeeded", "Ready"),
                    "message": "Guest Agent is running",
                }
            ],
            "extensionHandlers": [],
        }
    view["disks"] = [
        {
            "name": f"{vm.name}_OsDisk_1",
            "statuses": [_status("ProvisioningState/succeeded", "Provisioning succeeded")],
        }
    ]
    view["statuses"] = statuses
    return view


def arc_body(machine: ArcMachine) -> Json:
    """A machine joined by Azure Arc."""
    return {
        "name": machine.name,
        "id": machine.id,
        "type": "Microsoft.HybridCompute/machines",
        "location": machine.location,
        "tags": dict(machine.tags),
        "properties": {
            "osType": machine.os_type.lower(),
            "status": "Connected",
            "cloudMetadata": {"provider": machine.cloud_provider},
            "provisioningState": "Succeeded",
        },
    }


def location_body(subscription_id: str, region: str) -> Json:
    """Where Defender for Cloud keeps a subscription's data."""
    return {
        "id": f"/subscriptions/{subscription_id}/providers/Microsoft.Security/locations/{region}",
        "name": region,
        "type": "Microsoft.Security/locations",
        "properties": {"homeRegionName": region},
    }


def _status(code: str, words: str) -> Json:
    return {"code": code, "level": "Info", "displayStatus": words}


def _storage(vm: VirtualMachine) -> Json:
    publisher, offer, sku = _IMAGES[vm.os_type]
    disk = f"{vm.name}_OsDisk_1"
    group = vm.resource_group
    return {
        "imageReference": {
            "publisher": publisher,
            "offer": offer,
            "sku": sku,
            "version": "latest",
        },
        "osDisk": {
            "osType": vm.os_type,
            "name": disk,
            "createOption": "FromImage",
            "caching": "ReadWrite",
            "managedDisk": {
                "storageAccountType": "Premium_LRS",
                "id": resource_id(vm.subscription_id, group, "Microsoft.Compute/disks", disk),
            },
            "diskSizeGB": 30 if vm.os_type == "Linux" else 127,
        },
        "dataDisks": [],
    }


def _os_profile(vm: VirtualMachine) -> Json:
    profile: Json = {"computerName": vm.name, "adminUsername": "azureuser", "secrets": []}
    if vm.os_type == "Linux":
        profile["linuxConfiguration"] = {"disablePasswordAuthentication": True}
    else:
        profile["windowsConfiguration"] = {"provisionVMAgent": True, "enableAutomaticUpdates": True}
    return profile
