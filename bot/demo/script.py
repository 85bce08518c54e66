"""`sekisho demo --script`: the main job, played by people who click faster than people do.

Each act waits for what it should bring about, in Slack, in Azure and in the ledger; the first thing
that differs ends the script with exit code 1.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp

from bot.console import BAD, GOOD, Console
from bot.demo.players import Player
from bot.demo.processes import Running
from bot.demo.surface import AzureView, Differs, OpenPort, Surface, until

OPS = "C0OPS"
SOURCE = "203.0.113.7"
REQUEST_TIMEOUT_SECONDS = 10.0

#: From the opening to inside the 10 minutes before an hour's end.
TO_THE_WARNING_SECONDS = 51 * 60
#: The demo's rules let a request lapse after 30 minutes.
TO_THE_LAPSE_SECONDS = 31 * 60


async def play(console: Console, world: Running) -> int:
    """0 when everything was seen as it should be."""
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        surface = Surface(world.addresses.slack.page_url.rstrip("/"), session)
        script = Script(console, surface)
        acts = asyncio.create_task(script.play())
        ended = asyncio.create_task(world.ended())
        try:
            await asyncio.wait({acts, ended}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise ended.result().failed()
            await acts
            await script.account(world)
        except (Differs, aiohttp.ClientError, TimeoutError) as error:
            console.complain("demo.differs", reason=str(error) or type(error).__name__)
            return BAD
        finally:
            for task in (acts, ended):
                task.cancel()
            await asyncio.gather(acts, ended, return_exceptions=True)
    console.say("demo.as_it_should")
    return GOOD


class Script:
    """The acts, in order; `entries` counts what the audit log must hold at least."""

    def __init__(self, console: Console, surface: Surface) -> None:
        self._console = console
        self._surface = surface
        self._alice = self._person("U0ALICE", "Alice")
        self._sato = self._person("U0SATO", "佐藤")
        self._suzuki = self._person("U0SUZUKI", "Suzuki")
        self._kimura = self._person("U0KIMURA", "Kimura")

    def _person(self, user: str, name: str) -> Player:
        return Player(self._console, self._surface, user, name)

    async def play(self) -> None:
        await self._ask()
        await self._strangers()
        await self._approve_twice()
        await self._extend()
        await self._done()
        await self._deny()
        await self._lapse()

    async def _ask(self) -> None:
        self._console.say("demo.act_ask")
        # The bot answers Slack before it has read Azure's list of machines.
        await self._alice.asks_until(OPS, "/jit list web", "web-01")
        await self._alice.types(OPS, f"/jit web-01 22 for 1h from {SOURCE} because deploy fix")
        await self._alice.sees(OPS, "web-01", "1 of 3", private=True)
        await self._nothing_open()

    async def _strangers(self) -> None:
        self._console.say("demo.act_strangers")
        card = await self._kimura.sees(OPS, "web-01", "deploy fix", button="jit_approve")
        await self._kimura.presses(OPS, card, "jit_approve")
        await self._kimura.sees(OPS, "Nothing changed", private=True)
        own = await self._alice.sees(OPS, "web-01", "deploy fix", button="jit_approve")
        await self._alice.presses(OPS, own, "jit_approve")
        await self._alice.sees(OPS, "Nothing changed", private=True)
        await self._nothing_open()

    async def _approve_twice(self) -> None:
        self._console.say("demo.act_approve")
        card = await self._sato.sees(OPS, "web-01", button="jit_approve")
        await self._sato.presses(OPS, card, "jit_approve", times=2)
        await self._sato.sees(OPS, "1/1", private=True)
        await self._sato.sees(OPS, "変更はありません", private=True)
        opened = await self._open("web-01")
        _same("source", opened.source, SOURCE)
        _same("initiates", len(self._initiates()), 1)
        await self._alice.sees(self._alice.dm, "web-01", SOURCE, button="jit_done")
        await self._alice.sees(OPS, "web-01", "U0SATO", private=False)

    async def _extend(self) -> None:
        self._console.say("demo.act_extend")
        before = await self._open("web-01")
        await self._surface.advance(TO_THE_WARNING_SECONDS)
        warning = await self._alice.sees(self._alice.dm, "web-01", button="jit_extend_30")
        await self._alice.presses(self._alice.dm, warning, "jit_extend_30")
        await self._alice.fills("jit_extend")
        card = await self._suzuki.sees(OPS, "web-01", "30 minutes", button="jit_approve")
        await self._suzuki.presses(OPS, card, "jit_approve")
        await self._suzuki.sees(OPS, "1 of 1", private=True)

        async def longer() -> OpenPort | None:
            found = await self._port("web-01")
            return found if found is not None and found.ends_at > before.ends_at else None

        await until("Azure does not show the longer end", longer)
        _same("initiates", len(self._initiates()), 2)

    async def _done(self) -> None:
        self._console.say("demo.act_done")
        session = await self._alice.sees(
            self._alice.dm, "web-01", SOURCE, "open", button="jit_done"
        )
        await self._alice.presses(self._alice.dm, session, "jit_done")

        async def closed() -> AzureView | None:
            found = await self._surface.azure()
            return None if _for_alice(found) else found

        await until("Azure still shows port 22 of web-01 open", closed)
        await self._alice.sees(self._alice.dm, "web-01", "Proved closed")

    async def _deny(self) -> None:
        self._console.say("demo.act_deny")
        await self._alice.types(OPS, f"/jit web-02 22 for 1h from {SOURCE} because have a look")
        card = await self._suzuki.sees(OPS, "web-02", "have a look", button="jit_deny")
        await self._suzuki.presses(OPS, card, "jit_deny")
        await self._suzuki.fills("jit_deny", reason="Use the read-only replica.")
        await self._alice.sees(self._alice.dm, "web-02", "Use the read-only replica.")
        await self._nothing_open()

    async def _lapse(self) -> None:
        self._console.say("demo.act_lapse")
        await self._alice.types(OPS, f"/jit web-02 22 for 1h from {SOURCE} because second try")
        card = await self._suzuki.sees(OPS, "web-02", "second try", button="jit_approve")
        await self._surface.advance(TO_THE_LAPSE_SECONDS)
        await self._alice.sees(self._alice.dm, "web-02", "apsed")
        late = await self._suzuki.sees(OPS, "web-02", "apsed", private=False)
        _same("message of the lapsed request", late.ts, card.ts)
        _same("buttons of the lapsed request", late.button("jit_approve"), None)
        await self._nothing_open()

    # --- what Azure shows ---

    async def _port(self, vm: str) -> OpenPort | None:
        found = await self._surface.azure()
        return next((port for port in _for_alice(found) if port.vm == vm), None)

    async def _open(self, vm: str) -> OpenPort:
        found = await until(f"Azure does not show {vm} open", lambda: self._port(vm))
        self._console.say(
            "demo.azure_open",
            vm=found.vm, port=found.port, source=found.source, justification=found.justification,
        )  # fmt: skip
        return found

    async def _nothing_open(self) -> None:
        _same("open ports", [port.vm for port in _for_alice(await self._surface.azure())], [])

    def _initiates(self) -> list[str]:
        """Openings that were asked for; the short one that closes early is told by its time."""
        writes = self._surface.writes.values()
        return [exchange.path for exchange in writes if exchange.path.endswith("/initiate")]

    async def account(self, world: Running) -> None:
        """What Azure received, and whether the ledger is good."""
        await self._surface.azure()
        self._console.say("demo.azure_received")
        for exchange in self._surface.writes.values():
            self._console.write(f"  {exchange.method} {exchange.path} {exchange.status}")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.cli", "audit", "verify",
            "--language", self._console.language,
            env=dict(world.environment), stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        self._console.say("demo.ledger")
        for line in said.decode().splitlines():
            self._console.write(f"  {line}")
        _same("exit code of audit verify", process.returncode, 0)


def _for_alice(azure: AzureView) -> list[OpenPort]:
    """What is open for her. Closing early asks Azure for a short opening for nobody's address."""
    return [port for port in azure.open if port.source == SOURCE]


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Differs(f"{what}: {found!r} instead of {wanted!r}")
