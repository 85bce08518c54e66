"""`/defender`: the official detection test of a machine, and whether its alert arrives (D14)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from approvals.events import PersonId
from defender.alert import Alert
from defender.records import Machine
from defender.resources import ResourceId
from defender.search import short_key
from delivery.outbox import OUTBOX_ERRORS, ChannelId, Line
from feeds.detection_tests import DetectionTests, Wait
from feeds.reading import AlertReads
from handlers.ask_form import vm_options
from handlers.caller import Caller, of_click, of_command
from handlers.cards import risk_of
from handlers.line_words import HIDDEN, LINE_MAX, QUOTES, fold
from handlers.locale import Locale
from handlers.mentions import unescaped
from handlers.services import Services
from handlers.telling import Telling, ack_with
from handlers.views import defender_test as views
from handlers.views.blocks import Message

log = logging.getLogger(__name__)

TEST_WORDS = frozenset({"test", "テスト"})
HELP_WORDS = frozenset({"help", "ヘルプ", "?"})
#: Machines offered when a name is not exact.
NEAR_MAX = 4
#: A name, and the group that tells two of one name apart.
WORDS_MAX = 2
#: Alerts that are looked through for a machine that Azure does not list.
TOLD_MAX = 1_000
PICK = "defender_test_pick"


class Defender:
    """What is typed after `/defender`, and the buttons of its answers (`defender_…`)."""

    def __init__(
        self, services: Services, tests: DetectionTests, alerts: AlertReads | None = None
    ) -> None:
        self._s = services
        self._tests = tests
        self._alerts = alerts

    async def command(self, caller: Caller, typed: str, locale: Locale) -> Message:
        """The answer, private to who typed it."""
        verb, *words = _words(typed) or ["help"]
        verb = verb.casefold()
        if verb in TEST_WORDS and words:
            return await self._test(caller.person, words, locale)
        if verb in TEST_WORDS | HELP_WORDS:
            return views.help_message(locale)
        return views.unknown_command(verb, locale)

    async def click(self, caller: Caller, action: Mapping[str, Any], locale: Locale) -> Message:
        """One of several machines was meant; the button carries its short key."""
        short = str(action.get("value") or "")
        estate = self._s.estate
        machine = estate.index.by_short(short) or estate.arc.by_short(short)
        if machine is not None:
            return await self._begin(caller.person, machine, locale)
        told = await self._told(lambda machine: short_key(machine) == short)
        if not told:
            return views.unknown_machine("", [], locale)
        return await self._begin(caller.person, told[0], locale)

    async def _test(self, person: PersonId, words: Sequence[str], locale: Locale) -> Message:
        estate, name = self._s.estate, words[0]
        found: Sequence[Machine] = (*estate.index.by_name(name), *estate.arc.by_name(name))
        if not found:
            found = await self._told(lambda machine: machine.name.casefold() == name.casefold())
        if len(words) >= WORDS_MAX:
            group = words[1].strip("()（）").casefold()
            found = [machine for machine in found if machine.resource_group.casefold() == group]
        if not found:
            near = [*estate.index.near(name, NEAR_MAX), *estate.arc.near(name, NEAR_MAX)]
            return views.unknown_machine(name, vm_options(near[:NEAR_MAX]), locale)
        if len(found) > 1:
            return views.which_machine(name, vm_options(found[:NEAR_MAX]), locale)
        return await self._begin(person, found[0], locale)

    async def _told(self, is_meant: Callable[[Machine], bool]) -> list[Machine]:
        """Machines that Azure does not list and alerts have named, the newest first."""
        found: dict[str, Machine] = {}
        if self._alerts is not None:
            async for stored in self._alerts.newest(limit=TOLD_MAX):
                machine = _of_alert(stored.alert)
                if machine.name and is_meant(machine):
                    found.setdefault(machine.key, machine)
        if len(found) > 1:
            found.pop("", None)  # without an id it could not be chosen by a button
        return list(found.values())

    async def _begin(self, person: PersonId, machine: Machine, locale: Locale) -> Message:
        """The wait stands before the steps are shown: what is promised is kept."""
        try:
            wait = await self._tests.begin(person, str(machine.resource_id), machine.name)
        except OUTBOX_ERRORS as error:
            log.warning("detection test of %s: %s", machine.name, type(error).__name__)
            return views.not_begun(locale)
        is_read = await _is_read(self._s, wait)
        return views.steps(machine, wait.until, locale, is_read=is_read)


class DetectionReports:
    """Tells who waits what became of it: `arrived` for each new alert, `turn_due` now and then."""

    def __init__(
        self, services: Services, tests: DetectionTests, alerts: AlertReads | None = None
    ) -> None:
        self._s = services
        self._tests = tests
        self._alerts = alerts

    async def arrived(self, alerts: Sequence[Alert]) -> None:
        """Every wait that one of these alerts meets ends with it. Mostly nobody waits.

        Asked before they are known: were we killed here, the next read comes by once more.
        """
        for wait in await self._tests.waiting():
            met = next((alert for alert in alerts if wait.is_met_by(alert)), None)
            if met is not None:
                await self._tell_arrived(wait, met)

    async def turn_due(self) -> None:
        """The leader's duty: what has arrived unnoticed, and what did not arrive in time."""
        now = await self._tests.now()
        for wait in await self._tests.waiting():
            found = await self._known(wait)
            if found is not None:
                await self._tell_arrived(wait, found)
                continue
            if wait.until > now:
                continue
            locale = await self._s.languages.learn(wait.person)
            is_read = await _is_read(self._s, wait)
            await self._tell(wait, views.not_arrived(wait, locale, is_read=is_read))

    async def _known(self, wait: Wait) -> Alert | None:
        """An alert that came while nobody was there to say so."""
        if self._alerts is None:
            return None
        for place in (wait.resource_id, wait.machine):
            for stored in await self._alerts.of_machine(place):
                if wait.is_met_by(stored.alert):
                    return stored.alert
        return None

    async def _tell_arrived(self, wait: Wait, alert: Alert) -> None:
        locale = await self._s.languages.learn(wait.person)
        after = await self._tests.now() - wait.begun_at
        await self._tell(wait, views.arrived(wait, alert, after, locale))

    async def _tell(self, wait: Wait, message: Message) -> None:
        """One key for either outcome: two processes tell one of them, once."""
        line = Line(key=wait.key, text=message.text, blocks=message.blocks)
        await self._s.outbox.put(ChannelId(wait.person), line)
        await self._tests.end(wait)


