"""JIT policies of machines: asked for by a line, approved, applied, read back, taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from approvals.audit.verify import verify
from approvals.events import Kind, State
from approvals.own_changes import OwnChanges
from feeds.openings import EntrySeen, PolicyChange, PortSeen
from handlers.own_policies import OwnPolicies
from sandbox.azure.faults import Fault, refuse
from sandbox.slack import Message
from sandbox.world.model import JitEntry
from tests.journeys.test_guests import guest
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


@pytest.mark.proves("C12")
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


@pytest.mark.proves("C13")
async def test_the_approver_sees_the_difference_and_the_rules_of_azure(stage: Stage) -> None:
    card = await asked(stage)
    shown = str(card.blocks)
    assert "22 (SSH): up to 2 hours, from 203.0.113.0/24" in shown
    assert "deny 8443 to monitor-01" in shown
    assert "jit_approve_less" not in shown
    request = await stage.request()
    assert request.change is not None
    rules = request.change.rules
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.APPLIED)
    nsg = stage.azure.state.rules(rules[0].nsg.lower(), now=stage.clock.now())
    added = {rule.port: rule.priority for rule in nsg if "of VM 'monitor-01'" in rule.description}
    assert {str(rule.port) for rule in rules} == set(added)


@pytest.mark.proves("C12")
async def test_several_machines_and_a_tag_are_one_request(stage: Stage) -> None:
    line = "/jit enable monitor-01,dns-01 ssh max 2h from office because new servers"
    card = await asked(stage, line)
    assert "monitor-01 and 1 more" in card.text
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.APPLIED)
    for name in ("monitor-01", "dns-01"):
        entry = entry_of(stage, name)
        assert entry is not None
        assert [port.sources for port in entry.ports] == [("203.0.113.0/24",)]
    alice = stage.slack.person("alice")
    await alice.command("C0OPS", "/jit disable tag:owner=ops because the whole team moves")
    await alice.wait_ephemeral("Request 2 is sent")
    request = await stage.request(2)
    assert {target.name for target in request.targets} >= {"monitor-01", "dns-01", "bastion-01"}


@pytest.mark.proves("B9", "FAULT-2")
async def test_nobody_approves_his_own_change(stage: Stage) -> None:
    sato = stage.slack.person("sato")
    await sato.command("C0OPS", LINE)
    card = await stage.slack.wait_message("C0OPS", containing="needed")
    await sato.click(card, "jit_approve")
    await sato.wait_ephemeral("自分の申請")
    assert (await stage.request()).state is State.PENDING
    assert entry_of(stage, "monitor-01") is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/jit enable db-77 22 because new", "db-77"),
        ("/jit enable monitor-01 22 max 12h because new", "4 hours at most"),
        ("/jit enable web-01 22 because new", "has JIT already"),
        ("/jit edit monitor-01 22 because new", "has no JIT"),
        ("/jit enable erp-01 3389 because new", "no network security group"),
        ("/jit enable monitor-01,qa-05 22 because new", "under different rules"),
        ("/jit enable monitor-01 22 max 3h", "because"),
    ],
)
async def test_what_can_not_be_is_refused_before_anybody_is_asked(
    stage: Stage, line: str, why: str
) -> None:
    alice = stage.slack.person("alice")
    await alice.command("C0OPS", line)
    await alice.wait_ephemeral(why)
    assert not await stage.ledger.pending()


async def test_turned_off_edited_and_put_back(stage: Stage) -> None:
    before = entry_of(stage, "web-03")
    others = names(stage)
    card = await asked(stage, "/jit edit web-03 max 1h from office because audit finding")
    assert "was 22 (SSH)" in str(card.blocks)
    suzuki = stage.slack.person("suzuki")
    await suzuki.click(card, "jit_approve")
    await stage.wait_state(State.APPLIED)
    edited = entry_of(stage, "web-03")
    assert edited is not None
    assert {port.sources for port in edited.ports} == {("203.0.113.0/24",)}
    assert names(stage) == others
    done = await stage.slack.wait_update(card, containing="Done: ")
    await stage.slack.person("alice").click(done, "jit_undo")
    back = await stage.slack.wait_message("C0OPS", containing="needed: JIT put back")
    await suzuki.click(back, "jit_approve")
    await stage.wait_state(State.APPLIED, 2)
    assert entry_of(stage, "web-03") == before
    assert (await stage.request(1)).state is State.UNDONE
    await stage.slack.wait_update(card, containing="Put back")


async def test_an_entry_is_taken_out_and_the_others_stay(stage: Stage) -> None:
    others = names(stage)
    card = await asked(stage, "/jit disable web-03 because retired")
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.APPLIED)
    assert names(stage) == others - {"web-03"}


@pytest.mark.proves("C12")
async def test_refused_half_way_and_tried_again(stage: Stage) -> None:
    """monitor-01 and cache-01 stand in different groups, so in different policies."""
    before = [entry_of(stage, name) for name in ("cache-01", "bastion-01")]
    refusal = refuse(409, "ScopeLocked", "a lock", method="PUT", path_contains="rg-shop-prod")
    stage.azure.faults.add(refusal)
    line = "/jit edit cache-01,bastion-01 max 1h from office because audit"
    card = await asked(stage, line)
    await stage.slack.person("suzuki").click(card, "jit_approve")
    failed = await stage.wait_state(State.FAILED)
    assert failed.is_partial
    card = await stage.slack.wait_update(card, containing="Done in part")
    assert "cache-01`: not done" in str(card.blocks)
    stage.azure.faults.clear()
    await stage.slack.person("alice").click(card, "jit_retry")
    applied = await stage.wait_state(State.APPLIED)
    assert applied.outcome is not None
    assert [result.is_unchanged for result in applied.outcome.results] == [False, False]
    entry = entry_of(stage, "cache-01")
    assert entry is not None
    assert {port.sources for port in entry.ports} == {("203.0.113.0/24",)}
    # what the first try wrote is put back, too
    done = await stage.slack.wait_update(card, containing="Done: ")
    await stage.slack.person("alice").click(done, "jit_undo")
    back = await stage.slack.wait_message("C0OPS", containing="needed: JIT put back")
    await stage.slack.person("suzuki").click(back, "jit_approve")
    await stage.wait_state(State.APPLIED, 2)
    assert [entry_of(stage, name) for name in ("cache-01", "bastion-01")] == before


async def test_a_lost_update_is_found_and_made_again(stage: Stage) -> None:
    """The PUT is answered with 200, and another writer has put the policy back at once."""
    stage.azure.faults.add(
        Fault(method="PUT", path_contains="jitNetworkAccessPolicies", status=200, body={})
    )
    card = await asked(stage)
    await stage.slack.person("suzuki").click(card, "jit_approve")
    done = await stage.wait_state(State.APPLIED)
    assert entry_of(stage, "monitor-01") is not None
    assert done.outcome is not None
    assert not done.outcome.results[0].is_unchanged


async def test_what_somebody_changed_meanwhile_is_not_overwritten(stage: Stage) -> None:
    card = await asked(stage, "/jit edit web-03 max 1h from office because audit")
    policy = next(
        p
        for p in stage.azure.state.policies.values()
        if any(e.vm_id.lower().endswith("/web-03") for e in p.entries)
    )
    entries = tuple(
        replace(e, ports=e.ports[:1]) if e.vm_id.lower().endswith("/web-03") else e
        for e in policy.entries
    )
    stage.azure.state.put_policy(
        replace(policy, entries=entries), now=stage.clock.now(), settle=timedelta()
    )
    await stage.slack.person("suzuki").click(card, "jit_approve")
    failed = await stage.wait_state(State.FAILED)
    assert failed.failure is not None
    assert failed.failure.code == "PolicyChanged"
    await stage.slack.wait_update(card, containing="not what the approver saw")
    entry = entry_of(stage, "web-03")
    assert entry is not None
    assert len(entry.ports) == 1


async def test_an_edit_of_ours_is_not_told_as_made_outside(stage: Stage) -> None:
    card = await asked(stage, "/jit edit web-03 max 1h from office because audit")
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.APPLIED)
    request = await stage.request()
    assert await OwnChanges(stage.ledger.store).of(request.target.resource_id) == request.id
    [entry] = request.change.entries if request.change else ()
    now = [
        PortSeen(p.number, tuple(sorted(p.sources)), p.longest_seconds, p.protocol)
        for p in entry.ports
    ]
    was = EntrySeen(entry.resource_id, (), (), stage.clock.now())
    seen = EntrySeen(entry.resource_id, (), tuple(now), stage.clock.now())
    own = OwnPolicies(stage.ledger)
    assert await own.made(PolicyChange("web-03", "changed", was, seen))
    other = EntrySeen(entry.resource_id, (), tuple(now[:1]), stage.clock.now())
    assert not await own.made(PolicyChange("web-03", "changed", was, other))
    assert not await own.made(PolicyChange("web-03", "removed", was, None))


@pytest.mark.proves("C14")
async def test_a_deleted_machine_left_in_a_policy_is_named_and_taken_out(stage: Stage) -> None:
    others = names(stage)
    entry = entry_of(stage, "web-03")
    assert entry is not None
    policies = stage.azure.state.policies.values()
    policy = next(found for found in policies if entry in found.entries)
    left = replace(entry, vm_id=entry.vm_id.replace("web-03", "web-33"))
    stage.azure.state.put_policy(
        replace(policy, entries=(*policy.entries, left)),
        now=stage.clock.now(),
        settle=timedelta(),
    )
    await stage.service.estate.refresh_all()
    alice = stage.slack.person("alice")
    await alice.command("C0OPS", "/jit clean")
    await alice.wait_ephemeral("web-33")
    stranger = guest(stage)
    await stranger.command("C0OPS", "/jit clean")
    assert "web-33" not in (await stranger.wait_ephemeral("No JIT policy")).all_text()
    await alice.command("C0OPS", "/jit clean web-04 because tidy")
    await alice.wait_ephemeral("web-04")
    assert not await stage.ledger.pending()
    card = await asked(stage, "/jit clean web-33 because it was deleted")
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.APPLIED)
    assert names(stage) == others
