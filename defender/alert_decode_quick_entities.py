"""The documented kinds of entities, each link to one definition: the quick reader's part. Pure."""

from __future__ import annotations

import msgspec

from defender.alert import Entity
from defender.alert_decode_entities import ENTITIES_MAX
from defender.alert_decode_facts import joined_account, joined_path
from defender.alert_decode_fields import FACT_MAX, NAME_MAX


class Doubt(Exception):
    """Something is not as documented: the reader that knows every spelling is asked."""


class _Link(msgspec.Struct, rename={"target": "$ref"}, forbid_unknown_fields=True, gc=False):
    target: str


class _Hash(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    algorithm: str
    value: str
    type: str | None = None
    id: str | None = msgspec.field(default=None, name="$id")


class _Image(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    target: str | None = msgspec.field(default=None, name="$ref")
    id: str | None = msgspec.field(default=None, name="$id")
    name: str | None = None
    directory: str | None = None
    type: str | None = None
    file_hashes: list[_Hash] | None = msgspec.field(default=None, name="fileHashes")


class _Place(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    country_code: str | None = None
    country_name: str | None = None
    state: str | None = None
    city: str | None = None
    longitude: float | None = None
    latitude: float | None = None
    asn: int | None = None
    carrier: str | None = None
    organization: str | None = None


class QuickEntity(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """All fields of the kinds that are read here."""

    type: str
    id: str | None = msgspec.field(default=None, name="$id")
    host_name: str | None = None
    net_bios_name: str | None = None
    azure_id: str | None = msgspec.field(default=None, name="azureID")
    oms_agent_id: str | None = msgspec.field(default=None, name="omsAgentID")
    os_family: str | None = None
    os_version: str | None = None
    dns_domain: str | None = None
    nt_domain: str | None = None
    is_domain_joined: bool | None = None
    asset: bool | None = None
    is_valid: bool | None = None
    name: str | None = None
    directory: str | None = None
    file_hashes: list[_Hash] | None = None
    sid: str | None = None
    logon_id: str | None = None
    aad_user_id: str | None = None
    process_id: str | None = None
    command_line: str | None = None
    creation_time_utc: str | None = None
    elevation_token: str | None = None
    image_file: _Image | None = None
    account: _Link | None = None
    host: _Link | None = None
    parent_process: _Link | None = None
    address: str | None = None
    location: _Place | None = None
    resource_id: str | None = None


def short(text: str | None, longest: int = NAME_MAX) -> str:
    """The text without blanks around it; Doubt where it would have to be cut."""
    if not text:
        return ""
    if len(text) > longest:
        raise Doubt
    return text.strip()


def entities_of(given: list[QuickEntity]) -> tuple[Entity, ...]:
    """The entities in their order; Doubt for an id that stands twice, or too many."""
    places: dict[str, int] = {}
    inside: dict[str, _Image] = {}
    count = 0
    for place, entity in enumerate(given):
        if entity.id is not None:
            places[entity.id] = place
            count += 1
        image = entity.image_file
        if image is not None and image.target is None and image.id is not None:
            inside[image.id] = image
            count += 1
    if len(given) > ENTITIES_MAX or len(places.keys() | inside.keys()) != count:
        raise Doubt
    return tuple([_entity(entity, given, places, inside) for entity in given])


def _entity(
    entity: QuickEntity, given: list[QuickEntity], places: dict[str, int], inside: dict[str, _Image]
) -> Entity:
    facts: dict[str, str] = {}
    parent: int | None = None
    match entity.type:
        case "process":
            name = _process(facts, entity, given, places, inside)
            parent = _parent(entity, given, places)
        case "file":
            name = joined_path(_add(facts, "directory", entity.directory), short(entity.name))
            _add(facts, "path", name, 2 * NAME_MAX + 1)
            _hashes(facts, entity.file_hashes)
        case "account":
            name = _account_name(entity)
            _add(facts, "domain", entity.nt_domain)
            _add(facts, "sid", entity.sid)
            _add(facts, "logon_id", entity.logon_id)
        case "host":
            name = _host(facts, entity)
        case "ip":
            name = short(entity.address)
            if entity.location is not None:
                _place(facts, entity.location)
        case "azure-resource":
            name = short(entity.resource_id)
        case _:
            raise Doubt
    if not name or (entity.account is not None and entity.type != "process"):
        raise Doubt
    return Entity(entity.type, name, facts, parent)


def _add(facts: dict[str, str], name: str, text: str | None, longest: int = NAME_MAX) -> str:
    """Put a fact that is there among the others."""
    if not text:
        return ""
    found = short(text, longest)
    if found:
        facts[name] = found
    return found


def _process(
    facts: dict[str, str],
    entity: QuickEntity,
    given: list[QuickEntity],
    places: dict[str, int],
    inside: dict[str, _Image],
) -> str:
    command = _add(facts, "command_line", entity.command_line, FACT_MAX)
    _add(facts, "pid", entity.process_id)
    _add(facts, "started_at", entity.creation_time_utc)
    _add(facts, "elevation", entity.elevation_token)
    path = ""
    image: _Image | QuickEntity | None = entity.image_file
    if isinstance(image, _Image) and image.target is not None:
        place = places.get(image.target)
        found = given[place] if place is not None else None
        is_file = found is not None and found.type == "file"
        image = found if is_file else inside.get(image.target)
    if image is not None:
        path = joined_path(short(image.directory), short(image.name))
        _add(facts, "path", path, 2 * NAME_MAX + 1)
        _hashes(facts, image.file_hashes)
    if entity.account is not None:
        place = places.get(entity.account.target)
        if place is not None and given[place].type == "account":
            _add(facts, "account", _account_name(given[place]), 2 * NAME_MAX + 1)
    return path or short(command)


def _hashes(facts: dict[str, str], given: list[_Hash] | None) -> None:
    for each in given or ():
        algorithm = short(each.algorithm, 20).lower().replace("-", "")
        if algorithm in ("sha256", "sha1", "md5") and (value := short(each.value, 200)):
            facts[algorithm] = value


def _parent(entity: QuickEntity, given: list[QuickEntity], places: dict[str, int]) -> int | None:
    """The parent's place, if that one stands earlier: then no circle can close."""
    if entity.parent_process is None:
        return None
    place = places.get(entity.parent_process.target)
    if place is None or given[place].type != "process":
        return None
    if place >= places.get(entity.id or "", -1):
        raise Doubt
    return place


def _account_name(entity: QuickEntity) -> str:
    name = short(entity.name) or short(entity.aad_user_id) or short(entity.sid)
    return joined_account(short(entity.nt_domain), name)


def _host(facts: dict[str, str], entity: QuickEntity) -> str:
    if entity.dns_domain and entity.nt_domain:
        raise Doubt  # which one counts is a question of their order
    _add(facts, "os", entity.os_family)
    _add(facts, "os_version", entity.os_version)
    _add(facts, "domain", entity.dns_domain or entity.nt_domain)
    resource_id = _add(facts, "resource_id", entity.azure_id)
    _add(facts, "agent_id", entity.oms_agent_id)
    name = short(entity.host_name) or short(entity.net_bios_name)
    return name or resource_id.rstrip("/").rpartition("/")[2]


def _place(facts: dict[str, str], location: _Place) -> None:
    _add(facts, "country", short(location.country_name) or location.country_code)
    _add(facts, "city", location.city)
    _add(facts, "asn", None if location.asn is None else str(location.asn))
    _add(facts, "organization", short(location.organization) or location.carrier)
