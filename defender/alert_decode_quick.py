"""The alerts that are spelled as Azure documents them, read in a fifth of the time. Pure.

A storm is ten thousand alerts of this kind. This reader knows the documented fields in their
documented case and types and gives up (None) at the first thing that is otherwise; the reader of
`alert_decode_core` then takes its time. A property test holds that both say the same.

Alerts of a storm are much alike: the parts that repeat (machine, steps, techniques, most of the
evidence) are read once and found again by their bytes.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

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
from defender.alert_decode_quick_entities import Doubt, Evidence, evidence_of, short
from defender.alert_decode_quick_wire import Identifier, Item, Properties
from defender.alert_decode_text import Slots, extended_of, prose, steps_of

#: Above this some text may be over its bound; those are few.
_BYTES_MAX = 16_000
#: Machines (0.5 kB each) and texts that are found again; 10 MB at the very most.
_PLACES_KEPT = 512
_TEXTS_KEPT = 128
#: Extended properties that are looked for by name, in small letters.
_INCIDENT = ("incidentid", "incident id")
_OS_NAMES = ("ostype", "os type", "operatingsystem")


class _Place(NamedTuple):
    """The machine as the identifiers name it."""

    resource_id: str
    name: str
    resource_group: str
    subscription_id: str
    workspace_id: str


_item = msgspec.json.Decoder(Item)
_identifiers = msgspec.json.Decoder(list[Identifier])
_texts = msgspec.json.Decoder(list[str] | None)


def quick_alert(raw: bytes | msgspec.Raw, edr: EdrRule) -> Alert | None:
    """The alert, or None for whoever takes more time."""
    if len(memoryview(raw)) > _BYTES_MAX:
        return None
    try:
        item = _item.decode(raw)
        return _alert(item, item.properties, edr)
    except (msgspec.MsgspecError, Doubt, ValueError, RecursionError):
        return None


def _alert(item: Item, said: Properties, edr: EdrRule) -> Alert:
    key = said.system_alert_id.strip().lower()
    arm_id = item.id
    if (
        not PLAIN_ID.fullmatch(key)
        or not arm_id.startswith("/subscriptions/")
        or len(arm_id) > NAME_MAX
    ):
        raise Doubt
    extended = extended_of(said.extended_properties)
    given = _telling(said.extended_properties or {}, edr)
    slots = Slots(extended)
    title = slots.fill(short(said.alert_display_name, TITLE_MAX))
    if not title:
        raise Doubt
    description = slots.fill(_prose(short(said.description, TEXT_MAX)))
    kind = short(said.alert_type)
    product, link = short(said.product_name), web_link(short(said.alert_uri, LINK_MAX))
    products = f"{product} {short(said.product_component_name)}"
    place = _place(bytes(said.resource_identifiers))
    evidence = evidence_of(said.entities)
    return Alert(
        key=key,
        arm_id=arm_id.strip(),
        title=title,
        alert_type=kind,
        severity=short(said.severity, 60),
        status=short(said.status, 60),
        intent=_intent(said.intent),
        techniques=_techniques(bytes(said.techniques), bytes(said.sub_techniques)),
        product=product,
        vendor=short(said.vendor_name),
        description=description,
        resource_id=place.resource_id,
        machine=_machine_name(place.name, short(said.compromised_entity)),
        resource_group=place.resource_group,
        subscription_id=place.subscription_id,
        cloud="azure",
        os=_os(evidence, given, kind),
        workspace_id=place.workspace_id,
        started_at=_time(said.start_time_utc),
        ended_at=_time(said.end_time_utc),
        generated_at=_time(said.time_generated_utc),
        entities=evidence.entities,
        remediation=_steps(bytes(said.remediation_steps), slots),
        link=link,
        correlation_key=short(said.correlation_key),
        incident_id=first(given, *_INCIDENT),
        is_incident=bool(said.is_incident),
        is_sample=_is_sample(title, description, kind),
        is_edr=is_edr_of(products.lower(), given, kind, link, edr),
        extended=slots.fill_all(extended),
    )


_prose = lru_cache(_TEXTS_KEPT)(prose)
_is_sample = lru_cache(_TEXTS_KEPT)(is_sample)


def _telling(extended: dict[str, str], edr: EdrRule) -> dict[str, object]:
    """The properties in small letters, if one is among them that is looked for by name."""
    return fold(extended) if _is_telling(tuple(extended), edr.properties) else {}


@lru_cache(_TEXTS_KEPT)
def _is_telling(names: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return not {name.lower() for name in names}.isdisjoint((*wanted, *_INCIDENT, *_OS_NAMES))


@lru_cache(_PLACES_KEPT)
def _place(raw: bytes) -> _Place:
    """The first identifier that names a VM; elsewhere it is looked for by the other reader."""
    nodes = _identifiers.decode(raw)
    ids = (short(node.azure_resource_id, 1_000) for node in nodes)
    resource_id = next((text for text in ids if MACHINES[0] in text.lower()), "")
    parts = RESOURCE.fullmatch(resource_id)
    if parts is None:
        raise Doubt
    return _Place(
        resource_id,
        resource_id.rstrip("/").rpartition("/")[2],
        parts[2],
        parts[1].lower(),
        next((short(node.workspace_id) for node in nodes if node.workspace_id), ""),
    )


def _machine_name(of_id: str, compromised: str) -> str:
    if "/" not in compromised and compromised.casefold() == of_id.casefold():
        return compromised
    return of_id


def _intent(text: str | None) -> str:
    given = short(text, 60)
    if given[:1] == "[":
        raise Doubt
    return given


def _os(evidence: Evidence, given: dict[str, object], kind: str) -> str:
    if evidence.os:
        return evidence.os
    found = OS.search(first(given, *_OS_NAMES) or kind)
    return found[0].capitalize() if found else ""


def _steps(raw: bytes, slots: Slots) -> tuple[str, ...]:
    steps = _plain_steps(raw)
    return steps_of(_texts.decode(raw), slots) if "{" in "".join(steps) else steps


@lru_cache(_TEXTS_KEPT)
def _plain_steps(raw: bytes) -> tuple[str, ...]:
    """The steps, their slots as they came."""
    return steps_of(_texts.decode(raw), Slots({}))


@lru_cache(_TEXTS_KEPT)
def _techniques(raw: bytes, sub_raw: bytes) -> tuple[str, ...]:
    both = dict.fromkeys((*(_texts.decode(raw) or ()), *(_texts.decode(sub_raw) or ())))
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
