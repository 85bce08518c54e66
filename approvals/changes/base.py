"""What every kind of change to Azure has in its record, and what became of one."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from approvals.terms import Kind, RequestId, Target


class ChangeRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What shall be different in Azure, as it is asked for, approved and proved.

    A subclass per kind, its tag the kind's value. It holds everything that is sent to Azure and
    everything that the approver was shown, since the approvals are for exactly these bytes.
    """

    KIND: ClassVar[Kind]

    #: machines, or the subscription: every one must be in the scope of one and the same rule.
    targets: tuple[Target, ...]
    #: the request whose change this one takes back.
    undoes: RequestId | None = None


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one target. `code` is Azure's, or ours, where it was not done."""

    resource_id: str
    name: str
    is_done: bool
    code: str = ""
    message: str = ""
    #: in no need of anything: Azure had it already.
    is_unchanged: bool = False


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What Azure showed when it was read back. `facts` are the kind's own, for its view."""

    results: tuple[Result, ...]
    facts: dict[str, str] = {}

    @property
    def done(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.is_done)

    @property
    def failed(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if not result.is_done)
