"""FAULT-2: the requester never decides, by any id, in the transition, the script and the proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.events import Approval, Approved, Denied, Event, OpId, PersonId, Refused, RequestId
from approvals.ledger import Change, Ledger, Recorded
from approvals.request import IllegalTransition, apply_event, submit
from tests.approvals.samples import ALICE, ALICE_HOME, approved, denied, file, submitted

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.mark.proves("FAULT-2")
@pytest.mark.parametrize("person", [ALICE, ALICE_HOME])
@pytest.mark.parametrize("kind", ["approve", "deny"])
async def test_script_refuses_what_the_bot_would_let_through(
    ledger: Ledger, kind: str, person: PersonId
) -> None:
    """As if the transition had a mistake: the bot believes in another requester."""
    request = await file(ledger)
    believed = replace(request, requester=PersonId("U0OTHER"), same_person=frozenset())
    make = approved if kind == "approve" else denied
    change = make(believed, person, await ledger.now())
    with pytest.raises(IllegalTransition, match="never decides"):
        await ledger.record(change, op_id=OpId("own"))
    assert await ledger.read(request.id) == request
    assert ledger.highest_head.sequence == 1


@pytest.mark.proves("FAULT-2")
async def test_try_is_put_on_record(ledger: Ledger) -> None:
    request = await file(ledger)
    change = Change(request, Refused("approve", "own_request"), ALICE)
    outcome = await ledger.record(change, op_id=OpId("own"))
    assert isinstance(outcome, Recorded)
    assert await ledger.read(request.id) == replace(request, version=2, changed_at=outcome.entry.at)


@pytest.mark.proves("FAULT-2")
@given(
    others=st.frozensets(st.sampled_from([PersonId(f"U{n}") for n in range(6)]), max_size=4),
    actor=st.sampled_from([PersonId(f"U{n}") for n in range(6)]),
    decides=st.sampled_from(["approve", "deny"]),
)
def test_no_id_of_the_requester_decides(
    others: frozenset[PersonId], actor: PersonId, decides: str
) -> None:
    filed = msgspec.structs.replace(submitted(NOW), same_person=tuple(others))
    request = submit(RequestId("1"), filed, actor=PersonId("U0"), at=NOW)
    event: Event = Denied("no", "g", "r", "v", NOW)
    if decides == "approve":
        approval = Approval(actor, NOW, request.terms, "g", "r", "v", NOW, request.digest)
        event = Approved(approval, start_by=NOW)
    is_own = actor in others or actor == "U0"
    try:
        apply_event(request, event, actor=actor, at=NOW)
    except IllegalTransition:
        assert is_own
    else:
        assert not is_own
