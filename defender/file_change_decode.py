"""Rows of Log Analytics as file changes. Pure: bytes in, facts out, no row raises.

Two tables say the same in different words: `MDCFileIntegrityMonitoringEvents` (Defender for
Endpoint, knows who did it) and `ConfigurationChange` (Change Tracking, does not). Neither has a row
id, so a row's identity is a hash of the columns that make it what it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from defender.file_change_rows import Row

MDE = "MDCFileIntegrityMonitoringEvents"
TRACKING = "ConfigurationChange"

#: Change Tracking writes a row up to six hours after the change, and looks every 50 minutes.
LATE_MAX = timedelta(hours=7)
_ARM_ID = re.compile(r"/subscriptions/([^/]+)(?:/resourcegroups/([^/]+))?(?:/.*/([^/]+))?", re.I)
_ZEROS = re.compile(r"(\.\d*?)0+(?=Z|[+-]\d\d:|$)")


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a file, registry value, service or package. All text is foreign, as it came.

    `what`: file, registry, service, software, daemon, or what Azure calls it, lower-cased.
    `act`: created, modified, deleted, renamed, `touched` (created or modified: Linux can't tell),
    or what Azure calls it.
    """

    key: str
    table: str
    workspace: str = ""
    resource_id: str = ""
    machine: str = ""
    #: the agent's id: all that is known of some machines (C023).
    agent_id: str = ""
    cloud: str = ""
    what: str = "file"
    act: str = ""
    #: of a file; of a registry change its key and value.
    path: str = ""
    old_path: str = ""
    old_value: str = ""
    new_value: str = ""
    old_size: int | None = None
    new_size: int | None = None
    old_hash: str = ""
    new_hash: str = ""
    old_rights: str = ""
    new_rights: str = ""
    account: str = ""
    process: str = ""
    process_id: int | None = None
    #: who asked over the network, where the change came by SMB or NFS.
    remote: str = ""
    changed_at: datetime | None = None
    #: when the row could be asked for.
    seen_at: datetime | None = None
    #: the key of the row by which a second source reported the same change.
    twin: str = ""

    @property
    def place(self) -> str:
        """The machine as it is compared: resource id, else name, else agent id, else nothing."""
        return (self.resource_id or self.machine or self.agent_id).casefold()

    @property
    def resource_group(self) -> str:
        return self._of_arm(2)

    @property
    def subscription_id(self) -> str:
        return self._of_arm(1)

    def _of_arm(self, part: int) -> str:
        found = _ARM_ID.match(self.resource_id)
        return (found[part] or "") if found else ""


def decode_change(row: Mapping[str, object], *, table: str, workspace: str) -> FileChange:
    """The row of a table as a change; every column may be absent, null or odd."""
    read = Row(row)
    change = _mde(read) if table == MDE else _tracking(read)
    return msgspec.structs.replace(
        change, table=table, workspace=workspace, key=_identity(change, read, table)
    )


def _mde(row: Row) -> FileChange:
    is_registry = row.text("MonitoredEntityType").casefold().startswith("registr")
    resource_id = row.text("AzureResourceId")
    account = row.text("InitiatingProcessAccountName") or row.text("RequestAccountName")
    domain = row.text("InitiatingProcessAccountDomainName")
    name = row.text("NewValueName") or row.text("OldValueName")
    key = row.text("RegistryKey")
    file_path = row.text("FilePath") or row.text("FileName")
    return FileChange(
        key="",
        table=MDE,
        resource_id=resource_id if _ARM_ID.match(resource_id) else "",
        machine=row.text("Computer") or _last(resource_id),
        agent_id=row.text("CloudIdentifier"),
        cloud=row.text("CloudProvider").casefold(),
        what="registry" if is_registry else _kind(row.text("MonitoredEntityType") or "File"),
        act=_act(row.text("ChangeType"), file_path),
        path=_registry_path(key, name) if is_registry else file_path,
        old_path=row.text("OriginalFilePath") or row.text("OldValueFullRegistryKey"),
        old_value=row.text("OldValueData"),
        new_value=row.text("NewValueData"),
        new_size=row.number("FileSize"),
        new_hash=row.text("FileSha256") or row.text("FileSha1") or row.text("FileMd5"),
        account=f"{domain}\\{account}" if domain and account else account,
        process=row.text("InitiatingProcessName") or row.text("InitiatingProcessImageFileName"),
        process_id=row.number("InitiatingProcessId"),
        remote=row.text("RequestSourceIP"),
        changed_at=row.instant("TimeGenerated"),
        seen_at=row.instant("SeenAt"),
    )


