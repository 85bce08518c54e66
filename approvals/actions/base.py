"""What every kind of change to Azure brings along: how it is checked, done, and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol, TypeVar

from approvals.changes import AzureChange, ChangeRecord, Outcome
from approvals.events import Kind
from approvals.verdict import Refused

C = TypeVar("C", bound=ChangeRecord)


class Action(Protocol):
    """One kind of change. Everything but `undo` talks to Azure and may run twice."""

    @property
    def kind(self) -> Kind: ...

    @property
    def undo_within(self) -> timedelta:
        """How long after it was done one request may put it back; zero for never."""

    @property
    def apply_within(self) -> timedelta:
        """How long one attempt may be at work; nobody takes it over before."""

    async def validate(self, change: AzureChange) -> AzureChange | Refused:
        """The change as it will be sent, with the effect that approvers are shown; or why not.

        AzureError where Azure can't be read.
        """

    async def before(self, change: AzureChange) -> str:
        """What Azure has now, as JSON of the kind's own: kept before the first write."""

    async def apply(self, change: AzureChange, before: str, within: timedelta) -> Outcome:
        """Read, write what differs, read back. What was done on some targets is in the outcome.

        AzureRefused (AzureBusy): proven that nothing was done at all. Any other AzureError: look
        again, it may be done.
        """

    def undo(self, change: AzureChange, before: str, outcome: Outcome) -> AzureChange | None:
        """The change that puts back what this one has done; None where it can't be."""


#: Every kind that can be asked for; made once, where all is wired (`bot.service`).
Actions = Mapping[Kind, Action]


def own(change: AzureChange, record: type[C]) -> C:
    """The change as the record of this kind."""
    if not isinstance(change, record):
        raise TypeError(f"a change of kind {change.KIND} is no {record.__name__}")
    return change
