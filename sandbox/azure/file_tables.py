"""The two tables of file integrity: their columns, and rows as each generation writes them."""

from __future__ import annotations

import ntpath
import posixpath
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sandbox.azure.alert_body import Machine, digest
from sandbox.azure.kql.values import INGESTED, Kind
from sandbox.world.model import ArcMachine

#: Written by Defender for Endpoint's sensor, and by the Change Tracking extension.
MDE, TRACKING, HEARTBEAT = "MDCFileIntegrityMonitoringEvents", "ConfigurationChange", "Heartbeat"
TableName = Literal["MDCFileIntegrityMonitoringEvents", "ConfigurationChange", "Heartbeat"]
Act = Literal["Created", "Modified", "Deleted", "Renamed"]

_TYPED: dict[str, Kind] = {
    "_BilledSize": "real", "DateCreated": "datetime", "DateModified": "datetime",
    "LastSnapshotAge": "long", "PreviousDateCreated": "datetime",
    "PreviousDateModified": "datetime", "PreviousSize": "long", "Size": "long",
    "TimeGenerated": "datetime", "FileSize": "long", "InitiatingProcessCreationTime": "datetime",
    "InitiatingProcessFirstSeen": "datetime", "InitiatingProcessId": "long",
    "InitiatingProcessSessionId": "long", "InitProcImageCreationTimeUtc": "datetime",
    "InitProcImageFileSizeInBytes": "long", "InitProcImageLastAccessTimeUtc": "datetime",
    "InitProcImageLastWriteTimeUtc": "datetime", "InitProcImagePeTimestampUtc": "datetime",
}  # fmt: skip
_COLUMNS = {
    TRACKING: """Acls Attributes _BilledSize ChangeCategory Computer ConfigChangeType Current
        DateCreated DateModified FieldsChanged FileContentChecksum FileSystemPath Hive _IsBillable
        LastSnapshotAge Location ManagementGroupName Name Previous PreviousAcls PreviousAttributes
        PreviousDateCreated PreviousDateModified PreviousFileContentChecksum PreviousSize
        PreviousValueData PreviousValueType Publisher RegistryKey _ResourceId Size
        SoftwareDescription SoftwareName SoftwareType SourceComputerId SourceSystem _SubscriptionId
        SvcAccount SvcChangeType SvcController SvcDisplayName SvcName SvcPath SvcPreviousAccount
        SvcPreviousController SvcPreviousPath SvcPreviousRunlevels SvcPreviousStartupType
        SvcPreviousState SvcRunlevels SvcStartupType SvcState TimeGenerated Type ValueData ValueName
        ValueType VMUUID TenantId""",
    MDE: """AADTenantID AzureResourceId _BilledSize ChangeType CloudIdentifier CloudProvider
        CloudResourceType Computer FileMd5 FileName FilePath FileSha1 FileSha256 FileSize FileType
        InitiatingProcessAccountDomainName InitiatingProcessAccountName
        InitiatingProcessAccountSid InitiatingProcessCreationTime InitiatingProcessFirstSeen
        InitiatingProcessId InitiatingProcessImageFileName InitiatingProcessImageFilePath
        InitiatingProcessImageFileType InitiatingProcessName InitiatingProcessSessionId
        InitiatingProcessSource InitProcImageCreationTimeUtc InitProcImageFileSizeInBytes
        InitProcImageLastAccessTimeUtc InitProcImageLastWriteTimeUtc InitProcImageLsHash
        InitProcImageMd5 InitProcImagePeTimestampUtc InitProcImageSha1 InitProcImageSha256
        InitProcVersionInfoCompanyName InitProcVersionInfoFileDescription
        InitProcVersionInfoInternalFileName InitProcVersionInfoOriginalFileName
        InitProcVersionInfoProductName InitProcVersionInfoProductVersion _IsBillable
        MonitoredEntityType NewValueData NewValueName NewValueType OldValueData
        OldValueFullRegistryKey OldValueName OldValueType OriginalFileName OriginalFilePath
        RegistryHive RegistryKey RequestAccountDomain RequestAccountName RequestAccountSid
        RequestSource RequestSourceIP RequestSourcePort SourceSystem TenantId TimeGenerated Type""",
    HEARTBEAT: """Category Computer ComputerIP OSType ResourceGroup SourceComputerId SourceSystem
        SubscriptionId TenantId TimeGenerated Type VMUUID Version _ResourceId _SubscriptionId""",
}
SCHEMAS: dict[str, dict[str, Kind]] = {
    table: {name: _TYPED.get(name, "string") for name in names.split()}
    for table, names in _COLUMNS.items()
}
_HIVE = "HKEY_LOCAL_MACHINE"
_SIZE = 2_048
_VALUE_ACTS = {"Created": "RegistryValueSet", "Modified": "RegistryValueSet",
               "Deleted": "RegistryValueDeleted", "Renamed": "RegistryKeyRenamed"}  # fmt: skip
_CATEGORIES = {"Created": "Added", "Deleted": "Removed"}


