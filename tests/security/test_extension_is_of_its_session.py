"""An extension is of one session: the asker's, with its VM, its ports and its source."""

from __future__ import annotations

import pytest

from approvals.events import State
from sandbox.slack import View
from tests.security.acts import opened
from tests.stage import Stage


def names(form: View, word: str) -> bool:
    return word in str(form.blocks)


@pytest.mark.proves("C3", "B9")
async def test_a_form_begun_to_extend_can_be_turned_into_no_other_extension(stage: Stage) -> None:
    """Too long is answered with a form to mend; in it another VM may be chosen."""
    await opened(stage)
    alice = stage.slack.person("alice")
    await alice.command("C0OPS", "/jit extend 1 for 12h")
    corrected = await alice.wait_ephemeral("Corrected:")
    await alice.click(corrected, "jit_form")
    form = await alice.wait_view(where=lambda view: names(view, "web-01"))
    [other, *_] = await alice.suggest(form, "vm", "web-02")
    await alice.fill(form, "vm", other)
    form = await alice.wait_view(where=lambda view: names(view, "web-02"))
    await alice.fill(form, "ports", ["22"])
    await alice.fill(form, "window", "1h")
    await alice.submit(form)
    await alice.wait_ephemeral("Request 2 is sent")
    filed = await stage.request(2)
    assert filed.target.name == "web-02"
    assert filed.extends is None

    card = await stage.slack.wait_message("C0OPS", containing="1 approval needed")
    await stage.slack.person("suzuki").click(card, "jit_approve")
    await stage.wait_state(State.ACTIVE, 2)
    assert (await stage.request(1)).state is State.ACTIVE


@pytest.mark.proves("C3")
async def test_an_extension_of_the_same_access_stays_one(stage: Stage) -> None:
    await opened(stage)
    alice = stage.slack.person("alice")
    await alice.command("C0OPS", "/jit extend 1 for 30m")
    await alice.wait_ephemeral("Request 2 is sent")
    assert (await stage.request(2)).extends == "1"
