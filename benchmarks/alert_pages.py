"""A backlog of alerts as Azure's pages carry it: about 3 kB each, every one different."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
MACHINES = 212
_FIRST = datetime(2026, 3, 25, 9, 0, tzinfo=UTC)
#: As a real estate has them: few High, most of one kind.
_SEVERITIES = ("High", *("Medium",) * 22, "Low")
_TITLES = (
    *("Suspicious process executed",) * 16,
    "Suspicious PowerShell activity detected",
    "Attempted logon by a potentially harmful application",
)


def page(first: int, count: int) -> bytes:
    """One page of the alerts API."""
    return msgspec.json.encode({"value": [item(number) for number in range(first, first + count)]})


def machine_of(number: int) -> str:
    return f"web-{number * 7919 % MACHINES:03}"


def item(number: int) -> dict[str, Any]:
    """One alert, as the API of 2022-01-01 has it."""
    name = f"2518770965529163669_{number:08x}-5bc4-4a3c-9f9e-1c3c3b0c4d5e"
    machine = machine_of(number)
    at = _FIRST + timedelta(milliseconds=6 * number)
    resource = (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shop-prod"
        f"/providers/Microsoft.Compute/virtualMachines/{machine}"
    )
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-shop-prod/providers"
        f"/Microsoft.Security/locations/japaneast/alerts/{name}",
        "name": name,
        "type": "Microsoft.Security/Locations/alerts",
        "properties": {
            "version": "2022-01-01",
            "alertType": "VM_SuspiciousProcess",
            "systemAlertId": name,
            "productComponentName": "Servers",
            "alertDisplayName": _TITLES[number % len(_TITLES)],
            "description": "Machine logs indicate that a suspicious process was running on the "
            "machine, often associated with attackers trying to access credentials.",
            "severity": _SEVERITIES[number % len(_SEVERITIES)],
            "intent": "Execution",
            "startTimeUtc": _text(at),
            "endTimeUtc": _text(at + timedelta(seconds=1)),
            "resourceIdentifiers": [
                {"azureResourceId": resource, "type": "AzureResource"},
                {
                    "workspaceId": "f419f624-acad-4d89-b86d-f62fa387f019",
                    "workspaceSubscriptionId": SUBSCRIPTION,
                    "workspaceResourceGroup": "rg-logs",
                    "agentId": "75724a01-f021-4aa8-9ec2-329792373e6e",
                    "type": "LogAnalytics",
                },
            ],
            "remediationSteps": [
                "Review with the owner of the account whether the process is known.",
                "If it is not, isolate the machine and look at the account's other sign-ins.",
            ],
            "vendorName": "Microsoft",
            "status": "Active",
            "extendedProperties": _extended(number, machine),
            "entities": _entities(number, machine, resource),
            "isIncident": False,
            "correlationKey": f"corr-{number % 97}",
            "processingEndTimeUtc": _text(at + timedelta(seconds=20)),
            "productName": "Microsoft Defender for Cloud",
            "alertUri": "https://portal.azure.com/#blade/Microsoft_Azure_Security_AzureDefenderFor"
            f"Data/AlertBlade/alertId/{name}/subscriptionId/{SUBSCRIPTION}/resourceGroup/"
            "rg-shop-prod/referencedFrom/alertDeepLink/location/japaneast",
            "timeGeneratedUtc": _text(at + timedelta(seconds=21)),
            "techniques": ["T1059", "T1059.001", "T1053"],
            "subTechniques": [],
        },
    }


def _extended(number: int, machine: str) -> dict[str, str]:
    return {
        "domain name": "CONTOSO",
        "user name": f"CONTOSO\\svc-deploy-{number % 40}",
        "process name": "c:\\windows\\system32\\windowspowershell\\v1.0\\powershell.exe",
        "command line": f"powershell.exe -NoProfile -EncodedCommand {number:064x}",
        "parent process": "cmd.exe",
        "process id": hex(4000 + number % 60_000),
        "account logon id": hex(0x3E7 + number),
        "user SID": "S-1-5-18",
        "machine name": machine,
        "resourceType": "Virtual Machine",
        "effectiveAzureResourceId": f"/subscriptions/{SUBSCRIPTION}/{machine}",
    }


def _entities(number: int, machine: str, resource: str) -> list[dict[str, Any]]:
    host = {"$id": "1", "hostName": machine, "azureID": resource, "osFamily": "Windows",
            "osVersion": "10.0.20348", "type": "host"}  # fmt: skip
    account = {"$id": "2", "name": f"svc-deploy-{number % 40}", "ntDomain": "CONTOSO",
               "host": {"$ref": "1"}, "sid": "S-1-5-18", "type": "account"}  # fmt: skip
    image = {"$id": "3", "directory": "c:\\windows\\system32\\windowspowershell\\v1.0",
             "name": "powershell.exe", "host": {"$ref": "1"}, "type": "file"}  # fmt: skip
    parent = {"$id": "4", "processId": "0x1f40", "imageFile": {"$id": "5", "name": "cmd.exe",
              "type": "file"}, "host": {"$ref": "1"}, "type": "process"}  # fmt: skip
    process = {
        "$id": "6",
        "processId": hex(4000 + number % 60_000),
        "commandLine": f"powershell.exe -NoProfile -EncodedCommand {number:064x}",
        "creationTimeUtc": "2026-03-25T09:00:00.1234567Z",
        "imageFile": {"$ref": "3"},
        "account": {"$ref": "2"},
        "parentProcess": {"$ref": "4"},
        "host": {"$ref": "1"},
        "type": "process",
    }
    return [host, account, image, parent, process]


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond:06}0Z"
