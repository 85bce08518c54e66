"""The documented kinds of entities, each link to one definition: the quick reader's part. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import msgspec

from defender.alert import Entity
from defender.alert_decode_entities import ENTITIES_MAX
from defender.alert_decode_facts import joined_account, joined_path
from defender.alert_decode_fields import FACT_MAX, NAME_MAX
from defender.alert_decode_quick_wire import Hash, Image, Place, QuickEntity

#: Entities that are found again by their bytes, and how long one may be: 3 MB at most.
_KEPT = 1_024
_KEPT_BYTES_MAX = 1_000


class Doubt(Exception):
    """Something is not as documented: the reader that knows every spelling is asked."""


def short(text: str | None, longest: int = NAME_MAX) -> str:
    """The text without blanks around it; Doubt where it would have to be cut."""
    if not text:
        return ""
    if len(text) > longest:
        raise Doubt
    return text.strip()


class Evidence(NamedTuple):
    """The entities, and the operating system of the first host that names one."""

    entities: tuple[Entity, ...]
    os: str


def evidence_of(given: list[msgspec.Raw]) -> Evidence:
    """The entities in their order; Doubt for an id that stands twice, or too many."""
    if len(given) > ENTITIES_MAX:
        raise Doubt
    texts = [bytes(raw) for raw in given]
    read = [_read(text) if len(text) <= _KEPT_BYTES_MAX else _read_anew(text) for text in texts]
    links = _Links([entity for entity, _ in read])
    os = ""
    for entity, _ in read:
        if not os and entity.type == "host":
            os = short(entity.os_family or entity.os_version, 60)
    return Evidence(tuple([done or _process(entity, links) for entity, done in read]), os)


def _read_anew(raw: bytes) -> tuple[QuickEntity, Entity | None]:
    """As it came, and as it is told; None for a process, which is told by what it links to."""
    entity = _decoder.decode(raw)
    return entity, None if entity.type == "process" else _entity(entity)


_decoder = msgspec.json.Decoder(QuickEntity)
#: A storm names the same hosts, accounts and files again and again.
_read = lru_cache(_KEPT)(_read_anew)


class _Links:
    """Where each id is defined: among the entities, or as an image inside one."""

    def __init__(self, given: list[QuickEntity]) -> None:
        self.given = given
        self.places: dict[str, int] = {}
        self.inside: dict[str, Image] = {}
        count = 0
        for place, entity in enumerate(given):
            if entity.id is not None:
                self.places[entity.id] = place
                count += 1
            image = entity.image_file
            if image is not None and image.target is None and image.id is not None:
                self.inside[image.id] = image
                count += 1
        if len(self.places.keys() | self.inside.keys()) != count:
            raise Doubt

    def find(self, target: str, kind: str) -> QuickEntity | None:
        """The entity of that id, if it is of that kind."""
        place = self.places.get(target)
        found = self.given[place] if place is not None else None
        return found if found is not None and found.type == kind else None


def _entity(entity: QuickEntity) -> Entity:
    """Of a kind that says all of itself."""
    facts: dict[str, str] = {}
    match entity.type:
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
    if not name or entity.account is not None:
        raise Doubt
    return Entity(entity.type, name, facts)


def _add(facts: dict[str, str], name: str, text: str | None, longest: int = NAME_MAX) -> str:
    """Put a fact that is there among the others."""
    if not text:
        return ""
    found = short(text, longest)
    if found:
        facts[name] = found
    return found


def _process(entity: QuickEntity, links: _Links) -> Entity:
    facts: dict[str, str] = {}
    command = _add(facts, "command_line", entity.command_line, FACT_MAX)
    _add(facts, "pid", entity.process_id)
    _add(facts, "started_at", entity.creation_time_utc)
    _add(facts, "elevation", entity.elevation_token)
    path = ""
    image: Image | QuickEntity | None = entity.image_file
    if isinstance(image, Image) and image.target is not None:
        image = links.find(image.target, "file") or links.inside.get(image.target)
    if image is not None:
        path = joined_path(short(image.directory), short(image.name))
        _add(facts, "path", path, 2 * NAME_MAX + 1)
        _hashes(facts, image.file_hashes)
    if entity.account is not None:
        account = links.find(entity.account.target, "account")
        if account is not None:
            _add(facts, "account", _account_name(account), 2 * NAME_MAX + 1)
    name = path or short(command)
    if not name:
        raise Doubt
    return Entity(entity.type, name, facts, _parent(entity, links))


def _hashes(facts: dict[str, str], given: list[Hash] | None) -> None:
    for each in given or ():
        algorithm = short(each.algorithm, 20).lower().replace("-", "")
        if algorithm in ("sha256", "sha1", "md5") and (value := short(each.value, 200)):
            facts[algorithm] = value


def _parent(entity: QuickEntity, links: _Links) -> int | None:
    """The parent's place, if that one stands earlier: then no circle can close."""
    if entity.parent_process is None:
        return None
    place = links.places.get(entity.parent_process.target)
    if place is None or links.given[place].type != "process":
        return None
    if place >= links.places.get(entity.id or "", -1):
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


def _place(facts: dict[str, str], location: Place) -> None:
    _add(facts, "country", short(location.country_name) or location.country_code)
    _add(facts, "city", location.city)
    _add(facts, "asn", None if location.asn is None else str(location.asn))
    _add(facts, "organization", short(location.organization) or location.carrier)
