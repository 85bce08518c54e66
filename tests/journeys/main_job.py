"""The main job as people do it, for every transport and every server of the ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from approvals.audit.verify import verify
from approvals.events import EndCause, State
from sandbox.slack import View
from tests.stage import Stage

Between = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Between two steps nothing happens."""


async def play_main_job(stage: Stage, between: Between = nothing) -> None:
    """Ask by form, approve, open, be warned, done, closed, proved. `between` runs before each."""
    alice, suzuki = stage.slack.person("alice"), stage.slack.person("suzuki")
    await between()
    await ask_by_form(stage)
    await alice.wait_ephemeral("Request 1 is sent", timeout=15)
    card = await stage.slack.wait_message("C0OPS", containing="1 approval needed", timeout=15)

    await between()
    assert (await suzuki.click(card, "jit_approve")).acked
    request = await stage.wait_state(State.ACTIVE, within=20)
    await alice.wait_dm("ssh ", timeout=15)
    await stage.slack.wait_update(card, containing="is open", timeout=15)
    [port] = stage.azure.open_ports()
    assert (port.vm, port.port, port.source) == ("web-01", 22, "203.0.113.7")
    assert request.opening is not None
    assert port.ends_at == request.opening.ends_at

    stage.advance(minutes=111)
    warning = await alice.wait_dm("min left", timeout=15)
    await between()
    assert (await alice.click(warning, "jit_done")).acked
    ended = await stage.wait_state(State.ENDED, within=20)
    assert ended.ended is not None
    assert ended.ended.cause is EndCause.DONE
    await stage.slack.wait_update(card, containing="is closed", timeout=15)
    assert not [port for port in stage.azure.open_ports() if port.source == "203.0.113.7"]
    assert len([each for each in stage.azure.initiates if _opens(each.body)]) == 1
    await is_proved(stage)


async def ask_by_form(stage: Stage) -> None:
    """`/jit` alone, then the form field by field, the VM by type-ahead."""
    alice = stage.slack.person("alice")
    assert (await alice.command("C0OPS", "/jit")).acked
    form = await alice.wait_view(timeout=15)
    options = await alice.suggest(form, "vm", "web-01")
    await alice.fill(form, "vm", options[0])
    form = await alice.wait_view(timeout=15, where=has_ports)
    await alice.fill(form, "ports", ["22"])
    [typed, *_] = await alice.suggest(form, "source", "203.0.113.7")
    await alice.fill(form, "source", typed)
    await alice.fill(form, "window", "2h")
    await alice.fill(form, "reason", "deploy fix 4821")
    result = await alice.submit(form)
    assert not result.errors


def has_ports(form: View) -> bool:
    """The VM is chosen: the form has been drawn again with what belongs to it."""
    return any(block["block_id"] == "ports" for block in form.blocks)


async def is_proved(stage: Stage) -> None:
    """The chain is whole, and tells this one story."""
    report = await verify(stage.ledger.store, stage.ledger.keys)
    assert report.is_good, report


def _opens(body: object) -> bool:
    """An `initiate` for a person, not the one that replaces it in order to close."""
    return "203.0.113.7" in str(body)
