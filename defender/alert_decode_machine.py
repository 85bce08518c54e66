"""Which machine an alert is about, and in whose cloud. Pure.

The same machine is named in up to six places of one alert, in three spellings, and some of the
places name only a subscription or a workspace. An id is believed, a short name never makes one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from defender.alert_decode_entities import Evidence
from defender.alert_decode_fields import Node, first, objects_of, plain, texts_of

#: Types that are machines, in small letters, most telling first.
MACHINES = (
    "/providers/microsoft.compute/virtualmachines/",
    "/providers/microsoft.hybridcompute/machines/",
    "/providers/microsoft.classiccompute/virtualmachines/",
    "/providers/microsoft.compute/virtualmachinescalesets/",
    "/providers/microsoft.azurearcdata/",
    "/securityentitydata/",
)
RESOURCE = re.compile(
    r"/subscriptions/([^/]{1,100})/resourcegroups/([^/]{1,100})/providers/.{3,600}", re.IGNORECASE
)
_SUBSCRIPTION = re.compile(r"/subscriptions?(?:Id)?/([0-9a-f-]{36})(?:/|$)", re.IGNORECASE)
OS = re.compile(r"windows|linux", re.IGNORECASE)
_CLOUDS = (
    ("aws", ("amazon", "aws")),
    ("gcp", ("gcp", "google")),
)


@dataclass(frozen=True, slots=True)
class Machine:
    """As much as the alert says."""

    resource_id: str = ""
    name: str = ""
    resource_group: str = ""
    subscription_id: str = ""
    cloud: str = ""
    os: str = ""
    workspace_id: str = ""


def machine_of(alert: Node, *, outer: Node, extended: Node, evidence: Evidence) -> Machine:
    """The machine (or other resource) of an alert; `outer` is what its properties lie in."""
    identifiers = list(objects_of(alert.get("resourceidentifiers")))
    resource_id = _resource_id(_ids(alert, extended, identifiers, evidence))
    parts = RESOURCE.fullmatch(resource_id)
    return Machine(
        resource_id=resource_id,
        name=_name(resource_id, plain(alert, "compromisedentity"), evidence),
        resource_group=parts[2] if parts else "",
        subscription_id=(parts[1] if parts else _subscription(alert, outer, extended)).lower(),
        cloud=_cloud(resource_id, extended, evidence),
        os=_os(alert, extended, evidence),
        workspace_id=next(
            (found for node in identifiers if (found := plain(node, "workspaceid"))),
            plain(alert, "workspaceid"),
        ),
    )


def _resource_id(ids: Iterator[str]) -> str:
    """The best of the ids: a VM's wherever it stands, else any machine's, else any resource's."""
    seen: list[str] = []
    for text in ids:
        if MACHINES[0] in text.lower():
            return text
        seen.append(text)
    found = next((text for kind in MACHINES[1:] for text in seen if kind in text.lower()), "")
    return found or next((text for text in seen if RESOURCE.fullmatch(text)), "")


def _ids(alert: Node, extended: Node, identifiers: list[Node], evidence: Evidence) -> Iterator[str]:
    """Everything that may be an ARM id, the most trustworthy first."""
    for node in identifiers:
        yield plain(node, "azureresourceid", 1_000)
    yield plain(alert, "azureresourceid", 1_000)
    yield first(extended, "effectiveazureresourceid", "azureresourceid", longest=1_000)
    for host in evidence.hosts:
        yield plain(host, "azureid", 1_000)
    for resource in evidence.resources:
        yield plain(resource, "resourceid", 1_000)
        yield from texts_of(resource.get("relatedazureresourceids"), 1_000)
    yield plain(alert, "compromisedentity", 1_000)


def _name(resource_id: str, compromised: str, evidence: Evidence) -> str:
    """The machine's own name, in the spelling that people know where there are several."""
    of_id = resource_id.rstrip("/").rpartition("/")[2]
    is_plain = any(kind in resource_id.lower() for kind in MACHINES[:3])
    if compromised and "/" not in compromised:
        if not is_plain or compromised.casefold() == of_id.casefold():
            return compromised
        return of_id
    if is_plain:
        return of_id
    hosts = (first(host, "hostname", "netbiosname") for host in evidence.hosts)
    named = (plain(node, "resourcename") for node in evidence.resources)
    return next(filter(None, (*hosts, *named)), "") or of_id


def _subscription(alert: Node, outer: Node, extended: Node) -> str:
    """Of an alert without a resource: its own, never its workspace's."""
    for text in (plain(outer, "id", 1_000), plain(alert, "alerturi", 3_000)):
        if found := _SUBSCRIPTION.search(text):
            return found[1]
    named = plain(outer, "subscriptionid", 100) or first(
        extended, "effectivesubscriptionid", longest=100
    )
    if named:
        return named
    for node in objects_of(alert.get("resourceidentifiers")):
        if found := _SUBSCRIPTION.search(plain(node, "azureresourceid", 1_000)):
            return found[1]
    return ""


def _cloud(resource_id: str, extended: Node, evidence: Evidence) -> str:
    """Whose machine it is: an AWS machine under Arc is AWS's."""
    folded = resource_id.lower()
    if "/microsoft.compute/" not in folded:
        words = " ".join(
            (
                folded.rpartition("/securityentitydata/")[2] if "/securityent" in folded else "",
                first(extended, "resourcetype", "cloudprovider", "cloudname").lower(),
                *(plain(node, "type", 60).lower() for node in evidence.resources),
            )
        )
        for cloud, names in _CLOUDS:
            if any(name in words for name in names):
                return cloud
    if "/microsoft.hybridcompute/" in folded:
        return "arc"
    return "azure" if "/providers/microsoft." in folded and "/securityent" not in folded else ""


def _os(alert: Node, extended: Node, evidence: Evidence) -> str:
    for host in evidence.hosts:
        if name := first(host, "osfamily", "osversion", longest=60):
            return name
    text = first(extended, "ostype", "os type", "operatingsystem") or plain(alert, "alerttype")
    found = OS.search(text)
    return found[0].capitalize() if found else ""
