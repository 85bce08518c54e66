"""Ports by name and number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.ports import parse_port, parse_ports, port_label, port_word
from approvals.verdict import Code, Refusal


@pytest.mark.parametrize(
    ("typed", "port"),
    [
        *((typed, 22) for typed in ("22", "２２", "ssh", "SSH", "22/tcp")),
        *(("rdp", 3389), ("winrm", 5985), ("5986", 5986), ("postgres", 5432), ("https", 443)),
    ],
)
@pytest.mark.proves("A4", "C050")
def test_a_port_by_name_or_number(typed: str, port: int) -> None:
    assert parse_port(typed) == port


@pytest.mark.proves("A4")
def test_a_name_with_two_numbers_means_the_one_that_the_vm_has() -> None:
    assert parse_port("winrm", offered=[22, 5986]) == 5986


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [("shh", "ssh"), ("0", None), ("65536", None), ("-22", None), ("²²²²²²", None)],
)
@pytest.mark.proves("A4")
def test_what_is_no_port_is_refused(typed: str, nearest: str | None) -> None:
    refusal = parse_port(typed)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.nearest) == (Code.PORT_INVALID, nearest)


@pytest.mark.parametrize(
    ("typed", "ports"),
    [
        ("22,8443", (22, 8443)),
        ("8443 22 22", (22, 8443)),
        ("ssh、rdp", (22, 3389)),
        ("22と8443", (22, 8443)),
        ("22/tcp, 53/udp", (22, 53)),
        ("２２，８４４３", (22, 8443)),
    ],
)
@pytest.mark.proves("A4", "C050")
def test_several_ports(typed: str, ports: tuple[int, ...]) -> None:
    assert parse_ports(typed) == ports


def test_no_port_names_what_there_is() -> None:
    refusal = parse_ports(" , ", offered=[8443, 22])
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.args) == (Code.PORT_MISSING, {"allowed": (22, 8443)})


def test_labels() -> None:
    assert [port_label(22), port_label(8443)] == ["22 (SSH)", "8443"]
    assert [port_word(22), port_word(3389), port_word(5432)] == ["ssh", "rdp", "5432"]


@given(st.text(max_size=200))
def test_no_text_crashes_the_parser(typed: str) -> None:
    found = parse_ports(typed)
    if not isinstance(found, Refusal):
        assert found
        assert all(1 <= port <= 65535 for port in found)
