"""A change to Azure goes through the same record, transitions and proof as JIT access."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from approvals.changes import JitPolicyChange, Outcome, Result, terms_of
from approvals.changes.jit_policy import JitEntry, JitPort
from approvals.entry import SEKISHO
from approvals.events import (
    Applied,
    Applying,
    Approved,
    Attempt,
    Cancelled,
    Event,
    Failed,
    Kind,
    Lapsed,
    Opened,
    Opening,
    OpId,
    RequestId,
    State,
    Submitted,
    Undone,
)
from approvals.ledger import Change, Ledger, Recorded
from approvals.proof import ProofFailed, prove
from approvals.request import IllegalTransition, Request, apply_event, fold, submit
from tests.approvals.samples import ALICE, SATO, WEB_01, approved, rule, step, submitted

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
WEB_02 = msgspec.structs.replace(
    WEB_01, resource_id=WEB_01.resource_id.replace("web-01", "web-02"), name="web-02"
)


def change(*ports: int) -> JitPolicyChange:
    wanted = tuple(JitPort(port, 10800) for port in ports or (22,))
    return JitPolicyChange(
        targets=(WEB_01, WEB_02),
        deed="enable",
        entries=tuple(
            JitEntry(target.resource_id, "/policies/default", "japaneast", wanted)
            for target in (WEB_01, WEB_02)
        ),
    )


def filed(now: datetime = NOW, what: JitPolicyChange | None = None) -> Submitted:
    wanted = what or change()
    return Submitted(
        kind=Kind.JIT_POLICY,
        target=wanted.targets[0],
        terms=terms_of(wanted),
        justification="new servers",
        ticket="",
        rule=rule(),
        same_person=(ALICE,),
        lapses_at=now + timedelta(hours=1),
        change=wanted,
    )


def attempt(request: Request, now: datetime = NOW) -> Applying:
    send_by = now + timedelta(seconds=60)
    tried = Attempt(len(request.attempts) + 1, send_by, send_by, OpId(f"try-{request.id}"))
    return Applying(tried, request.terms, before='{"entries":[]}')


def result(name: str, *, is_done: bool) -> Result:
    return Result(f"/vms/{name}", name, is_done, "" if is_done else "ScopeLocked")


def at_work() -> Request:
    request = submit(RequestId("7"), filed(), actor=ALICE, at=NOW)
    yes = approved(request, SATO, NOW)
    request = apply_event(request, yes.event, actor=SATO, at=NOW)
    return apply_event(request, attempt(request), actor=SEKISHO, at=NOW)


def after(request: Request, event: Event) -> Request:
    return apply_event(request, event, actor=SEKISHO, at=NOW)


@pytest.mark.proves("J1")
def test_the_record_of_jit_access_is_what_it_always_was() -> None:
    """Bytes and digest as written before there were changes: old ledgers verify and fold."""
    event = submitted(NOW)
    assert msgspec.json.encode(event.terms) == (
        b'{"ports":[22],"source":"203.0.113.7","window":{"type":"length","seconds":7200}}'
    )
    assert b"change" not in msgspec.json.encode(event)
    request = submit(RequestId("1"), event, actor=ALICE, at=NOW)
    assert request.digest == "c00c9066622c9798eda0014fdc4b0e62ad86b17ba3cd08bcc06744526c1d6513"
    tried = Applying(Attempt(1, NOW, NOW, OpId("a")), request.terms)
    assert set(msgspec.to_builtins(tried)) == {"type", "attempt", "terms"}
    assert set(msgspec.to_builtins(Failed("a", "b", retryable=True))) == {
        "type",
        "code",
        "message",
        "retryable",
    }


def test_a_body_from_before_is_read_as_jit_access() -> None:
    request = submit(RequestId("1"), submitted(NOW), actor=ALICE, at=NOW)
    old = msgspec.to_builtins(request)
    for name in ("change", "before", "outcome", "undo_until", "undone_by"):
        del old[name]
    assert msgspec.json.decode(msgspec.json.encode(old), type=Request) == request


def test_a_change_comes_back_from_json_as_it_was() -> None:
    event = filed()
    assert msgspec.json.decode(msgspec.json.encode(event), type=Submitted) == event


def test_a_change_is_approved_as_it_is_or_not_at_all() -> None:
    one, other = terms_of(change(22)), terms_of(change(22, 3389))
    assert one.contains(terms_of(change(22)))
    assert not one.contains(other)
    assert not other.contains(one)
    access = submitted(NOW).terms
    assert not access.contains(one)
    assert not one.contains(access)


@pytest.mark.parametrize(
    "wrong",
    [
        msgspec.structs.replace(filed(), terms=terms_of(change(3389))),
        msgspec.structs.replace(filed(), terms=submitted(NOW).terms),
        msgspec.structs.replace(filed(), kind=Kind.PLAN),
        msgspec.structs.replace(filed(), kind=Kind.JIT_ACCESS),
        msgspec.structs.replace(filed(), target=WEB_02),
        msgspec.structs.replace(filed(), change=msgspec.UNSET),
        msgspec.structs.replace(submitted(NOW), change=change()),
        msgspec.structs.replace(submitted(NOW), kind=Kind.PLAN),
    ],
    ids=lambda event: f"{event.kind}",
)
def test_terms_that_are_not_those_of_the_change_are_refused(wrong: Submitted) -> None:
    with pytest.raises(IllegalTransition):
        submit(RequestId("7"), wrong, actor=ALICE, at=NOW)


def test_a_change_is_applied_and_later_put_back() -> None:
    outcome = Outcome((result("web-01", is_done=True), result("web-02", is_done=True)))
    done = after(at_work(), Applied(outcome, NOW + timedelta(days=7)))
    assert done.state is State.APPLIED
    assert not done.is_open
    assert done.before == '{"entries":[]}'
    undone = after(done, Undone(RequestId("8")))
    assert (undone.state, undone.undone_by) == (State.UNDONE, "8")
    with pytest.raises(IllegalTransition):
        after(undone, Undone(RequestId("9")))


def test_a_change_never_opens_and_an_opening_is_never_applied() -> None:
    with pytest.raises(IllegalTransition):
        after(at_work(), Opened(Opening(NOW, NOW)))
    access = submit(RequestId("1"), submitted(NOW), actor=ALICE, at=NOW)
    access = apply_event(access, approved(access, SATO, NOW).event, actor=SATO, at=NOW)
    tried = Applying(Attempt(1, NOW + timedelta(hours=2), NOW, OpId("a")), access.terms)
    with pytest.raises(IllegalTransition):
        after(after(access, tried), Applied(Outcome(())))


def test_what_is_half_done_neither_lapses_away_nor_is_cancelled() -> None:
    outcome = Outcome((result("web-01", is_done=True), result("web-02", is_done=False)))
    until = NOW + timedelta(days=7)
    half = after(
        at_work(), Failed("Partial", "", retryable=True, outcome=outcome, undo_until=until)
    )
    assert half.is_partial
    with pytest.raises(IllegalTransition):
        apply_event(half, Cancelled(), actor=ALICE, at=NOW)
    late = after(half, Lapsed("start_deadline"))
    assert (late.state, late.is_open, late.outcome) == (State.FAILED, False, outcome)
    assert after(late, Undone(RequestId("8"))).state is State.UNDONE


def test_what_azure_is_at_work_on_is_not_cancelled() -> None:
    with pytest.raises(IllegalTransition):
        apply_event(at_work(), Cancelled(), actor=ALICE, at=NOW)


def test_what_was_before_stands_since_the_first_attempt() -> None:
    request = at_work()
    again = msgspec.structs.replace(attempt(request), before='{"entries":[1]}')
    with pytest.raises(IllegalTransition):
        after(request, again)
    kept = after(request, msgspec.structs.replace(attempt(request), before=""))
    assert kept.before == request.before


async def filed_and_approved(ledger: Ledger) -> Request:
    now = await ledger.now()
    outcome = await ledger.submit(filed(now), actor=ALICE, op_id=OpId("file"))
    assert isinstance(outcome, Recorded)
    yes = approved(outcome.request, SATO, await ledger.now())
    return (await step(ledger, yes, "yes")).request


async def test_a_change_is_in_the_history_of_every_machine(ledger: Ledger) -> None:
    request = await filed_and_approved(ledger)
    for target in (WEB_01, WEB_02):
        assert [found.id for found in await ledger.by_vm(target.resource_id)] == [request.id]


@pytest.mark.proves("J2")
async def test_the_audit_log_proves_exactly_this_change(ledger: Ledger) -> None:
    request = await filed_and_approved(ledger)
    tried = attempt(request, await ledger.now())
    trying = await step(ledger, Change(request, tried, SEKISHO), "apply")
    proven = await prove(ledger, request.id, trying.entry)
    assert proven.request.change == change()
    outcome = Outcome((result("web-01", is_done=True),))
    done = await step(ledger, Change(trying.request, Applied(outcome), SEKISHO), "applied")
    read = await ledger.read(request.id)
    assert read == done.request
    assert request.id not in [each.id for each in await ledger.open_requests()]
    with pytest.raises(ProofFailed):
        await prove(ledger, request.id, trying.entry)


@pytest.mark.proves("J2")
async def test_the_audit_log_does_not_prove_a_change_that_nobody_approved(ledger: Ledger) -> None:
    request = await filed_and_approved(ledger)
    other = msgspec.structs.replace(
        attempt(request, await ledger.now()), terms=terms_of(change(22, 3389))
    )
    with pytest.raises(IllegalTransition):
        await step(ledger, Change(request, other, SEKISHO), "apply")


def test_a_history_of_a_change_folds() -> None:
    request = submit(RequestId("7"), filed(), actor=ALICE, at=NOW)
    yes = approved(request, SATO, NOW).event
    assert isinstance(yes, Approved)
    assert fold(RequestId("7"), [(ALICE, NOW, filed()), (SATO, NOW, yes)]).state is State.APPROVED
    wider = msgspec.structs.replace(
        yes, approval=msgspec.structs.replace(yes.approval, terms=terms_of(change(3389)))
    )
    with pytest.raises(IllegalTransition):
        fold(RequestId("7"), [(ALICE, NOW, filed()), (SATO, NOW, wider)])
