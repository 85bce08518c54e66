"""`/alerts route web-01 high`: asks the rules of this moment about an alert that is not there."""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from defender.alert import Alert
from defender.records import Machine
from handlers.alert_feed import AlertFeed
from handlers.alert_line import AlertLine, corrected, example, near_severity
from handlers.alert_listing import AlertListing
from handlers.caller import Caller
from handlers.locale import Locale
from handlers.services import Services
from handlers.views import alert_help
from handlers.views.alert_route import RouteAsked, route_answer
from handlers.views.blocks import Message

#: What an endpoint detection says it comes from.
EDR_PRODUCT = "Microsoft Defender for Endpoint"


class AlertRoute:
    """Which rule would catch it, and why."""

    def __init__(self, services: Services, feed: AlertFeed, lists: AlertListing) -> None:
        self._s = services
        self._feed = feed
        self._lists = lists

    async def answer(self, caller: Caller, line: AlertLine, locale: Locale) -> Message:
        """By the rules of this moment, for an alert that there need not be."""
        del caller
        if not line.about:
            return alert_help.missing(example(line), locale)
        if line.bad_severity:
            near = near_severity(line.bad_severity)
            mended = corrected(replace(line, severity=near)) if near else ""
            return alert_help.bad_severity(line.bad_severity, mended, locale)
        if line.rest:
            return alert_help.unread_words(line.rest, corrected(line), locale)
        machines = self._lists.machines(line.about)
        alert = _asked(line, machines[0] if machines else None)
        routed = self._feed.route(alert)
        quiet = self._feed.settings().quiet_hours
        steps = routed.escalation
        people = (*routed.mentions.people, *((steps.person,) if steps else ()))
        asked = RouteAsked(
            machine=alert.machine,
            severity=alert.severity,
            routed=routed,
            is_known=bool(machines),
            is_held=quiet is not None and quiet.hold(alert.severity, self._s.ledger.instant),
            group_names=self._s.group_names(),
            names=await self._lists.facts.names(people, ask=True),
            subscriptions={
                one.subscription_id.casefold(): one.subscription_name
                for one in self._s.estate.index.machines
            },
        )
        return route_answer(asked, locale)


def _asked(line: AlertLine, machine: Machine | None) -> Alert:
    """An alert as the question describes it; High where no severity is named."""
    alert = Alert(
        key="asked",
        machine=line.about,
        severity=(line.severity or "high").capitalize(),
        product=EDR_PRODUCT if line.is_edr else "",
        is_edr=line.is_edr,
    )
    if machine is None:
        return alert
    return structs.replace(
        alert,
        machine=machine.name,
        resource_id=str(machine.resource_id),
        subscription_id=machine.subscription_id,
        resource_group=machine.resource_group,
        cloud="azure",
    )
