"""Somebody leaves between asking and the yes: no port is opened for them (B11, B12)."""

from __future__ import annotations

import pytest

from approvals.events import State
from tests.security.acts import asked
from tests.stage import Stage, until


@pytest.mark.proves("B11", "B12")
async def test_a_request_of_a_deactivated_person_is_not_approved(stage: Stage) -> None:
    card = await asked(stage)
    suzuki, alice = stage.slack.person("suzuki"), stage.slack.person("alice")
    await stage.slack.deactivate(alice.id)
    directory = stage.service.directory
    await until(lambda: (known := directory.known(alice.id)) is not None and known.is_deleted)
    await suzuki.click(card, "jit_approve")
    await suzuki.wait_ephemeral("deactivated")
    assert (await stage.request()).state is State.PENDING
    assert not stage.azure.initiates


@pytest.mark.proves("B6")
async def test_a_typed_denial_says_why_and_not_at_any_length(stage: Stage) -> None:
    await asked(stage)
    suzuki = stage.slack.person("suzuki")
    await suzuki.command("C0OPS", "/jit deny 1 because ...")
    await suzuki.wait_ephemeral("A reason is needed")
    await suzuki.command("C0OPS", "/jit deny 1 because " + "no " * 300)
    await suzuki.wait_ephemeral("500 are allowed")
    assert (await stage.request()).state is State.PENDING
