"""JIT policies and requests out of Azure's pages, in every shape met in the field. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from defender.decode import Reader, duration_of, instant_of, page_of
from defender.records import AccessRecord, PolicySnapshot, PortRule, VmPolicy
from defender.resources import InvalidResourceId, ResourceId, ResourceName, fold_location

#: Requests that are decoded in one step.
BREATH = 25


class _Port(msgspec.Struct, rename="camel"):
    number: int  # sometimes text
    protocol: str | None = None
    allowed_source_address_prefix: str | list[str] | None = None
    allowed_source_address_prefixes: list[str] | None = None
    max_request_access_duration: str | None = None


class _PolicyMachine(msgspec.Struct, rename="camel"):
    id: str
    ports: list[msgspec.Raw] | None = None
    public_ip_address: str | None = None


class _RequestPort(msgspec.Struct, rename="camel"):
    number: int
    allowed_source_address_prefix: str | list[str] | None = None
    allowed_source_address_prefixes: list[str] | None = None
    end_time_utc: str | None = None
    status: str | None = None
    status_reason: str | None = None
    mapped_port: int | None = None


class _RequestMachine(msgspec.Struct):
    id: str
    ports: list[msgspec.Raw] | None = None


class _Request(msgspec.Struct, rename="camel"):
    virtual_machines: list[msgspec.Raw] | None = None
    start_time_utc: str | None = None
    requestor: str | None = None
    justification: str | None = None


class _Properties(msgspec.Struct, rename="camel"):
    virtual_machines: list[msgspec.Raw] | None = None
    requests: list[msgspec.Raw] | None = None


class _Policy(msgspec.Struct):
    id: str
    name: str | None = None
    location: str | None = None
    properties: _Properties | None = None


def snapshot_of(pages: Iterable[bytes]) -> PolicySnapshot:
    """Every policy entry and request of a list; `partial` if anything in it was unreadable."""
    reading = SnapshotReading()
    for _ in reading.steps(pages):
        pass
    return reading.snapshot()


class SnapshotReading:
    """The same in steps of a millisecond: a policy keeps hundreds of requests."""

    def __init__(self) -> None:
        self._reader = Reader()
        self._policies: list[VmPolicy] = []
        self._records: list[AccessRecord] = []

    def steps(self, pages: Iterable[bytes]) -> Iterator[None]:
        """Goes on when it is asked for the next step."""
        for body in pages:
            for policy in self._reader.each(page_of(body).items, _Policy):
                yield from self._add(policy)

    def snapshot(self) -> PolicySnapshot:
        """What was read so far."""
        return PolicySnapshot(
            tuple(self._policies), tuple(self._records), partial=self._reader.unread > 0
        )

    def _add(self, policy: _Policy) -> Iterator[None]:
        reader = self._reader
        try:
            name = ResourceName.parse(policy.id)
        except InvalidResourceId:
            reader.miss()
            return
        if policy.properties is None:
            return
        for machine in reader.each(policy.properties.virtual_machines, _PolicyMachine):
            self._policies.append(_vm_policy(policy, machine, name, reader))
        requests = reader.each(policy.properties.requests, _Request)
        for number, request in enumerate(requests, start=1):
            self._records.extend(_records(request, reader, ResourceId(policy.id)))
            if not number % BREATH:
                yield


def _vm_policy(
    policy: _Policy, machine: _PolicyMachine, name: ResourceName, reader: Reader
) -> VmPolicy:
    return VmPolicy(
        policy_id=ResourceId(policy.id),
        policy_name=name.name,
        resource_group=name.group,
        location=fold_location(name.part("locations") or policy.location or ""),
        vm_id=ResourceId(machine.id),
        ports=tuple(_port_rules(machine, reader)),
        public_ip=machine.public_ip_address or None,
    )


def _port_rules(machine: _PolicyMachine, reader: Reader) -> Iterable[PortRule]:
    for port in reader.each(machine.ports, _Port):
        longest = duration_of(port.max_request_access_duration)
        if longest is None:
            reader.miss()  # nothing can be asked of a port that has no longest time
            continue
        yield PortRule(
            number=port.number,
            protocol=port.protocol or "",
            allowed_sources=_prefixes(
                port.allowed_source_address_prefix, port.allowed_source_address_prefixes
            ),
            longest=longest,
        )


def _records(request: _Request, reader: Reader, policy_id: ResourceId) -> Iterable[AccessRecord]:
    for machine in reader.each(request.virtual_machines, _RequestMachine):
        for port in reader.each(machine.ports, _RequestPort):
            yield AccessRecord(
                vm_id=ResourceId(machine.id),
                port=port.number,
                sources=_prefixes(
                    port.allowed_source_address_prefix, port.allowed_source_address_prefixes
                ),
                starts_at=instant_of(request.start_time_utc),
                ends_at=instant_of(port.end_time_utc),
                status=port.status or "",
                status_reason=port.status_reason,
                requestor=request.requestor or "",
                justification=request.justification or "",
                mapped_port=port.mapped_port,
                policy_id=policy_id,
            )


def _prefixes(one: str | list[str] | None, many: list[str] | None) -> tuple[str, ...]:
    """One field or the other, or a list in the field for one (C008); each prefix once."""
    single = [one] if isinstance(one, str) else (one or [])
    return tuple(dict.fromkeys(text for text in [*single, *(many or [])] if text))
