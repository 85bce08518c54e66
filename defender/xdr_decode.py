"""Defender XDR's alerts out of Microsoft Graph's answers. Pure.

Graph writes its enums in small letters in one place and in capitals in another, so all are kept
as they come and compared without case. Unknown kinds of evidence stay, with the type as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from defender.alert import Entity
from defender.alert_decode_entities import ENTITIES_MAX
from defender.alert_decode_fields import (
    FACT_MAX,
    LINK_MAX,
    TEXT_MAX,
    TITLE_MAX,
    Node,
    first,
    fold,
    objects_of,
    parse,
    plain,
    text_of,
    texts_of,
    time_of,
    web_link,
)

#: Comments kept; the newest ones.
COMMENTS_MAX = 50

#: fact → the fields of an evidence that hold it, in small letters.
_FACTS = {
    "command_line": "processcommandline",
    "pid": "processid",
    "started_at": "processcreationdatetime",
    "os": "osplatform",
    "health": "healthstatus",
    "risk": "riskscore",
    "device_id": "mdedeviceid",
    "hive": "registryhive",
    "key": "registrykey",
    "value": "registryvalue",
    "country": "countrylettercode",
    "verdict": "verdict",
    "remediation": "remediationstatus",
}
_KINDS = {"device": "host", "user": "account", "registrykey": "registry-key",
          "registryvalue": "registry-value"}  # fmt: skip
_SILENT = {"", "unknown", "none", "notfound"}


class Comment(msgspec.Struct, frozen=True):
    """What somebody wrote to an alert."""

    text: str
    by: str = ""
    at: datetime | None = None


class XdrAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as Defender XDR keeps it: who has it, what they found, and its evidence."""

    xdr_id: str
    provider_alert_id: str = ""
    incident_id: str = ""
    status: str = ""
    severity: str = ""
    #: UPN or free text; "" for nobody.
    owner: str = ""
    classification: str = ""
    determination: str = ""
    service: str = ""
    title: str = ""
    description: str = ""
    advice: str = ""
    category: str = ""
    techniques: tuple[str, ...] = ()
    link: str = ""
    incident_link: str = ""
    created_at: datetime | None = None
    changed_at: datetime | None = None
    first_activity_at: datetime | None = None
    #: ARM ids of the machines of the evidence, as they came.
    resource_ids: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    entities: tuple[Entity, ...] = ()
    entities_left: int = 0


class XdrIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident: alerts that Defender XDR holds for one story."""

    incident_id: str
    owner: str = ""
    classification: str = ""
    determination: str = ""
    #: the incident that this one went into
    redirected_to: str = ""
    alerts: tuple[XdrAlert, ...] = ()


def xdr_incident_of(raw: bytes | msgspec.Raw) -> XdrIncident:
    """One incident; ValueError for what is no object, has no id, or an alert that can't be read."""
    node = fold(parse(raw))
    incident_id = plain(node, "id")
    if not incident_id:
        raise ValueError("Graph gave an incident without an id.")
    return XdrIncident(
        incident_id=incident_id,
        owner=plain(node, "assignedto"),
        classification=plain(node, "classification"),
        determination=plain(node, "determination"),
        redirected_to=plain(node, "redirectincidentid"),
        alerts=tuple(_alert(item) for item in objects_of(node.get("alerts"))),
    )


def xdr_alert_of(raw: bytes | msgspec.Raw) -> XdrAlert:
    """One alert; ValueError for what is no object or has no id."""
    return _alert(fold(parse(raw)))