def _tracking(row: Row) -> FileChange:
    kind = _kind(row.text("ConfigChangeType") or "Files")
    resource_id = row.text("_ResourceId")
    path = {
        "registry": _registry_path(row.text("RegistryKey"), row.text("ValueName")),
        "service": row.text("SvcName") or row.text("SvcDisplayName"),
        "daemon": row.text("SvcName"),
        "software": row.text("SoftwareName"),
    }.get(kind, row.text("FileSystemPath"))
    return FileChange(
        key="",
        table=TRACKING,
        resource_id=resource_id if _ARM_ID.match(resource_id) else "",
        machine=row.text("Computer") or _last(resource_id),
        agent_id=row.text("SourceComputerId") or row.text("VMUUID"),
        what=kind,
        act=_act(row.text("ChangeCategory"), ""),
        path=path,
        old_value=row.text("PreviousValueData") or row.text("SvcPreviousState"),
        new_value=row.text("ValueData") or row.text("SvcState"),
        old_size=row.number("PreviousSize"),
        new_size=row.number("Size"),
        old_hash=row.text("PreviousFileContentChecksum"),
        new_hash=row.text("FileContentChecksum"),
        old_rights=row.text("PreviousAcls"),
        new_rights=row.text("Acls"),
        changed_at=_changed_at(row),
        seen_at=row.instant("SeenAt") or row.instant("TimeGenerated"),
    )


def _changed_at(row: Row) -> datetime | None:
    """The file's own time where the row came late (C087), but no time that a package brought."""
    written, own = row.instant("TimeGenerated"), row.instant("DateModified")
    if written is None or own is None:
        return written or own
    return own if timedelta(0) <= written - own <= LATE_MAX else written


_KINDS = {
    "file": "file",
    "files": "file",
    "registry": "registry",
    "registries": "registry",
    "windowsservices": "service",
    "daemons": "daemon",
    "software": "software",
}
_ACTS = {
    "created": "created",
    "added": "created",
    "registrykeycreated": "created",
    "modified": "modified",
    "registryvalueset": "modified",
    "deleted": "deleted",
    "removed": "deleted",
    "registrykeydeleted": "deleted",
    "registryvaluedeleted": "deleted",
    "renamed": "renamed",
    "registrykeyrenamed": "renamed",
}


def _kind(text: str) -> str:
    return _KINDS.get(text.casefold(), text.casefold()[:40])


def _act(text: str, path: str) -> str:
    """Linux can't tell a new file from a changed one: Defender calls both Modified."""
    act = _ACTS.get(text.casefold(), text.casefold()[:40])
    return "touched" if act == "modified" and path.startswith("/") else act


def _registry_path(key: str, value: str) -> str:
    return f"{key}\\{value}" if value else key


def _last(resource_id: str) -> str:
    return resource_id.rstrip("/").rpartition("/")[2] if _ARM_ID.match(resource_id) else ""


#: Beside the machine, path, kind and act: what tells two changes of one instant apart.
_TELLING: Sequence[str] = (
    "ValueName", "NewValueName", "ValueData", "NewValueData", "FileContentChecksum", "FileSha256",
    "Size", "FileSize", "Acls", "SvcState", "FieldsChanged", "InitiatingProcessId",
)  # fmt: skip


def _identity(change: FileChange, row: Row, table: str) -> str:
    """32 hex digits. The instant is taken as text: seven digits tell what six do not."""
    at = _ZEROS.sub(r"\1", row.text("TimeGenerated")).replace(".Z", "Z")
    said = (
        table, change.place, change.what, change.act, change.path, change.old_path, at,
        *(row.text(name) for name in _TELLING),
    )  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:32]