@dataclass(frozen=True, slots=True)
class Change:
    """One change on a machine; a registry value where `value_name` is given."""

    path: str
    act: Act = "Modified"
    account: str = ""
    process: str = ""
    process_id: int = 4_242
    size: int | None = None
    sha256: str = ""
    old_path: str = ""
    value_name: str | None = None
    value: str = ""
    old_value: str = ""
    source_ip: str = ""
    #: Put over the row as they are.
    columns: dict[str, Any] = field(default_factory=dict)


def row_of(
    table: str, change: Change, machine: Machine, *, at: datetime, ingested_at: datetime
) -> dict[str, Any]:
    """The change as this generation writes it."""
    build = _mde_row if table == MDE else _tracking_row
    found = build(change, machine, at) | {"Type": table, "TimeGenerated": at}
    return {**found, **change.columns, INGESTED: ingested_at}


def heartbeat(machine: Machine, at: datetime) -> dict[str, Any]:
    """The agent's sign of life."""
    return {
        "Type": HEARTBEAT, "Computer": machine.name, "_ResourceId": machine.id.lower(),
        "OSType": machine.os_type, "ResourceGroup": machine.resource_group,
        "SubscriptionId": machine.subscription_id, "Category": "Azure Monitor Agent",
        "TimeGenerated": at, INGESTED: at,
    }  # fmt: skip


def _mde_row(change: Change, machine: Machine, at: datetime) -> dict[str, Any]:
    is_registry = change.value_name is not None
    own = _registry(change) if is_registry else _file(change, machine)
    is_arc = isinstance(machine, ArcMachine)
    return {
        "Computer": machine.name,
        "AzureResourceId": machine.id,
        "CloudProvider": machine.cloud_provider if isinstance(machine, ArcMachine) else "Azure",
        "CloudResourceType": "microsoft.hybridcompute/machines" if is_arc
        else "microsoft.compute/virtualmachines",
        "MonitoredEntityType": "Registry" if is_registry else "File",
        "InitiatingProcessName": change.process,
        "InitiatingProcessImageFileName": change.process,
        "InitiatingProcessId": change.process_id if change.process else None,
        "InitiatingProcessCreationTime": at if change.process else None,
        "InitiatingProcessAccountName": change.account,
        "InitiatingProcessAccountDomainName":
            machine.name.upper() if machine.os_type == "Windows" and change.account else "",
        **own,
    }  # fmt: skip


def _file(change: Change, machine: Machine) -> dict[str, Any]:
    # On Linux the sensor can't tell a new file from a changed one.
    is_blind = machine.os_type == "Linux" and change.act == "Created"
    split = ntpath.split if machine.os_type == "Windows" else posixpath.split
    is_gone = change.act == "Deleted"
    return {
        "ChangeType": "Modified" if is_blind else change.act,
        "FilePath": change.path,
        "FileName": split(change.path)[1],
        "FileSize": None if is_gone else change.size or _SIZE,
        "FileSha256": "" if is_gone else change.sha256 or digest(change.path),
        "OriginalFilePath": change.old_path,
        "OriginalFileName": split(change.old_path)[1],
        "RequestAccountName": change.account,
        "RequestSource": "SMB" if change.source_ip else "Local",
        "RequestSourceIP": change.source_ip,
    }


def _registry(change: Change) -> dict[str, Any]:
    is_gone = change.act == "Deleted"
    return {
        "ChangeType": _VALUE_ACTS[change.act],
        "RegistryHive": _HIVE,
        "RegistryKey": change.path,
        "OldValueFullRegistryKey": change.old_path,
        "OldValueName": change.value_name if change.old_value else "",
        "OldValueData": change.old_value,
        "NewValueName": "" if is_gone else change.value_name,
        "NewValueData": "" if is_gone else change.value,
        "NewValueType": "" if is_gone else "REG_SZ",
    }


def _tracking_row(change: Change, machine: Machine, at: datetime) -> dict[str, Any]:
    """This generation knows no process and no account."""
    category = _CATEGORIES.get(change.act, "Modified")
    own: dict[str, Any]
    if change.value_name is not None:
        own = {
            "ConfigChangeType": "Registry", "Hive": _HIVE, "RegistryKey": change.path,
            "ValueName": change.value_name, "ValueType": "REG_SZ", "ValueData": change.value,
            "PreviousValueData": change.old_value, "FieldsChanged": "ValueData",
        }  # fmt: skip
    else:
        own = {
            "ConfigChangeType": "Files", "FileSystemPath": change.path,
            "Size": None if category == "Removed" else change.size or _SIZE,
            "PreviousSize": None if category == "Added" else _SIZE - 12,
            "FileContentChecksum": change.sha256 or digest(change.path),
            "PreviousFileContentChecksum": "" if category == "Added" else digest(f"{change.path}~"),
            "FieldsChanged": "DateModified, FileContentChecksum, Size", "DateModified": at,
        }  # fmt: skip
    return {
        "ChangeCategory": category,
        "Computer": machine.name,
        "_ResourceId": machine.id.lower(),
        "_SubscriptionId": machine.subscription_id,
        "SourceComputerId": digest(machine.id)[:32],
        **own,
    }
