"""JIT policies of machines: asked for by a line, approved, applied, read back, taken back."""

from __future__ import annotations

from approvals.audit.verify import verify
from approvals.events import Kind, State
from sandbox.slack import Message
from sandbox.world.model import JitEntry
from tests.stage import Stage

LINE = "/jit enable monitor-01 ssh,8443 max 2h from 203.0.113.0/24 because new monitoring"


async def asked(stage: Stage, line: str = LINE, who: str = "alice") -> Message:
    person = stage.slack.person(who)
    await person.command("C0OPS", line)
    await person.wait_ephemeral("is sent")
    return await stage.slack.wait_message("C0OPS", containing="needed")


def entry_of(stage: Stage, name: str) -> JitEntry | None:
    """The machine's entry as Azure has it."""
    found = [
        entry
        for policy in stage.azure.state.policies.values()
        for entry in policy.entries
        if entry.vm_id.lower().endswith(f"/{name}")
    ]
    return found[0] if found else None


def names(stage: Stage) -> set[str]:
    return {
        entry.vm_id.rpartition("/")[2].lower()
        for policy in stage.azure.state.policies.values()
        for entry in policy.entries
    }


async def test_jit_is_turned_on_for_a_machine_by_an_approved_line(stage: Stage) -> None:
    others = names(stage)
    card = await asked(stage)
    assert "JIT turned on for monitor-01" in card.text
    request = await stage.request()
    assert request.kind is Kind.JIT_POLICY
    assert entry_of(stage, "monitor-01") is None
    await stage.slack.person("suzuki").click(card, "jit_approve")
    done = await stage.wait_state(State.APPLIED)
    await stage.slack.wait_update(card, containing="Done: JIT turned on for monitor-01")
    entry = entry_of(stage, "monitor-01")
    assert entry is not None
    assert [(p.number, p.sources) for p in entry.ports] == [
        (22, ("203.0.113.0/24",)),
        (8443, ("203.0.113.0/24",)),
    ]
    assert names(stage) == others | {"monitor-01"}
    assert done.outcome is not None
    assert [result.is_done for result in done.outcome.results] == [True]
    report = await verify(stage.ledger.store, stage.ledger.keys)
    assert report.is_good, report
