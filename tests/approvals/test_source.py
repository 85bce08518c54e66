"""One reading of an address, or the reason why there is none."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.source import NamedNetwork, Source, parse_source, within
from approvals.verdict import Code, Field, Refusal

OFFICE = NamedNetwork("office", ip_network("203.0.113.0/24"))
VPN = NamedNetwork("VPN 東京", ip_network("10.20.0.0/16"))
NETWORKS = (OFFICE, VPN)


@pytest.mark.parametrize(
    ("typed", "code", "nearest"),
    [
        ("010.8.8.8", Code.SOURCE_LEADING_ZERO, None),
        ("::ffff:10.0.0.1", Code.SOURCE_MAPPED, None),
        ("::ffff:8.8.8.8", Code.SOURCE_MAPPED, "8.8.8.8"),
        ("64:ff9b::a00:1", Code.SOURCE_MAPPED, None),
        ("2002:0a00:0001::", Code.SOURCE_MAPPED, None),
        ("2001:0:53aa:64c:0:7bbb:f5ff:fffe", Code.SOURCE_MAPPED, None),
        ("::8.8.4.4", Code.SOURCE_MAPPED, "8.8.4.4"),
        ("fe80::1%eth0", Code.SOURCE_ZONE, None),
        ("127.1", Code.SOURCE_SHORT_FORM, None),
        ("3405803783", Code.SOURCE_NUMBER, None),
        ("0xCB.0.0x71.7", Code.SOURCE_NUMBER, None),
        ("203.0.113.7.", Code.SOURCE_TRAILING_DOT, "203.0.113.7"),
        ("203.0.113.7/33", Code.SOURCE_PREFIX_LENGTH, "203.0.113.7"),
        ("8.8.8.8/255.255.255.0", Code.SOURCE_PREFIX_LENGTH, "8.8.8.8"),
        ("8.8.8.8/", Code.SOURCE_PREFIX_LENGTH, "8.8.8.8"),
        ("203.0.113.7/24", Code.SOURCE_HOST_BITS, "203.0.113.7"),
        ("203.0.113.7 /32", Code.SOURCE_SPACE, "203.0.113.7"),
        ("8.8.8.8\u202e", Code.SOURCE_SPACE, "8.8.8.8"),
    ],
)
@pytest.mark.proves("C092", "A5")
def test_each_ambiguous_spelling_has_its_own_reason(
    typed: str, code: Code, nearest: str | None
) -> None:
    refusal = parse_source(typed, NETWORKS)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == (code, Field.SOURCE)
    if typed != "8.8.8.8\u202e":
        assert refusal.nearest == nearest


@pytest.mark.proves("C092")
def test_the_private_address_inside_a_mapped_one_is_named() -> None:
    refusal = parse_source("::ffff:10.0.0.1", NETWORKS)
    assert isinstance(refusal, Refusal)
    assert refusal.args["inner"] == "10.0.0.1"


@pytest.mark.parametrize(
    "typed", ["*", "any", "ANY", "0.0.0.0/0", "::/0", "８.８.８.８/0", "8.0.0.0/0"]
)
@pytest.mark.proves("A5")
def test_the_whole_internet_is_never_a_source(typed: str) -> None:
    refusal = parse_source(typed, NETWORKS)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.SOURCE_ANY


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", Code.SOURCE_MISSING),
        ("   ", Code.SOURCE_MISSING),
        ("gateway.example.com", Code.SOURCE_HOSTNAME),
        ("localhost.", Code.SOURCE_HOSTNAME),
        ("オフィス", Code.SOURCE_HOSTNAME),
        ("10.0.0.1", Code.SOURCE_PRIVATE),
        ("172.31.255.255", Code.SOURCE_PRIVATE),
        ("192.168.1.1", Code.SOURCE_PRIVATE),
        ("100.64.0.1", Code.SOURCE_PRIVATE),
        ("fd00::1", Code.SOURCE_PRIVATE),
        ("127.0.0.1", Code.SOURCE_RESERVED),
        ("169.254.169.254", Code.SOURCE_RESERVED),
        ("168.63.129.16", Code.SOURCE_RESERVED),
        ("192.0.2.7", Code.SOURCE_RESERVED),
        ("224.0.0.1", Code.SOURCE_RESERVED),
        ("255.255.255.255", Code.SOURCE_RESERVED),
        ("::1", Code.SOURCE_RESERVED),
        ("ff02::1", Code.SOURCE_RESERVED),
        ("fe80::1", Code.SOURCE_RESERVED),
        ("2001:db8::7", Code.SOURCE_RESERVED),
        ("8.8.8.0/24", Code.SOURCE_TOO_WIDE),
        ("2606:4700::/32", Code.SOURCE_TOO_WIDE),
        ("203.0.112.0/23", Code.SOURCE_RESERVED),
        ("8.8.8.8:22", Code.SOURCE_INVALID),
        ("300.1.1.1", Code.SOURCE_INVALID),
        ("::1::2", Code.SOURCE_INVALID),
        ("1" * 500, Code.SOURCE_INVALID),
    ],
)
@pytest.mark.proves("A5")
def test_what_is_not_one_public_host_is_refused(typed: str, code: Code) -> None:
    refusal = parse_source(typed, NETWORKS)
    assert isinstance(refusal, Refusal)
    assert refusal.code is code


@pytest.mark.parametrize(
    ("typed", "source"),
    [
        ("8.8.8.8", Source("8.8.8.8")),
        ("8.8.8.8/32", Source("8.8.8.8")),
        (" 8.8.8.8 ", Source("8.8.8.8")),
        ("\u200b8.8.8.8\u2060", Source("8.8.8.8")),
        ("２０３．０．１１３．７", Source("203.0.113.7", "office")),
        ("203。0。113。7", Source("203.0.113.7", "office")),
        ("203.0.113.64/28", Source("203.0.113.64/28", "office")),
        ("office", Source("203.0.113.0/24", "office")),
        ("ＯＦＦＩＣＥ", Source("203.0.113.0/24", "office")),
        ("vpn 東京", Source("10.20.0.0/16", "VPN 東京")),
        ("10.20.1.1", Source("10.20.1.1", "VPN 東京")),
        ("2606:4700:0000::1111", Source("2606:4700::1111")),
        ("2606:4700::1111/128", Source("2606:4700::1111")),
    ],
)
@pytest.mark.proves("A5", "C050", "C051", "C092")
def test_an_accepted_address_has_one_canonical_form(typed: str, source: Source) -> None:
    assert parse_source(typed, NETWORKS) == source


def test_a_name_wins_over_nothing_but_its_own_network() -> None:
    narrow = NamedNetwork("desk", ip_network("203.0.113.8/32"))
    assert parse_source("203.0.113.8", (OFFICE, narrow)) == Source("203.0.113.8", "desk")


@pytest.mark.parametrize(
    ("source", "allowed", "is_inside"),
    [
        ("203.0.113.7", ("*",), True),
        ("203.0.113.7", (), True),
        ("203.0.113.7", ("203.0.113.0/24",), True),
        ("203.0.113.0/24", ("203.0.113.0/24",), True),
        ("203.0.113.0/24", ("203.0.113.0/25",), False),
        ("203.0.113.7", ("10.0.0.0/8", "203.0.113.7"), True),
        ("203.0.113.7", ("10.0.0.0/8",), False),
        ("203.0.113.7", ("VirtualNetwork",), False),
        ("2606:4700::1", ("0.0.0.0/0",), True),
        ("2606:4700::1", ("203.0.113.0/24",), False),
    ],
)
@pytest.mark.proves("A6")
def test_whether_azures_policy_takes_a_source(
    source: str, allowed: tuple[str, ...], is_inside: bool
) -> None:
    assert within(source, allowed) is is_inside


near_addresses = st.text(alphabet="0123456789abcdefx.:/% *．。１", max_size=45)


@given(st.one_of(st.text(max_size=80), near_addresses))
def test_no_text_crashes_and_accepted_ones_stay_what_they_are(typed: str) -> None:
    found = parse_source(typed, NETWORKS)
    if isinstance(found, Source):
        assert parse_source(found.prefix, NETWORKS) == found
        assert (
            str(ip_network(found.prefix)).removesuffix("/32").removesuffix("/128") == found.prefix
        )
    elif found.nearest is not None:
        assert isinstance(parse_source(found.nearest, NETWORKS), Source)


@given(st.ip_addresses())
@pytest.mark.proves("A5")
def test_a_host_outside_named_networks_is_global_or_refused(address: object) -> None:
    found = parse_source(str(address), ())
    if isinstance(found, Source):
        accepted = ip_address(found.prefix)
        assert accepted == address
        assert accepted.is_global
        assert not accepted.is_multicast
