"""Who is in which Slack group, read every half minute and held in this process's memory alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from approvals.events import PersonId
from approvals.ledger import Ledger
from approvals.membership import Membership
from bot.clock import Clock
from bot.policy_reload import LivePolicy
from delivery.directory import Directory

READ_EVERY = timedelta(seconds=30)
#: How soon a clock that was moved is noticed.
CLOCK_LOOK = timedelta(seconds=0.5)

#: Before the first reading nobody is in any group, and that is too old to rest on.
NEVER = datetime.fromtimestamp(0, UTC)


class Groups:
    """`membership` is what every decision is given."""

    def __init__(
        self, directory: Directory, policy: LivePolicy, ledger: Ledger, clock: Clock
    ) -> None:
        self._directory = directory
        self._policy = policy
        self._ledger = ledger
        self._clock = clock
        self._read = Membership({}, read_at=NEVER)

    def membership(self) -> Membership:
        """As read; its age does not grow when the demo's director moves the clock."""
        return replace(
            self._read,
            read_at=self._read.read_at + self._clock.offset(),
            guests=frozenset(PersonId(user) for user in self._directory.guests),
        )

    async def read(self) -> None:
        """A reading that fails leaves the last one to grow old."""
        now = await self._ledger.now()
        policy = self._policy()
        await self._directory.refresh_groups(
            now=now - self._clock.offset(), people_of=policy.groups, named=policy.named
        )
        groups = self._directory.groups
        if groups is None:
            self._read = Membership({}, read_at=NEVER, missing_scope=self._missing_scope())
            return
        self._read = Membership(
            groups={
                group: frozenset(PersonId(user) for user in users)
                for group, users in groups.members.items()
            },
            read_at=groups.read_at,
            inactive=frozenset(PersonId(user) for user in groups.inactive),
            missing_scope=self._missing_scope(),
        )

    async def follow(self) -> None:
        """Read, then wait until it is time again, somebody changed or the clock was moved."""
        await self.read()
        offset = self._clock.offset()
        for _ in range(READ_EVERY // CLOCK_LOOK):
            is_asked = await self._directory.is_asked_again(CLOCK_LOOK)
            if is_asked or self._clock.offset() != offset:
                return

    def problem(self) -> str:
        """Why groups can't be read, the missing scope named (C078)."""
        scope = self._missing_scope()
        return f"{self._directory.problem}: {scope}" if scope else self._directory.problem

    def approvers_problem(self) -> str:
        """Whom rules name and who can't decide any more (C064)."""
        policy = self._policy()
        gone = len(policy.named & self._read.inactive)
        empty = sum(not self._read.members(group) for group in policy.groups)
        said = [f"{gone} people whom rules name are gone"] if gone else []
        said += [f"{empty} groups that rules name have nobody"] if empty else []
        return ", ".join(said)

    def _missing_scope(self) -> str | None:
        return "usergroups:read" if self._directory.problem == "missing_scope" else None
