"""One alert out of an object of any spelling. Pure.

One reader for all: it knows a field by its name without case, in `properties` or beside it, and
takes any type. It raises nothing, whatever the object holds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from defender.alert import Alert
from defender.alert_decode_entities import evidence_of
from defender.alert_decode_fields import (
    LINK_MAX,
    TITLE_MAX,
    Node,
    first,
    flag,
    fold,
    inner,
    plain,
    texts_of,
    time_of,
    web_link,
)
from defender.alert_decode_machine import machine_of
from defender.alert_decode_text import Slots, extended_of, prose, steps_of
from defender.resources import fold as fold_id

#: Identities go into keys and buttons: printable ASCII without blanks, or a digest instead.
PLAIN_ID = re.compile(r"[\x21-\x7e]{1,200}")
_ID_MAX = 500


@dataclass(frozen=True, slots=True)
class EdrRule:
    """What makes an alert one of Defender for Endpoint; all in small letters."""

    products: tuple[str, ...] = (
        "endpoint",
        "defender atp",
        "defender advanced threat protection",
        "mdatp",
    )
    type_starts: tuple[str, ...] = ("windowsdefender",)
    hosts: tuple[str, ...] = ("security.microsoft.com", "securitycenter.windows.com")
    properties: tuple[str, ...] = ("microsoftdefenderatp.category",)


DEFAULT_EDR = EdrRule()


def alert_of(outer: Node, edr: EdrRule = DEFAULT_EDR) -> Alert:
    """The alert in an object; its fields may lie in `properties`, in text there, or beside it."""
    properties = outer.get("properties")
    alert = fold(inner(properties) if isinstance(properties, str) else properties) or outer
    raw_extended = alert.get("extendedproperties")
    given = fold(inner(raw_extended) if isinstance(raw_extended, str) else raw_extended)
    extended = extended_of(raw_extended)
    evidence = evidence_of(_list(alert.get("entities")))
    machine = machine_of(alert, outer=outer, extended=given, evidence=evidence)
    slots = Slots(extended)
    title = slots.fill(first(alert, "alertdisplayname", "displayname", longest=TITLE_MAX))
    description = slots.fill(prose(alert.get("description")))
    arm_id = _arm_id(outer)
    kind = plain(alert, "alerttype")
    started_at = time_of(alert, "starttimeutc", "starttime")
    link = web_link(first(alert, "alerturi", "alertlink", longest=LINK_MAX))
    return Alert(
        key=_key(alert, outer, arm_id, (kind, title, machine.name, str(started_at))),
        arm_id=arm_id,
        title=title,
        alert_type=kind,
        severity=first(alert, "severity", "alertseverity", longest=60),
        status=plain(alert, "status", 60),
        intent=", ".join(texts_of(alert.get("intent", alert.get("tactics")), 60)),
        techniques=_techniques(alert),
        product=plain(alert, "productname"),
        vendor=plain(alert, "vendorname"),
        description=description,
        resource_id=machine.resource_id,
        machine=machine.name,
        resource_group=machine.resource_group,
        subscription_id=machine.subscription_id,
        cloud=machine.cloud,
        os=machine.os,
        workspace_id=machine.workspace_id,
        started_at=started_at,
        ended_at=time_of(alert, "endtimeutc", "endtime"),
        generated_at=time_of(
            alert, "timegeneratedutc", "timegenerated", "processingendtimeutc", "processingendtime"
        ),
        entities=evidence.entities,
        entities_left=evidence.left,
        remediation=steps_of(alert.get("remediationsteps"), slots),
        link=link,
        correlation_key=plain(alert, "correlationkey"),
        incident_id=first(alert, "incidentid", "providerincidentid", "systemincidentid")
        or first(given, "incidentid", "incident id"),
        is_incident=flag(alert.get("isincident")),
        is_sample=is_sample(title, description, kind),
        is_edr=is_edr(alert, given, kind, link, edr),
        extended=slots.fill_all(extended),
    )


def is_sample(title: str, description: str, kind: str) -> bool:
    """Whether the service itself made it to show what one looks like; nobody is paged."""
    return (
        title.lstrip().upper().startswith("[SAMPLE ALERT]")
        or description.lstrip().upper().startswith("THIS IS A SAMPLE ALERT")
        or kind.upper().startswith("SIMULATED_")
    )


def is_edr(alert: Node, extended: Node, kind: str, link: str, rule: EdrRule) -> bool:
    """Whether Defender for Endpoint found it; nothing in Azure's contract says so plainly."""
    products = (
        f"{plain(alert, 'productname')} {plain(alert, 'productcomponentname')} "
        f"{plain(alert, 'providername')}"
    ).lower()
    return is_edr_of(products, extended, kind, link, rule)


def is_edr_of(products: str, extended: Node, kind: str, link: str, rule: EdrRule) -> bool:
    """The same of texts that were read already, the products in small letters."""
    return (
        _is_edr_kind(products, kind, rule.products, rule.type_starts)
        or (any(host in link for host in rule.hosts) and _host(link) in rule.hosts)
        or (bool(extended) and any(name in extended for name in rule.properties))
    )


@lru_cache(256)
def _is_edr_kind(products: str, kind: str, words: tuple[str, ...], starts: tuple[str, ...]) -> bool:
    return any(word in products for word in words) or kind.lower().startswith(starts)


def _host(link: str) -> str:
    try:
        return urlsplit(link).hostname or ""
    except ValueError:
        return ""


def _list(value: object) -> object:
    return inner(value) if isinstance(value, str) else value


def _arm_id(outer: Node) -> str:
    """The id as it came, if it is one of a resource; exported forms have none."""
    text = first(outer, "id", longest=_ID_MAX + 1)
    return text if text.lower().startswith("/subscriptions/") and len(text) <= _ID_MAX else ""


def _key(alert: Node, outer: Node, arm_id: str, rest: Iterable[str]) -> str:
    """Lower-cased systemAlertId, else the folded resource id (C046), else what can't change."""
    given = plain(alert, "systemalertid", _ID_MAX).lower()
    if PLAIN_ID.fullmatch(given):
        return given
    if not given and arm_id:
        return fold_id(arm_id)
    said = (given, arm_id, plain(outer, "name"), *rest)
    return "digest:" + hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:32]


def _techniques(alert: Node) -> tuple[str, ...]:
    both = (*texts_of(alert.get("techniques"), 60), *texts_of(alert.get("subtechniques"), 60))
    return tuple(dict.fromkeys(both))
