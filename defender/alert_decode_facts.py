"""One entity of an alert's evidence: what it is called, and the short facts about it. Pure.

Each kind has its own words for both; a kind that is not known here keeps its type and whatever
looks like a name. Years spell the same field in several cases, so all names are in small letters.
"""

from __future__ import annotations

from dataclasses import dataclass

from defender.alert import Entity
from defender.alert_decode_fields import FACT_MAX, Node, first, fold, objects_of

#: fact → the fields that hold it, in small letters.
_FACTS: dict[str, dict[str, tuple[str, ...]]] = {
    "process": {
        "command_line": ("commandline",),
        "pid": ("processid",),
        "started_at": ("creationtimeutc", "creationtime"),
        "elevation": ("elevationtoken",),
    },
    "file": {"directory": ("directory",)},
    "account": {"domain": ("ntdomain", "domain"), "sid": ("sid",), "logon_id": ("logonid",)},
    "host": {
        "os": ("osfamily",),
        "os_version": ("osversion",),
        "domain": ("dnsdomain", "ntdomain"),
        "resource_id": ("azureid",),
        "agent_id": ("omsagentid",),
    },
    "malware": {"category": ("category",)},
    "registry-value": {"key": ("key",), "value": ("value",), "type": ("valuetype",)},
    "network-connection": {
        "protocol": ("protocol",),
        "source_port": ("sourceport",),
        "port": ("destinationport",),
    },
}
_NAMES: dict[str, tuple[str, ...]] = {
    "host": ("hostname", "netbiosname", "fqdn"),
    "ip": ("address", "ipaddress"),
    "dns": ("domainname",),
    "url": ("url",),
    "azure-resource": ("resourceid",),
    "container-image": ("imageid",),
    "filehash": ("value",),
    "account": ("upnname", "userprincipalname", "name", "displayname", "aaduserid", "sid"),
    "mailbox": ("mailboxprimaryaddress", "upn"),
}
_ANY_NAME = (
    "name", "resourcename", "displayname", "address", "value", "url", "domainname",
    "hostname", "resourceid", "id", "key", "commandline", "friendlyname",
)  # fmt: skip


@dataclass(slots=True)
class Found:
    """An object of the list, or one inside another, in the order of the text."""

    node: Node
    kind: str
    at: int


class Links:
    """Definitions by `$id`; the nearest earlier one of the right kind is meant, else a later."""

    def __init__(self, found: list[Found]) -> None:
        self._by_id: dict[str, list[Found]] = {}
        for item in found:
            key = id_of(item.node)
            if key:
                self._by_id.setdefault(key, []).append(item)

    def target(self, owner: Found, name: str, kind: str) -> Found | None:
        """What the owner's field means: an object inside it, or one that is named."""
        value = owner.node.get(name)
        if not isinstance(value, dict):
            return None
        node = fold(value)
        reference = ref_of(node)
        if not reference:
            return Found(node, kind, owner.at)
        same = [item for item in self._by_id.get(reference, ()) if item.kind == kind]
        earlier = [item for item in same if item.at < owner.at]
        return earlier[-1] if earlier else next(iter(same), None)


def entity_of(item: Found, links: Links) -> Entity:
    """The entity without its parent, which is a place among those kept."""
    facts = {
        fact: text
        for fact, fields in _FACTS.get(item.kind, {}).items()
        if (text := first(item.node, *fields, longest=FACT_MAX))
    }
    if item.kind in ("process", "file"):
        facts |= _file_facts(item, links)
    if item.kind != "account" and (account := links.target(item, "account", "account")):
        _add(facts, "account", _account(account.node))
    if item.kind == "ip":
        facts |= _place(fold(item.node.get("location")))
    if "resource" in item.kind:
        for fact, name in (("project", "projectid"), ("zone", "location"), ("arn", "arn")):
            _add(facts, fact, first(item.node, name))
    return Entity(item.kind, name_of(item, links), facts)


def name_of(item: Found, links: Links) -> str:
    """What one would call it: a path, an account, an address."""
    if item.kind == "process":
        return _path_of_image(item, links) or first(item.node, "commandline")
    if item.kind == "file":
        return _path(item.node)
    if item.kind == "account":
        return _account(item.node)
    if item.kind == "network-connection":
        return first(item.node, "sourceaddress", "destinationaddress", "name")
    name = first(item.node, *_NAMES.get(item.kind, ()), *_ANY_NAME)
    if not name and item.kind == "host":
        name = first(item.node, "azureid").rstrip("/").rpartition("/")[2]
    return name


def _file_facts(item: Found, links: Links) -> dict[str, str]:
    image = item if item.kind == "file" else links.target(item, "imagefile", "file")
    facts: dict[str, str] = {}
    if image is None:
        return facts
    _add(facts, "path", _path(image.node))
    for given in objects_of(image.node.get("filehashes")):
        algorithm = first(given, "algorithm", longest=20).lower().replace("-", "")
        if algorithm in ("sha256", "sha1", "md5"):
            _add(facts, algorithm, first(given, "value", longest=200))
    return facts


def _path_of_image(item: Found, links: Links) -> str:
    image = links.target(item, "imagefile", "file")
    return _path(image.node) if image else ""


def _path(node: Node) -> str:
    """Directory and name as one path, joined in the directory's own way."""
    directory, name = first(node, "directory"), first(node, "name")
    if not directory or not name:
        return name or directory
    if directory[-1] in "\\/":
        return directory + name
    return f"{directory}{'/' if '/' in directory else chr(92)}{name}"


def _account(node: Node) -> str:
    name = first(node, *_NAMES["account"])
    domain = first(node, "ntdomain")
    return f"{domain}\\{name}" if domain and name and not {"\\", "@"} & set(name) else name


def _place(location: Node) -> dict[str, str]:
    facts: dict[str, str] = {}
    _add(facts, "country", first(location, "countryname", "countrycode"))
    _add(facts, "city", first(location, "city"))
    _add(facts, "asn", first(location, "asn"))
    _add(facts, "organization", first(location, "organization", "carrier"))
    return facts


def _add(facts: dict[str, str], name: str, text: str) -> None:
    if text:
        facts[name] = text


def id_of(node: Node) -> str:
    """What others name this object by, "" for one that is not named."""
    return first(node, "$id", "_id", longest=100)


def ref_of(node: Node) -> str:
    """Which object this is only a link to, "" for one that stands for itself."""
    return first(node, "$ref", "_ref", longest=100)