def register(app: AsyncApp, defender: Defender, services: Services) -> None:
    """Hang the command and its buttons on the Bolt app."""
    languages = services.languages

    async def command(ack: AsyncAck, body: Mapping[str, Any]) -> None:
        caller = of_command(body)
        typed = unescaped(str(body.get("text") or ""))
        said = await defender.command(caller, typed, languages.of_person(caller.person))
        await ack_with(ack, said)

    async def click(
        ack: AsyncAck, body: Mapping[str, Any], action: Mapping[str, Any], respond: AsyncRespond
    ) -> None:
        caller = of_click(body, action)
        said = await defender.click(caller, action, languages.of_person(caller.person))
        await ack()
        services.background.start(Telling(services).tell(caller, said, respond), name="answer")

    app.command("/defender")(command)
    app.action(re.compile(rf"^{PICK}_\d+$"))(click)


def _of_alert(alert: Alert) -> Machine:
    return Machine(
        resource_id=ResourceId(alert.resource_id),
        name=alert.machine,
        resource_group=alert.resource_group,
        subscription_id=alert.subscription_id,
        subscription_name=alert.subscription_id,
        location="",
        os=alert.os,
        tags={},
    )


def _words(typed: str) -> list[str]:
    """Forgiving: full width, pasted quotes and characters that show nothing."""
    seen = "".join(char for char in fold(typed[:LINE_MAX]) if char not in HIDDEN)
    marks = "`" + "".join({*QUOTES.keys(), *QUOTES.values()})
    return [word for each in seen.split() if (word := each.strip(marks))]


async def _is_read(s: Services, wait: Wait) -> bool:
    """Whether alerts are being read now; else a missing one proves nothing."""
    risk = await risk_of(s, wait.resource_id, wait.machine)
    return risk.alerts is not None and risk.alerts_since is None
