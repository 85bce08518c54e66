"""What people do in nearly every case: ask, wait for the answer, find the card."""

from __future__ import annotations

from sandbox.slack import Message
from sandbox.slack.people import Person
from tests.stage import Stage

LINE = "/jit web-01 22 for 1h from 203.0.113.7 because deploy fix"
SENT = {"en": "is sent", "ja": "受け付けました"}


def language(person: Person) -> str:
    return "ja" if person.member.locale.startswith("ja") else "en"


async def asked(
    stage: Stage,
    line: str = LINE,
    who: str = "alice",
    *,
    channel: str = "C0OPS",
    card_in: str = "C0OPS",
) -> Message:
    """A request that waits for its approvers: its card."""
    person = stage.slack.person(who)
    before = len(stage.slack.channel(card_in).top_level)
    await person.command(channel, line)
    await answer(stage, person, SENT[language(person)])
    await stage.slack.wait(
        lambda: len(stage.slack.channel(card_in).top_level) > before, what="a card"
    )
    return stage.slack.channel(card_in).top_level[-1]


async def answer(
    stage: Stage, person: Person, containing: str = "", newer_than: int = 0
) -> Message:
    """The newest ephemeral message or DM with these words, of those after the first so many."""

    def newest() -> Message | None:
        seen = sorted([*person.ephemerals(), *person.dms()], key=lambda message: message.ts)
        later = seen[newer_than:]
        return next((m for m in reversed(later) if m.says(containing)), None)

    return await stage.slack.wait(newest, what=f"{person.member.handle} to read {containing!r}")


def seen(person: Person) -> int:
    """How many private messages this person has: `answer(newer_than=…)` wants a newer one."""
    return len(person.ephemerals()) + len(person.dms())
