"""The address a port is opened to: one reading of it, strict, or a refusal that says why.

Parsers disagree on leading zeros, short forms and IPv4 inside IPv6, so everything that two of them
could read differently is refused by name instead of understood. What is accepted has one canonical
form: that is what the approver sees and what Azure gets.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from approvals.scope import fold
from approvals.verdict import Code, Field, Refusal

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: The longest spelling of an address with prefix is 49 characters; names of networks are shorter.
TYPED_MAX = 64

#: Private use: our own list, since `ipaddress` changes its mind between Python versions and calls
#: 100.64.0.0/10 neither private nor global. Sources: IANA special-purpose address registries.
PRIVATE = tuple(
    ip_network(prefix)
    for prefix in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "fc00::/7",
        "fec0::/10",
    )
)

#: Never somebody's own address on the internet. 168.63.129.16 is Azure's platform inside each VM.
RESERVED = tuple(
    ip_network(prefix)
    for prefix in (
        "0.0.0.0/8",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
    )
)
#: The only IPv6 space that is given out for use on the internet.
_GLOBAL_V6 = IPv6Network("2000::/3")

#: IPv6 that carries an IPv4 address, and how many bits right of it (mapped, NAT64, 6to4, Teredo …).
_CARRIERS: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("64:ff9b:1::/48"), 0),
    (IPv6Network("2002::/16"), 80),
    (IPv6Network("2001::/32"), 0),
)
_COMPATIBLE = IPv6Network("::/96")

_ANY = frozenset({"*", "any", "all", "internet", "0.0.0.0/0", "::/0", "0/0"})
_PREFIX_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}")
_QUAD = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+){1,2}")
_HEXADECIMAL = re.compile(r"(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+)){0,3}")
_SIX = re.compile(r"[0-9a-f:.]+")
_LETTER = re.compile(r"[^\W\d_]")
#: `。` is what a Japanese keyboard gives for a dot; NFKC leaves it.
_FOLDING = str.maketrans({"。": "."})
#: Invisible signs that come along when an address is pasted (zero width, joiner, BOM).
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


@dataclass(frozen=True, slots=True)
class NamedNetwork:
    """A network that the settings give a name, such as the office's."""

    name: str
    prefix: Network


@dataclass(frozen=True, slots=True)
class Source:
    """`prefix` is canonical: `203.0.113.7` for one host, `203.0.113.64/28` for a network."""

    prefix: str
    label: str = ""


def parse_source(text: str, networks: Sequence[NamedNetwork]) -> Source | Refusal:
    """One host; a network, a private or reserved address only inside one of `networks`."""
    return _parsed(text.strip(), tuple(networks))


#: The same sources are judged again at every click of their approvers.
@lru_cache(maxsize=1024)
def _parsed(typed: str, networks: tuple[NamedNetwork, ...]) -> Source | Refusal:
    word = unicodedata.normalize("NFKC", typed).translate(_FOLDING).translate(_ZERO_WIDTH)
    word = word.strip().lower()
    if not word:
        return _refuse(Code.SOURCE_MISSING, typed)
    for network in networks:
        if fold(network.name) == fold(typed):
            return Source(canonical(network.prefix), network.name)
    found = _read(word, typed)
    if not isinstance(found, Refusal):
        return _allow(found, typed, networks)
    if found.nearest and isinstance(parse_source(found.nearest, networks), Refusal):
        return replace(found, nearest=None)
    return found


def within(source: str, allowed: Sequence[str]) -> bool:
    """Whether Azure's policy takes this source. No prefix in the policy means no limit there."""
    if not allowed:
        return True
    wanted = _network(source)
    return any(_is_any(prefix) or _inside(wanted, _network(prefix)) for prefix in allowed)


def canonical(network: Network) -> str:
    """The one spelling: a host without its /32 or /128."""
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return str(network)


def _read(word: str, typed: str) -> Network | Refusal:
    """The network that `word` surely is, or why it is not surely one."""
    if word in _ANY:
        return _refuse(Code.SOURCE_ANY, typed)
    if len(word) > TYPED_MAX:
        return _refuse(Code.SOURCE_INVALID, typed)
    if any(not sign.isprintable() or sign.isspace() for sign in word):
        return _refuse(Code.SOURCE_SPACE, typed, nearest=_host_in(word.split()[0]))
    address_text, slash, length = word.partition("/")
    refusal = _spelling(address_text, typed)
    if refusal:
        return refusal
    try:
        address = ip_address(address_text)
    except ValueError:
        return _refuse(Code.SOURCE_INVALID, typed)
    if isinstance(address, IPv6Address) and (carried := _carried(address)):
        inner = str(carried)
        return _refuse(Code.SOURCE_MAPPED, typed, nearest=inner, inner=inner)
    return _with_length(address, length, typed) if slash else ip_network(address)


