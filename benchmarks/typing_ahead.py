"""Type-ahead in an estate of 100,000 VMs, as the form's menu asks for it."""

from __future__ import annotations

import asyncio
import random

import msgspec

from benchmarks import payloads
from benchmarks.clicks import EDGE, bot
from benchmarks.estates import large_cache
from benchmarks.figures import Figure, Unit
from benchmarks.ground import Ground
from benchmarks.load import Client, client

VMS = 100_000
TAG = "typing"
#: Which queries are typed is drawn once, the same in every run.
SEED = 4
WARM = 20
LOADING_SECONDS = 60.0


async def type_ahead(ground: Ground, count: int) -> Figure:
    """Prefixes, middles, two words, tags and misses, over signed HTTP."""
    names = await large_cache(ground, TAG, VMS)
    typed = queries(names, count + WARM)
    async with bot(ground, TAG, *EDGE) as port:
        signer = payloads.signer(ground)
        with client(port) as ours:
            await _loaded(ours, signer, names[0])
            sent = [signer.interactive(payloads.suggestion(query)) for query in typed]
            samples = [await asyncio.to_thread(ours.acked, request) for request in sent]
    title = f"type-ahead at {VMS:,} VMs"
    return Figure("type_ahead", title, Unit.MILLISECONDS, tuple(samples[WARM:]))


def queries(names: list[str], count: int) -> list[str]:
    """What people type on the way to a name, and what is nowhere."""
    chance = random.Random(SEED)
    kinds = (
        lambda name: name[: chance.randint(1, len(name))],
        lambda name: name[chance.randint(1, 4) :],
        lambda name: f"{name.partition('-')[0]} {chance.choice(('prod', 'test'))}",
        lambda name: f"team-{chance.randint(0, 199):03} {name[:3]}",
        lambda name: f"{name}x",
        lambda _: chance.choice(("", "0", "1", "prod", "japaneast", "zzz", "e", "-")),
    )
    return [chance.choice(kinds)(chance.choice(names)) for _ in range(count)]


async def _loaded(ours: Client, signer: payloads.Signer, name: str) -> None:
    """Until the estate of the last process is back."""
    async with asyncio.timeout(LOADING_SECONDS):
        while True:
            answer = await asyncio.to_thread(
                ours.send, signer.interactive(payloads.suggestion(name))
            )
            if msgspec.json.decode(answer.body or b"{}").get("options"):
                return
            await asyncio.sleep(0.2)
