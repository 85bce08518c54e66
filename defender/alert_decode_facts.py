"""One entity of an alert's evidence: what it is called, and the short facts about it. Pure.

Each kind has its own words for both; a kind that is not known here keeps its type and whatever
looks like a name. Years spell the same field in several cases, so all names are in small letters.
"""

from __future__ import annotations

from dataclasses import dataclass

from defender.alert import Entity
from defender.alert_decode_fields import FACT_MAX, Node, first, fold, objects_of, plain, text_of

#: field (small letters) → fact; of two fields for one fact the first in the text counts.
_FACTS: dict[str, dict[str, str]] = {
    "process": {
        "commandline": "command_line",
        "processid": "pid",
        "creationtimeutc": "started_at",
        "creationtime": "started_at",
        "elevationtoken": "elevation",
    },
    "file": {"directory": "directory"},
    "account": {
        "ntdomain": "domain",
        "domain": "domain",
        "sid": "sid",
        "logonid": "logon_id",
    },
    "host": {
        "osfamily": "os",
        "osversion": "os_version",
        "dnsdomain": "domain",
        "ntdomain": "domain",
        "azureid": "resource_id",
        "omsagentid": "agent_id",
    },
    "malware": {"category": "category"},
    "registry-value": {"key": "key", "value": "value", "valuetype": "type"},
    "network-connection": {
        "protocol": "protocol",
        "sourceport": "source_port",
        "destinationport": "port",
    },
}
_NO_FACTS: dict[str, str] = {}
_NAMES: dict[str, tuple[str, ...]] = {
    "host": ("hostname", "netbiosname", "fqdn"),
    "ip": ("address", "ipaddress"),
    "dns": ("domainname",),
    "url": ("url",),
    "azure-resource": ("resourceid",),
    "container-image": ("imageid",),
    "filehash": ("value",),
    "account": ("upnname", "userprincipalname", "name", "displayname", "aaduserid", "sid"),
    "network-connection": ("sourceaddress", "destinationaddress", "name"),
    "mailbox": ("mailboxprimaryaddress", "upn"),
}
_ANY_NAME = (
    "name", "resourcename", "displayname", "address", "value", "url", "domainname",
    "hostname", "resourceid", "id", "key", "commandline", "friendlyname",
)  # fmt: skip


#: What an object may hold whole, for others to refer to.
_INSIDE = (("host", "host"), ("account", "account"), ("imagefile", "file"))


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
            self._define(item)
            for name, kind in _INSIDE:
                value = item.node.get(name)
                if value.__class__ is dict and "$ref" not in value:
                    self._define(Found(fold(value), kind, item.at))

    def _define(self, item: Found) -> None:
        key = item.node.get("$id") or item.node.get("_id")
        if key is not None:
            self._by_id.setdefault(text_of(key, 100), []).append(item)

    def target(self, owner: Found, name: str, kind: str) -> Found | None:
        """What the owner's field means: an object inside it, or one that is named."""
        value = owner.node.get(name)
        if value.__class__ is not dict:
            return None
        node = fold(value)
        if not is_link(node):
            return Found(node, kind, owner.at)
        same = self._by_id.get(first(node, "$ref", "_ref", longest=100), ())
        later: Found | None = None
        for item in reversed(same):
            if item.kind == kind:
                if item.at < owner.at:
                    return item
                later = item
        return later


def entity_of(item: Found, links: Links) -> Entity:
    """The entity without its parent, which is a place among those kept."""
    facts: dict[str, str] = {}
    wanted = _FACTS.get(item.kind, _NO_FACTS)
    for name in item.node if wanted else ():
        fact = wanted.get(name)
        if fact is not None and fact not in facts:
            _add(facts, fact, plain(item.node, name, FACT_MAX))
    image = item if item.kind == "file" else None
    if item.kind == "process":
        image = links.target(item, "imagefile", "file")
    if image is not None:
        _file_facts(facts, image)
    if "account" in item.node and (account := links.target(item, "account", "account")):
        _add(facts, "account", _account(account.node))
    if item.kind == "ip" and "location" in item.node:
        facts |= _place(fold(item.node.get("location")))
    if "resource" in item.kind:
        for fact, name in (("project", "projectid"), ("zone", "location"), ("arn", "arn")):
            _add(facts, fact, first(item.node, name))
    return Entity(item.kind, name_of(item, image), facts)


def name_of(item: Found, image: Found | None) -> str:
    """What one would call it: a path, an account, an address."""
    if item.kind == "process":
        return (_path(image.node) if image else "") or plain(item.node, "commandline")
    if item.kind == "file":
        return _path(item.node)
    if item.kind == "account":
        return _account(item.node)
    name = first(item.node, *_NAMES.get(item.kind, ()))
    if not name and item.kind == "host":
        name = plain(item.node, "azureid").rstrip("/").rpartition("/")[2]
    return name or first(item.node, *_ANY_NAME)


def _file_facts(facts: dict[str, str], image: Found) -> None:
    _add(facts, "path", _path(image.node))
    if "filehashes" not in image.node:
        return
    for given in objects_of(image.node["filehashes"]):
        algorithm = first(given, "algorithm", longest=20).lower().replace("-", "")
        if algorithm in ("sha256", "sha1", "md5"):
            _add(facts, algorithm, first(given, "value", longest=200))


def joined_path(directory: str, name: str) -> str:
    """Directory and name as one path, joined in the directory's own way."""
    if not directory or not name:
        return name or directory
    if directory[-1] in "\\/":
        return directory + name
    return f"{directory}{'/' if '/' in directory else chr(92)}{name}"


def joined_account(domain: str, name: str) -> str:
    """An account with its domain, unless it names one itself."""
    return f"{domain}\\{name}" if domain and name and not {"\\", "@"} & set(name) else name


def _path(node: Node) -> str:
    return joined_path(plain(node, "directory"), plain(node, "name"))


def _account(node: Node) -> str:
    return joined_account(plain(node, "ntdomain"), first(node, *_NAMES["account"]))


def _place(location: Node) -> dict[str, str]:
    facts: dict[str, str] = {}
    _add(facts, "country", first(location, "countryname", "countrycode"))
    _add(facts, "city", plain(location, "city"))
    _add(facts, "asn", plain(location, "asn"))
    _add(facts, "organization", first(location, "organization", "carrier"))
    return facts


def _add(facts: dict[str, str], name: str, text: str) -> None:
    if text:
        facts[name] = text


def is_link(node: Node) -> bool:
    """Whether this only stands for another object, be it one that is nowhere."""
    return "$ref" in node or "_ref" in node
