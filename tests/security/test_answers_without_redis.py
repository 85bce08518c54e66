"""Redis goes away under an open form, a menu, a mention: each is answered all the same (B11)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.slack import Message
from tests.faults.stages import Steps, ask, stage_behind_proxy
from tests.proxy import Proxy
from tests.stage import Stage

NOTHING = "Nothing was recorded or opened"

pytestmark = pytest.mark.proves("B11", "O6")


@pytest.fixture
async def behind(tmp_path: Path) -> AsyncIterator[tuple[Stage, Proxy]]:
    stage, server, proxy = await stage_behind_proxy(tmp_path, Steps())
    yield stage, proxy
    proxy.heal()
    await stage.stop()
    await proxy.__aexit__(None, None, None)
    await server.kill()


def go_down(proxy: Proxy) -> None:
    proxy.refuse = True
    proxy.reset()


async def test_the_form_of_a_command(behind: tuple[Stage, Proxy]) -> None:
    stage, proxy = behind
    alice = stage.slack.person("alice")
    go_down(proxy)
    assert (await alice.command("C0OPS", "/jit")).acked
    await alice.wait_ephemeral(NOTHING)


async def test_a_vm_chosen_and_an_address_typed(behind: tuple[Stage, Proxy]) -> None:
    stage, proxy = behind
    alice = stage.slack.person("alice")
    await alice.command("C0OPS", "/jit")
    form = await alice.wait_view()
    [option, *_] = await alice.suggest(form, "vm", "web-01")
    go_down(proxy)
    await alice.fill(form, "vm", option)
    await alice.wait_dm(NOTHING)
    [typed] = await alice.suggest(form, "source", "203.0.113.7")
    assert typed["value"] == "203.0.113.7"


async def test_a_mention_in_a_thread(behind: tuple[Stage, Proxy]) -> None:
    stage, proxy = behind
    card = await ask(stage)
    suzuki = stage.slack.person("suzuki")
    go_down(proxy)
    await suzuki.mention("C0OPS", "@Sekisho approve", thread_ts=card.ts)
    await suzuki.wait_ephemeral(NOTHING)


async def test_a_message_in_the_dm(behind: tuple[Stage, Proxy]) -> None:
    stage, proxy = behind
    suzuki = stage.slack.person("suzuki")
    go_down(proxy)
    await suzuki.say(suzuki.dm, "pending")
    await suzuki.wait_dm(NOTHING)


async def test_a_message_taken_as_the_reason(behind: tuple[Stage, Proxy]) -> None:
    stage, proxy = behind
    alice = stage.slack.person("alice")
    message: Message = await alice.say("C0OPS", "nginx is down")
    go_down(proxy)
    assert (await alice.shortcut(message, "jit_from_message")).acked
    await alice.wait_ephemeral(NOTHING)


async def test_the_home_tab(behind: tuple[Stage, Proxy]) -> None:
    stage, proxy = behind
    alice = stage.slack.person("alice")
    go_down(proxy)
    home = await alice.open_home()
    assert NOTHING in str(home.blocks)
