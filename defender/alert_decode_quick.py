"""The alerts that are spelled as Azure documents them, read in a fifth of the time. Pure.

A storm is ten thousand alerts of this kind. This reader knows the documented fields in their
documented case and types and gives up (None) at the first thing that is otherwise; the reader of
`alert_decode_core` then takes its time. A property test holds that both say the same.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from defender.alert import Alert
from defender.alert_decode_core import PLAIN_ID, EdrRule, is_edr_of, is_sample
from defender.alert_decode_fields import (
    LINK_MAX,
    LIST_MAX,
    NAME_MAX,
    TEXT_MAX,
    TITLE_MAX,
    YEARS,
    first,
    fold,
    web_link,
)
from defender.alert_decode_machine import MACHINES, OS, RESOURCE
from defender.alert_decode_quick_entities import Doubt, QuickEntity, entities_of, short
from defender.alert_decode_text import Slots, extended_of, prose, steps_of

#: Above this some text may be over its bound; those are few.
_BYTES_MAX = 16_000


class _Identifier(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    type: str | None = None
    id: str | int | None = msgspec.field(default=None, name="$id")
    azure_resource_id: str | None = None
    azure_resource_tenant_id: str | None = None
    aad_tenant_id: str | None = None
    workspace_id: str | None = None
    workspace_subscription_id: str | None = None
    workspace_resource_group: str | None = None
    workspace_tenant_id: str | None = None
    agent_id: str | None = None


class _Properties(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    system_alert_id: str
    alert_display_name: str
    severity: str
    status: str
    time_generated_utc: str
    resource_identifiers: list[_Identifier]
    entities: list[QuickEntity]
    version: str | None = None
    alert_type: str | None = None
    product_component_name: str | None = None
    description: str | None = None
    intent: str | None = None
    start_time_utc: str | None = None
    end_time_utc: str | None = None
    processing_end_time_utc: str | None = None
    remediation_steps: list[str] | None = None
    vendor_name: str | None = None
    product_name: str | None = None
    extended_links: msgspec.Raw = msgspec.Raw()
    supporting_evidence: msgspec.Raw = msgspec.Raw()
    alert_uri: str | None = None
    is_incident: bool | None = None
    correlation_key: str | None = None
    extended_properties: dict[str, str] | None = None
    compromised_entity: str | None = None
    techniques: list[str] | None = None
    sub_techniques: list[str] | None = None


class _Item(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    id: str
    properties: _Properties
    name: str | None = None
    type: str | None = None
    subscription_id: str | None = None
    resource_group: str | None = None
    location: str | None = None


def quick_alert(raw: bytes | msgspec.Raw, edr: EdrRule) -> Alert | None:
    """The alert, or None for whoever takes more time."""
    if len(memoryview(raw)) > _BYTES_MAX:
        return None
    try:
        item = msgspec.json.decode(raw, type=_Item)
        return _alert(item, item.properties, edr)
    except (msgspec.MsgspecError, Doubt, ValueError, RecursionError):
        return None


def _alert(item: _Item, said: _Properties, edr: EdrRule) -> Alert:
    key = said.system_alert_id.strip().lower()
    arm_id = item.id
    if not PLAIN_ID.fullmatch(key) or not arm_id.startswith("/subscriptions/"):
        raise Doubt
    extended = extended_of(said.extended_properties)
    given = fold(said.extended_properties or {})
    slots = Slots(extended)
    title = slots.fill(short(said.alert_display_name, TITLE_MAX))
    description = slots.fill(prose(short(said.description, TEXT_MAX)))
    kind = short(said.alert_type)
    product, link = short(said.product_name), web_link(short(said.alert_uri, LINK_MAX))
    products = f"{product} {short(said.product_component_name)}"
    resource_id = _machine_id(said)
    parts = RESOURCE.fullmatch(resource_id)
    if parts is None or not title or len(arm_id) > NAME_MAX:
        raise Doubt
    return Alert(
        key=key,
        arm_id=arm_id.strip(),
        title=title,
        alert_type=kind,
        severity=short(said.severity, 60),
        status=short(said.status, 60),
        intent=_intent(said.intent),
        techniques=_techniques(said),
        product=product,
        vendor=short(said.vendor_name),
        description=description,
        resource_id=resource_id,
        machine=_machine_name(resource_id, short(said.compromised_entity)),
        resource_group=parts[2],
        subscription_id=parts[1].lower(),
        cloud="azure",
        os=_os(said, given, kind),
        workspace_id=next(
            (short(node.workspace_id) for node in said.resource_identifiers if node.workspace_id),
            "",
        ),
        started_at=_time(said.start_time_utc),
        ended_at=_time(said.end_time_utc),
        generated_at=_time(said.time_generated_utc),
        entities=entities_of(said.entities),
        remediation=steps_of(said.remediation_steps, slots),
        link=link,
        correlation_key=short(said.correlation_key),
        incident_id=first(given, "incidentid", "incident id"),
        is_incident=bool(said.is_incident),
        is_sample=is_sample(title, description, kind),
        is_edr=is_edr_of(products.lower(), given, kind, link, edr),
        extended=slots.fill_all(extended),
    )


def _machine_id(said: _Properties) -> str:
    """The first identifier that names a VM; elsewhere it is looked for by the other reader."""
    for node in said.resource_identifiers:
        text = short(node.azure_resource_id, 1_000)
        if MACHINES[0] in text.lower():
            return text
    raise Doubt


def _machine_name(resource_id: str, compromised: str) -> str:
    of_id = resource_id.rstrip("/").rpartition("/")[2]
    if "/" not in compromised and compromised.casefold() == of_id.casefold():
        return compromised
    return of_id


def _intent(text: str | None) -> str:
    given = short(text, 60)
    if given[:1] == "[":
        raise Doubt
    return given


def _os(said: _Properties, given: dict[str, object], kind: str) -> str:
    for entity in said.entities:
        if entity.type == "host" and (name := short(entity.os_family or entity.os_version, 60)):
            return name
    found = OS.search(first(given, "ostype", "os type", "operatingsystem") or kind)
    return found[0].capitalize() if found else ""


def _techniques(said: _Properties) -> tuple[str, ...]:
    both = dict.fromkeys((*(said.techniques or ()), *(said.sub_techniques or ())))
    if len(both) > LIST_MAX:
        raise Doubt
    return tuple(text for text in (short(text, 60) for text in both) if text)


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(text)
    if text[-1] != "Z" or found.year not in YEARS:
        raise Doubt
    return found