def _with_length(address: Address, length: str, typed: str) -> Network | Refusal:
    """The network of an address with a prefix length, which must be its first address."""
    if not _PREFIX_LENGTH.fullmatch(length) or int(length) > address.max_prefixlen:
        return _refuse(Code.SOURCE_PREFIX_LENGTH, typed, nearest=str(address))
    if int(length) == 0:
        return _refuse(Code.SOURCE_ANY, typed)
    network = ip_network(f"{address}/{length}", strict=False)
    if network.network_address != address:
        return _refuse(Code.SOURCE_HOST_BITS, typed, nearest=str(address), network=str(network))
    return network


def _spelling(word: str, typed: str) -> Refusal | None:
    """The refusals that look at letters, before any parser does."""
    if "%" in word:
        return _refuse(Code.SOURCE_ZONE, typed)
    if word.endswith(".") and len(word) > 1:
        rest = word.rstrip(".")
        code = Code.SOURCE_TRAILING_DOT if _QUAD.fullmatch(rest) else Code.SOURCE_HOSTNAME
        return _refuse(code, typed, nearest=_host_in(rest))
    if ":" in word:
        return None if _SIX.fullmatch(word) else _refuse(Code.SOURCE_INVALID, typed)
    if _QUAD.fullmatch(word):
        return _leading_zero(word, typed)
    if _DOTTED.fullmatch(word):
        return _refuse(Code.SOURCE_SHORT_FORM, typed)
    if _HEXADECIMAL.fullmatch(word):
        return _refuse(Code.SOURCE_NUMBER, typed)
    return _refuse(Code.SOURCE_HOSTNAME if _LETTER.search(word) else Code.SOURCE_INVALID, typed)


def _leading_zero(word: str, typed: str) -> Refusal | None:
    octets = word.split(".")
    if not any(len(octet) > 1 and octet[0] == "0" for octet in octets):
        return None
    # No nearest value: 010 is 10 to one parser and 8 to another, so only the person knows.
    return _refuse(Code.SOURCE_LEADING_ZERO, typed)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address inside a mapped, translated or tunnelled IPv6 address."""
    for network, shift in _CARRIERS:
        if address in network:
            bits = int(address) >> shift & 0xFFFFFFFF
            # Teredo holds the client's address with every bit turned.
            return IPv4Address(bits ^ 0xFFFFFFFF if network.prefixlen == 32 else bits)
    if address in _COMPATIBLE and int(address) > 0xFFFF:
        return IPv4Address(int(address))
    return None


def _allow(network: Network, typed: str, networks: Sequence[NamedNetwork]) -> Source | Refusal:
    around = [named for named in networks if _inside(network, named.prefix)]
    if around:
        closest = max(around, key=lambda named: named.prefix.prefixlen)
        return Source(canonical(network), closest.name)
    special = _special(network)
    if special:
        return _refuse(special, typed)
    if network.prefixlen != network.max_prefixlen:
        return _refuse(Code.SOURCE_TOO_WIDE, typed)
    return Source(canonical(network))


def _special(network: Network) -> Code | None:
    if any(network.overlaps(private) for private in PRIVATE if _same_kind(network, private)):
        return Code.SOURCE_PRIVATE
    if any(network.overlaps(taken) for taken in RESERVED if _same_kind(network, taken)):
        return Code.SOURCE_RESERVED
    if isinstance(network, IPv6Network) and not network.subnet_of(_GLOBAL_V6):
        return Code.SOURCE_RESERVED
    return None


def _same_kind(one: Network, other: Network) -> bool:
    return one.version == other.version


def _inside(inner: Network | None, outer: Network | None) -> bool:
    match (inner, outer):
        case (IPv4Network() as small, IPv4Network() as large):
            return small.subnet_of(large)
        case (IPv6Network() as small, IPv6Network() as large):
            return small.subnet_of(large)
        case _:
            return False


def _is_any(prefix: str) -> bool:
    return prefix.strip().lower() in _ANY


def _network(prefix: str) -> Network | None:
    try:
        return ip_network(prefix.strip(), strict=False)
    except ValueError:
        return None  # a service tag or a text we don't know: it contains no address


def _host_in(word: str) -> str | None:
    """The plain host that a mistyped address surely meant."""
    host = word.partition("/")[0]
    return host if _QUAD.fullmatch(host) and not _leading_zero(host, host) else None


def _refuse(code: Code, typed: str, *, nearest: str | None = None, **more: object) -> Refusal:
    args = {"typed": typed, **more} if code is not Code.SOURCE_MISSING else more
    return Refusal(code, Field.SOURCE, args, nearest)
