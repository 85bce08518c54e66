"""Alerts and incidents as Microsoft Graph writes them, evidence and all."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sandbox.azure.alert_body import TENANT
from sandbox.azure.alerts import SandboxAlert
from sandbox.azure.wire import Json, instant_text
from sandbox.world.model import VirtualMachine

#: The verdict on what stands in an alert of each severity.
_VERDICTS = {"High": "malicious", "Medium": "suspicious"}


def alert_fields(alert: SandboxAlert, own: str, incident_id: str) -> Json:
    """The alert, new and in nobody's hands."""
    found = alert.properties
    at, started = found.get("timeGeneratedUtc"), found.get("startTimeUtc")
    is_edr = "Endpoint" in str(found.get("productName")) or "Advanced" in str(
        found.get("productName")
    )
    return {
        "@odata.type": "#microsoft.graph.security.alert",
        "id": own,
        "providerAlertId": own.removeprefix("da") if is_edr else alert.system_id,
        "incidentId": incident_id,
        "status": "new",
        "severity": alert.severity.lower(),
        "classification": "unknown",
        "determination": "unknown",
        "serviceSource":
            "microsoftDefenderForEndpoint" if is_edr else "microsoftDefenderForCloud",
        "detectionSource":
            "microsoftDefenderForEndpoint" if is_edr else "microsoftDefenderForServers",
        "detectorId": f"{zlib.crc32(alert.title.encode()):08x}-0000-4000-8000-000000000000",
        "tenantId": TENANT,
        "title": alert.title,
        "description": str(found.get("description") or ""),
        "recommendedActions": "\n".join(found.get("remediationSteps") or ()),
        "category": str(found.get("intent") or ""),
        "assignedTo": None,
        "alertWebUrl": f"https://security.microsoft.com/alerts/{own}?tid={TENANT}",
        "incidentWebUrl": f"https://security.microsoft.com/incidents/{incident_id}?tid={TENANT}",
        "actorDisplayName": None,
        "threatDisplayName": None,
        "threatFamilyName": None,
        "mitreTechniques": [*(found.get("techniques") or ()), *(found.get("subTechniques") or ())],
        "createdDateTime": at,
        "lastUpdateDateTime": at,
        "resolvedDateTime": None,
        "firstActivityDateTime": started,
        "lastActivityDateTime": started,
        "comments": [],
        "evidence": list(_evidence(alert, at)),
        "systemTags": [],
    }  # fmt: skip


def incident_fields(alert: SandboxAlert, number: str, at: datetime) -> Json:
    """The incident that an alert begins."""
    return {
        "@odata.type": "#microsoft.graph.security.incident",
        "id": number,
        "incidentWebUrl": f"https://security.microsoft.com/incidents/{number}?tid={TENANT}",
        "redirectIncidentId": None,
        "tenantId": TENANT,
        "displayName": f"{alert.title} on one endpoint",
        "createdDateTime": instant_text(at),
        "lastUpdateDateTime": instant_text(at),
        "assignedTo": None,
        "classification": "unknown",
        "determination": "unknown",
        "status": "active",
        "severity": alert.severity.lower(),
        "customTags": [],
        "comments": [],
    }


def comment_fields(text: str, by: str, at: datetime) -> Json:
    """A comment of an alert or incident."""
    return {
        "@odata.type": "#microsoft.graph.security.alertComment",
        "comment": text,
        "createdByDisplayName": by,
        "createdDateTime": instant_text(at),
    }


def _evidence(alert: SandboxAlert, at: str | None) -> Iterator[Json]:
    """The machine, then what the alert's own entities tell, in Graph's words."""
    entities = {e["$id"]: e for e in alert.properties.get("entities") or () if "$id" in e}
    common: Json = {
        "createdDateTime": at, "verdict": _VERDICTS.get(alert.severity, "unknown"),
        "remediationStatus": "none", "remediationStatusDetails": None, "roles": [],
        "detailedRoles": [], "tags": [],
    }  # fmt: skip
    yield {"@odata.type": _kind("device"), **common, **_device(alert)}
    for entity in entities.values():
        match entity.get("type"):
            case "process":
                own = _process(entity, entities, alert)
                yield {"@odata.type": _kind("process"), **common, **own}
            case "file":
                yield {"@odata.type": _kind("file"), **common, "detectionStatus": "detected",
                       "fileDetails": _file(entity)}  # fmt: skip
            case "account":
                yield {"@odata.type": _kind("user"), **common, "userAccount": _account(entity)}
            case "ip":
                country = (entity.get("location") or {}).get("countryCode")
                yield {"@odata.type": _kind("ip"), **common, "ipAddress": entity.get("address"),
                       "countryLetterCode": country}  # fmt: skip
            case _:
                continue


def _kind(name: str) -> str:
    return f"#microsoft.graph.security.{name}Evidence"


def _device(alert: SandboxAlert) -> Json:
    machine = alert.machine
    is_azure = isinstance(machine, VirtualMachine)
    return {
        "mdeDeviceId": f"{zlib.crc32(machine.id.encode()):040x}",
        "azureAdDeviceId": None,
        "deviceDnsName": machine.name,
        "osPlatform": "WindowsServer2022" if machine.os_type == "Windows" else "Linux",
        "osBuild": None,
        "version": "Other",
        "healthStatus": "active",
        "riskScore": alert.severity.lower(),
        "onboardingStatus": "onboarded",
        "loggedOnUsers": [],
        "vmMetadata": {
            "vmId": f"{zlib.crc32(machine.name.encode()):08x}-0000-4000-8000-000000000000",
            "cloudProvider": "azure",
            "resourceId": machine.id,
            "subscriptionId": machine.subscription_id,
        }
        if is_azure
        else None,
    }


def _process(entity: Json, entities: dict[str, Json], alert: SandboxAlert) -> Json:
    def other(name: str) -> Json:
        return entities.get((entity.get(name) or {}).get("$ref", ""), {})

    parent = other("parentProcess").get("processId")
    return {
        "processId": int(entity["processId"], 16),
        "parentProcessId": int(parent, 16) if parent else None,
        "processCommandLine": entity.get("commandLine"),
        "processCreationDateTime": entity.get("creationTimeUtc"),
        "detectionStatus": "detected",
        "mdeDeviceId": _device(alert)["mdeDeviceId"],
        "imageFile": _file(other("imageFile")),
        "userAccount": _account(other("account")),
    }


def _file(entity: Json) -> Json:
    hashes: list[dict[str, Any]] = entity.get("fileHashes") or []
    return {
        "sha1": None,
        "sha256": next((h["value"] for h in hashes), None),
        "fileName": entity.get("name"),
        "filePath": entity.get("directory"),
        "fileSize": None,
        "filePublisher": None,
        "signer": None,
        "issuer": None,
    }


def _account(entity: Json) -> Json:
    return {
        "accountName": entity.get("name"),
        "domainName": entity.get("ntDomain"),
        "userSid": None,
        "azureAdUserId": None,
        "userPrincipalName": None,
        "displayName": None,
    }
