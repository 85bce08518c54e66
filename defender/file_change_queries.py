"""The queries for Log Analytics: texts of ours with instants put in, nothing foreign. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from defender.file_change_decode import MDE, TRACKING

#: Rows of one answer; Azure allows 500,000 (100 MB), which is no size for one page of ours.
ROWS_MAX = 2_000
#: A row may become readable so long after its own time (Azure takes no older ones).
LATE_MAX = timedelta(days=2)
#: How far back machines are looked for that once sent.
KNOWN_FOR = timedelta(days=14)

_COLUMNS: Final = {
    MDE: (
        "TimeGenerated, Computer, AzureResourceId, CloudProvider, CloudIdentifier, "
        "MonitoredEntityType, ChangeType, FilePath, FileName, FileSize, FileSha256, FileSha1, "
        "FileMd5, OriginalFilePath, RegistryKey, OldValueFullRegistryKey, OldValueName, "
        "OldValueData, NewValueName, NewValueData, InitiatingProcessName, "
        "InitiatingProcessImageFileName, InitiatingProcessId, InitiatingProcessAccountName, "
        "InitiatingProcessAccountDomainName, RequestAccountName, RequestSourceIP"
    ),
    TRACKING: (
        "TimeGenerated, Computer, _ResourceId, SourceComputerId, VMUUID, ConfigChangeType, "
        "ChangeCategory, FileSystemPath, FieldsChanged, Size, PreviousSize, FileContentChecksum, "
        "PreviousFileContentChecksum, RegistryKey, ValueName, ValueData, PreviousValueData, Acls, "
        "PreviousAcls, DateModified"
    ),
}
#: Of `ConfigurationChange` only what file integrity monitoring is.
_ONLY: Final = {MDE: "", TRACKING: "| where ConfigChangeType in ('Files', 'Registry')\n"}
_MACHINE: Final = {
    MDE: "Computer, Resource = AzureResourceId",
    TRACKING: "Computer, Resource = _ResourceId",
}


def query_text(table: str, since: datetime, until: datetime) -> str:
    """By the instant that a row became readable; its own time may be hours older (C087)."""
    return (
        f"{table}\n"
        f"| where TimeGenerated >= {_at(since - LATE_MAX)}\n"
        "| extend SeenAt = ingestion_time()\n"
        f"| where SeenAt >= {_at(since)} and SeenAt < {_at(until)}\n"
        f"{_ONLY[table]}"
        f"| project SeenAt, {_COLUMNS[table]}\n"
        "| order by SeenAt asc\n"
        f"| take {ROWS_MAX + 1}"
    )


def last_rows_text(table: str, now: datetime) -> str:
    """The newest row of each machine that sent something in the last two weeks."""
    return (
        f"{table}\n"
        f"| where TimeGenerated >= {_at(now - KNOWN_FOR)}\n"
        f"| summarize LastAt = max(TimeGenerated) by {_MACHINE[table]}\n"
        f"| take {ROWS_MAX}"
    )


def heartbeat_text(since: datetime) -> str:
    """The newest sign of life of each machine with an agent."""
    return (
        "Heartbeat\n"
        f"| where TimeGenerated >= {_at(since)}\n"
        "| summarize LastAt = max(TimeGenerated) by Computer, Resource = _ResourceId\n"
        f"| take {ROWS_MAX}"
    )


def _at(instant: datetime) -> str:
    return f"datetime({instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ})"