def _alert(node: Node) -> XdrAlert:
    xdr_id = plain(node, "id")
    if not xdr_id:
        raise ValueError("Graph gave an alert without an id.")
    evidence = list(objects_of(node.get("evidence")))
    devices = [item for item in evidence if _kind(item) == "host"]
    machines = [fold(item.get("vmmetadata")) for item in devices]
    return XdrAlert(
        xdr_id=xdr_id,
        provider_alert_id=plain(node, "provideralertid"),
        incident_id=plain(node, "incidentid"),
        status=plain(node, "status"),
        severity=plain(node, "severity"),
        owner=plain(node, "assignedto"),
        classification=plain(node, "classification"),
        determination=plain(node, "determination"),
        service=plain(node, "servicesource"),
        title=plain(node, "title", TITLE_MAX),
        description=plain(node, "description", TEXT_MAX),
        advice=plain(node, "recommendedactions", TEXT_MAX),
        category=plain(node, "category"),
        techniques=tuple(texts_of(node.get("mitretechniques"), 60)),
        link=web_link(plain(node, "alertweburl", LINK_MAX)),
        incident_link=web_link(plain(node, "incidentweburl", LINK_MAX)),
        created_at=time_of(node, "createddatetime"),
        changed_at=time_of(node, "lastupdatedatetime"),
        first_activity_at=time_of(node, "firstactivitydatetime"),
        resource_ids=tuple(filter(None, (plain(m, "resourceid", 1_000) for m in machines))),
        machines=tuple(filter(None, (_name(item) for item in devices))),
        comments=comments_of(node.get("comments")),
        entities=tuple(_entities(evidence[:ENTITIES_MAX])),
        entities_left=max(0, len(evidence) - ENTITIES_MAX),
    )


def comments_of(value: object) -> tuple[Comment, ...]:
    """The comments, the newest last, in alerts' spelling or in incidents'."""
    found = (
        Comment(
            text_of(node.get("comment"), TEXT_MAX).strip(),
            first(node, "createdbydisplayname", "createdby"),
            time_of(node, "createddatetime", "createdtime"),
        )
        for node in objects_of(value)
    )
    return tuple(comment for comment in found if comment.text)[-COMMENTS_MAX:]


def _entities(evidence: list[Node]) -> Iterator[Entity]:
    """The evidence as entities, each process with its parent's place where both are there."""
    by_pid = {plain(node, "processid"): place for place, node in enumerate(evidence)}
    parents: dict[int, int] = {}
    for place, node in enumerate(evidence):
        parent = by_pid.get(plain(node, "parentprocessid") or "-")
        above = parent
        while above is not None and above != place:
            above = parents.get(above)
        if parent is not None and above is None:
            parents[place] = parent
        yield Entity(_kind(node), _name(node), _facts(node), parents.get(place))


def _kind(node: Node) -> str:
    """`#microsoft.graph.security.processEvidence` is a process; a new type keeps its name."""
    name = plain(node, "@odata.type").rpartition(".")[2]
    short = name.removesuffix("Evidence").lower()
    return _KINDS.get(short, short)


def _facts(node: Node) -> dict[str, str]:
    facts = {fact: plain(node, name, FACT_MAX) for fact, name in _FACTS.items()}
    image = fold(node.get("imagefile") or node.get("filedetails"))
    facts["path"] = _path(image)
    for algorithm in ("sha256", "sha1", "md5"):
        facts[algorithm] = plain(image, algorithm, 200)
    facts["account"] = _account(fold(node.get("useraccount"))) if _kind(node) != "account" else ""
    facts["resource_id"] = plain(fold(node.get("vmmetadata")), "resourceid", 1_000)
    facts["parent_pid"] = plain(node, "parentprocessid")
    return {name: text for name, text in facts.items() if text.lower() not in _SILENT}


def _name(node: Node) -> str:
    match _kind(node):
        case "process" | "file":
            image = fold(node.get("imagefile") or node.get("filedetails"))
            return _path(image) or plain(node, "processcommandline")
        case "account":
            return _account(fold(node.get("useraccount")))
    return first(
        node, "devicednsname", "hostname", "ipaddress", "url", "registrykey", "resourcename",
        "resourceid", "domainname", "displayname", "name",
    )  # fmt: skip


def _path(image: Node) -> str:
    folder, name = plain(image, "filepath"), plain(image, "filename")
    if not folder or not name:
        return name or folder
    separator = "/" if "/" in folder else "\\"
    return f"{folder.rstrip(separator)}{separator}{name}"


def _account(account: Node) -> str:
    upn = plain(account, "userprincipalname")
    name, domain = plain(account, "accountname"), plain(account, "domainname")
    return (
        upn or (f"{domain}\\{name}" if domain and name else name) or plain(account, "displayname")
    )
