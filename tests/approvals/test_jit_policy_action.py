"""What one attempt at a JIT policy says of itself when Azure turns away half-way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from approvals.actions.jit_policy import JitPolicyAction
from approvals.changes import JitPolicyChange
from approvals.changes.jit_policy import JitEntry, JitPort
from defender.errors import AzureBusy, AzureRefused, OutcomeUnknown

ENTRY = JitEntry("/vm-1", "/policies/default", "japaneast", (JitPort(22, 3600),))
CHANGE = JitPolicyChange(targets=(), deed="enable", entries=(ENTRY,))


class Policies:
    """A policy that is written, and then not read back."""

    def __init__(self, refusal: AzureRefused) -> None:
        self._refusal = refusal
        self.writes = 0

    async def read(self, policy_id: str) -> bytes | None:
        if self.writes:
            raise self._refusal
        return None

    async def write(self, policy_id: str, body: bytes, within: timedelta) -> None:
        self.writes += 1


@pytest.mark.proves("C12")
@pytest.mark.parametrize("refusal", [AzureBusy("429", "later"), AzureRefused("403", "no")])
async def test_refused_read_back_does_not_say_that_nothing_was_done(refusal: AzureRefused) -> None:
    policies = Policies(refusal)
    action = JitPolicyAction(
        cast(Any, None), cast(Any, policies), cast(Any, None), apply_within=timedelta(seconds=5)
    )
    with pytest.raises(OutcomeUnknown):
        await action.apply(CHANGE, "[]", timedelta(seconds=5))
    assert policies.writes == 1
