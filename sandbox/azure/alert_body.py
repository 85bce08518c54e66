"""An alert as Azure writes it: properties in camelCase, entities that refer to each other."""

from __future__ import annotations

import hashlib
import ntpath
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sandbox.azure.alert_stories import Process, Story
from sandbox.azure.wire import Json, instant_text
from sandbox.world.model import ArcMachine, VirtualMachine

Machine = VirtualMachine | ArcMachine
#: Defender for Endpoint signs its alerts in two ways, depending on which way they came.
Spelling = Literal["new", "old"]

TENANT = "00000000-0000-0000-0000-0000000000aa"
TYPE = "Microsoft.Security/Locations/alerts"
VERSION = "2022-01-01.0"
_PRODUCTS: dict[Spelling, str] = {
    "new": "Microsoft Defender for Endpoint",
    "old": "Microsoft Defender Advanced Threat Protection",
}
_TYPE_PREFIXES: dict[Spelling, str] = {"new": "WindowsDefenderAtp.", "old": "WindowsDefenderAv."}
#: Each process of a tree starts this long after its parent.
_NEXT_PROCESS = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who, from where, when: what a story is told with."""

    account: str
    source: str
    started_at: datetime
    generated_at: datetime
    spelling: Spelling = "new"


def properties_of(
    story: Story, machine: Machine, found: Circumstances, *, system_id: str, link: str
) -> Json:
    """The alert's properties; its status is Active."""
    named = {"machine": machine.name, "account": found.account, "source": found.source}
    return {
        "status": "Active",
        "timeGeneratedUtc": instant_text(found.generated_at),
        "processingEndTimeUtc": instant_text(found.generated_at),
        "version": VERSION,
        "vendorName": "Microsoft",
        "productName": _PRODUCTS[found.spelling],
        "productComponentName": "Servers",
        "alertType": _TYPE_PREFIXES[found.spelling] + story.alert_type,
        "startTimeUtc": instant_text(found.started_at),
        "endTimeUtc": instant_text(found.started_at),
        "severity": story.severity,
        "isIncident": False,
        "systemAlertId": system_id,
        "correlationKey": digest(f"{machine.id}{story.key}")[:43] + "=",
        "intent": story.intent,
        "resourceIdentifiers": [_identifier(machine, found.spelling)],
        "compromisedEntity": machine.name,
        "alertDisplayName": story.title,
        "description": story.description.format(**named),
        "remediationSteps": [step.format(**named) for step in story.remediation],
        "extendedProperties": _extended(story, machine, found),
        "entities": list(_entities(story, machine, found, named)),
        "techniques": [t for t in story.techniques if "." not in t],
        "subTechniques": [t for t in story.techniques if "." in t],
        "alertUri": link,
    }


def portal_link(machine: Machine, name: str, location: str) -> str:
    """The blade of Azure's portal."""
    return (
        "https://portal.azure.com/#blade/Microsoft_Azure_Security_AzureDefenderForData/AlertBlade"
        f"/alertId/{name}/subscriptionId/{machine.subscription_id}/resourceGroup/"
        f"{machine.resource_group}/referencedFrom/alertDeepLink/location/{location}"
    )


def xdr_id(name: str) -> str:
    """What Defender XDR calls the alert of this name."""
    return f"da{name.rpartition('_')[2]}_1"


def xdr_link(name: str) -> str:
    """Where Defender's own portal shows it."""
    return f"https://security.microsoft.com/alerts/{xdr_id(name)}?tid={TENANT}"


def digest(text: str) -> str:
    """A hash that is always the same for the same thing."""
    return hashlib.sha256(text.encode()).hexdigest()


def _identifier(machine: Machine, spelling: Spelling) -> Json:
    # One and the same id comes in several cases; the older alerts write it small.
    resource = machine.id.lower() if spelling == "old" else machine.id
    return {"$id": "centralus_1", "azureResourceId": resource, "type": "AzureResource"}


def _extended(story: Story, machine: Machine, found: Circumstances) -> Json:
    kind = "Virtual Machine" if isinstance(machine, VirtualMachine) else "Machine - Azure Arc"
    category = (
        {"MicrosoftDefenderAtp.Category": story.category}
        if found.spelling == "old"
        else {"Category": story.category}
    )
    return {
        "resourceType": kind,
        "killChainIntent": story.intent,
        "EffectiveSubscriptionId": machine.subscription_id,
        "EffectiveAzureResourceId": machine.id,
        **category,
    }


def _entities(
    story: Story, machine: Machine, found: Circumstances, named: dict[str, str]
) -> Iterator[Json]:
    host, account = {"$ref": "centralus_2"}, {"$ref": "centralus_3"}
    yield {
        "$id": "centralus_2", "hostName": machine.name, "azureID": machine.id,
        "osFamily": machine.os_type, "type": "host",
    }  # fmt: skip
    domain = machine.name.upper() if machine.os_type == "Windows" else ""
    yield {
        "$id": "centralus_3", "name": found.account, "ntDomain": domain, "host": host,
        "isDomainJoined": False, "type": "account",
    }  # fmt: skip
    number = 4
    for path in story.files:
        yield _file(f"centralus_{number}", path.format(**named), machine)
        number += 1
    parent: Json = {}
    for step, process in enumerate(story.processes):
        image, own = f"centralus_{number}", f"centralus_{number + 1}"
        yield _file(image, process.path, machine)
        yield {
            **_process(own, process, found.started_at + step * _NEXT_PROCESS, step, named),
            "imageFile": {"$ref": image}, "host": host, "account": account, **parent,
        }  # fmt: skip
        parent = {"parentProcess": {"$ref": own}}
        number += 2
    yield {
        "$id": f"centralus_{number}", "address": found.source,
        "location": {"countryCode": "NL", "countryName": "Netherlands", "city": "Amsterdam"},
        "type": "ip",
    }  # fmt: skip


def _process(own: str, process: Process, at: datetime, step: int, named: dict[str, str]) -> Json:
    return {
        "$id": own,
        "processId": hex(0x11A4 + 0x1C8 * step),
        "commandLine": process.command.format(**named),
        "creationTimeUtc": instant_text(at),
        "type": "process",
    }


def _file(own: str, path: str, machine: Machine) -> Json:
    split = ntpath.split if machine.os_type == "Windows" else posixpath.split
    directory, name = split(path)
    return {
        "$id": own,
        "directory": directory,
        "name": name,
        "fileHashes": [
            {"$id": f"{own}_1", "algorithm": "SHA256", "value": digest(path), "type": "filehash"}
        ],
        "type": "file",
    }
