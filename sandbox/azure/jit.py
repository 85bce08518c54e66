"""JIT's rules: what a request must look like, what a policy admits, and a request's life.

Pure: the state of an opening follows from its record and the instant it is read at.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from sandbox.azure.errors import invalid_initiate, not_a_subset, unreadable
from sandbox.azure.wire import Json, fold, parse_duration, parse_instant
from sandbox.world.model import JitPort

PortStatus = Literal["Initiating", "Initiated", "Revoked"]
StatusReason = Literal["UserRequested", "Expired", "NewerRequestInitiated"]

#: The asker's clock and ours are never the same to the second.
CLOCK_SKEW = timedelta(seconds=5)


class InitiatePort(msgspec.Struct, rename="camel", frozen=True):
    """One port as it is asked for; the published contract knows two of the four fields."""

    number: int
    end_time_utc: str | None = None
    duration: str | None = None
    allowed_source_address_prefix: str | None = None
    allowed_source_address_prefixes: tuple[str, ...] | None = None


class InitiateMachine(msgspec.Struct, frozen=True):
    """One machine and the ports asked for on it."""

    id: str
    ports: tuple[InitiatePort, ...] = ()


class Initiate(msgspec.Struct, rename="camel", frozen=True):
    """The body of POST …/initiate."""

    virtual_machines: tuple[InitiateMachine, ...] = ()
    justification: str | None = None


@dataclass(frozen=True, slots=True)
class AskedPort:
    """A port of a request whose fields agree with each other."""

    vm_id: str
    number: int
    ends_at: datetime
    #: As it was written, since Azure echoes it.
    end_text: str | None
    sources: tuple[str, ...]
    is_list: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """One port of one accepted request: everything its state follows from."""

    number: int
    policy_id: str
    asked: AskedPort
    starts_at: datetime
    #: When the rule stands in the security group.
    settles_at: datetime
    requestor: str
    justification: str | None
    request_number: int
    priority: int
    rule_name: str
    mapped_port: int | None = None
    superseded_at: datetime | None = None
    #: Its machine left the policy, or the policy was deleted.
    withdrawn_at: datetime | None = None
    #: Somebody deleted its rule; the policy does not notice.
    rule_deleted_at: datetime | None = None

    @property
    def vm_key(self) -> str:
        """The machine's id as a key."""
        return fold(self.asked.vm_id)


def status_of(opening: Opening, now: datetime) -> tuple[PortStatus, StatusReason]:
    """What the policy lists for this opening at this instant."""
    ends_at = opening.asked.ends_at
    ended = [at for at in (ends_at, opening.superseded_at, opening.withdrawn_at) if at is not None]
    if min(ended) <= now:
        if opening.superseded_at is not None and opening.superseded_at == min(ended):
            return "Revoked", "NewerRequestInitiated"
        if opening.withdrawn_at is not None and opening.withdrawn_at == min(ended):
            return "Revoked", "UserRequested"
        return "Revoked", "Expired"
    return ("Initiating" if now < opening.settles_at else "Initiated"), "UserRequested"


def is_open(opening: Opening, now: datetime) -> bool:
    """Whether its allow rule stands in the security group."""
    if opening.rule_deleted_at is not None and opening.rule_deleted_at <= now:
        return False
    return status_of(opening, now)[0] == "Initiated"


def parse_initiate(body: bytes) -> Initiate:
    """The body, or Azure's refusal to read it."""
    try:
        return msgspec.json.decode(body, type=Initiate)
    except msgspec.MsgspecError as error:
        raise unreadable(str(error)) from error


def asked_ports(request: Initiate, *, caller: str, now: datetime) -> tuple[AskedPort, ...]:
    """Each port with its end and sources; raises when the body contradicts itself."""
    if not request.virtual_machines or not all(vm.ports for vm in request.virtual_machines):
        raise invalid_initiate("At least one virtual machine with at least one port is required.")
    return tuple(
        _asked(vm.id, port, caller=caller, now=now)
        for vm in request.virtual_machines
        for port in vm.ports
    )


def _asked(vm_id: str, port: InitiatePort, *, caller: str, now: datetime) -> AskedPort:
    one, many = port.allowed_source_address_prefix, port.allowed_source_address_prefixes
    if one is not None and many is not None:
        raise invalid_initiate(
            "Only one of fields 'AllowedSourceAddressPrefix' and 'AllowedSourceAddressPrefixes' "
            "can be set."
        )
    # Without a source Azure opens the port to whoever asks: for a bot, to the bot.
    sources = tuple(many) if many else (one or caller,)
    for source in sources:
        if source != "*" and network_of(source) is None:
            raise invalid_initiate(f"'{source}' is not a valid source address prefix.")
    ends_at = _end(port, now)
    if ends_at <= now:
        raise invalid_initiate("'EndTimeUtc' must be in the future.")
    return AskedPort(vm_id, port.number, ends_at, port.end_time_utc, sources, bool(many))


def _end(port: InitiatePort, now: datetime) -> datetime:
    if (port.end_time_utc is None) == (port.duration is None):
        raise invalid_initiate("Only one of fields 'EndTimeUtc' and 'Duration' can be set.")
    if port.end_time_utc is not None:
        ends_at = parse_instant(port.end_time_utc)
        if ends_at is None:
            raise unreadable(f"Could not convert string to DateTime: {port.end_time_utc}")
        return ends_at
    length = parse_duration(port.duration or "")
    if length is None:
        raise unreadable(f"Could not convert string to TimeSpan: {port.duration}")
    return now + length


def require_subset(
    asked: AskedPort, allowed: Iterable[JitPort], *, policy_id: str, now: datetime
) -> None:
    """Raise Azure's refusal unless the policy admits port, time and every source."""
    for rule in allowed:
        if rule.number != asked.number:
            continue
        is_short = asked.ends_at - now <= rule.max_duration + CLOCK_SKEW
        if is_short and all(covers(rule.sources, source) for source in asked.sources):
            return
    raise not_a_subset(policy_id)


def covers(allowed: Iterable[str], source: str) -> bool:
    """Whether one of the policy's prefixes contains the source."""
    return any(prefix in ("*", source) or _contains(prefix, source) for prefix in allowed)


def _contains(outer: str, inner: str) -> bool:
    a, b = network_of(outer), network_of(inner)
    if a is None or b is None or a.version != b.version:
        return False
    return int(a.network_address) <= int(b.network_address) and int(b.broadcast_address) <= int(
        a.broadcast_address
    )


def network_of(prefix: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The prefix as a network; None for `*` and for what is none."""
    try:
        return ipaddress.ip_network(prefix.strip(), strict=False)
    except ValueError:
        return None


def supersedes(asked: AskedPort, older: Opening, now: datetime) -> bool:
    """Whether a new request for the same machine and port ends the older one."""
    same = older.vm_key == fold(asked.vm_id) and older.asked.number == asked.number
    return same and status_of(older, now)[0] != "Revoked"


def port_record(opening: Opening, now: datetime, *, end_text: str) -> Json:
    """The port as a policy's `requests` show it."""
    status, reason = status_of(opening, now)
    asked = opening.asked
    record: Json = {"number": asked.number}
    if asked.is_list:
        record["allowedSourceAddressPrefixes"] = list(asked.sources)
    else:
        record["allowedSourceAddressPrefix"] = asked.sources[0]
    record |= {
        "endTimeUtc": asked.end_text or end_text,
        "status": status,
        "statusReason": reason,
    }
    if opening.mapped_port is not None:
        record["mappedPort"] = opening.mapped_port
    return record
